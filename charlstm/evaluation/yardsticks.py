"""What a text costs without a network: a unigram, a 5-gram and xz, learned on the same training text."""

from __future__ import annotations

import lzma
import math

import numpy as np
from numpy.typing import NDArray

from charlstm.data.batches import Ids
from charlstm.data.vocabulary import Vocabulary

ORDER = 5
# For a yardstick, the end of a longer training text and the beginning of a longer text are enough.
MAX_TRAIN, MAX_TEXT = 20_000_000, 2_000_000
MAX_XZ_TRAIN = 4_000_000
# About how many characters a word is, with the space before it.
CHARACTERS_OF_A_WORD = 5


def unigram_bits_per_char(train: Ids, text: Ids, vocabulary_size: int) -> float:
    """Return the cross-entropy of a text (N,) under the symbol shares of the training text, one added to each."""
    counts = np.bincount(train[-MAX_TRAIN:], minlength=vocabulary_size) + 1
    return float(-np.log2(counts[text[1:MAX_TEXT]] / counts.sum()).mean())


def ngram_bits_per_char(train: Ids, text: Ids, vocabulary_size: int, order: int = ORDER) -> float:
    """Return the cross-entropy of a text (N,) under an interpolated n-gram model of the training text.

    Each order n is mixed with the one below it by the number of different symbols T(h) that followed a history h in
    c(h) occurrences: p_n(s | h) = (c(h s) + T(h) p_{n-1}(s | h')) / (c(h) + T(h)), down to the uniform distribution.

    Source: Witten and Bell, The zero-frequency problem, 1991.
    """
    train, text = train[-MAX_TRAIN:], text[:MAX_TEXT]
    probability = np.full(len(text) - 1, 1 / vocabulary_size)
    for n in range(1, order + 1):
        grams, gram_counts = np.unique(_windows(train, n, vocabulary_size), return_counts=True)
        histories, first, kinds = np.unique(grams // np.uint64(vocabulary_size), return_index=True, return_counts=True)
        totals = np.add.reduceat(gram_counts, first)
        seen = _windows(text, n, vocabulary_size)[max(0, 2 - n) :]
        # The first symbols of the text have no history of this length: they keep the lower order.
        part = probability[max(0, n - 2) :]
        gram_count = _look_up(grams, gram_counts, seen)
        history_count = _look_up(histories, totals, seen // np.uint64(vocabulary_size))
        different = _look_up(histories, kinds, seen // np.uint64(vocabulary_size))
        known = history_count > 0
        mixed = (gram_count + different * part) / np.maximum(history_count + different, 1)
        probability[max(0, n - 2) :] = np.where(known, mixed, part)
    return float(-np.log2(probability).mean())


def xz_bits_per_char(train: Ids, text: Ids, vocabulary: Vocabulary) -> float:
    """Return what a text (N,) adds to the size of the compressed training text, in bits per symbol."""
    share = 1 if vocabulary.level == "char" else CHARACTERS_OF_A_WORD
    before = vocabulary.decode(train[-MAX_XZ_TRAIN // share :]).encode()
    text = text[: MAX_TEXT // share]
    content = vocabulary.decode(text).encode()
    added = _compressed_size(before + content) - _compressed_size(before)
    return 8 * added / len(text)


def _windows(ids: Ids, n: int, vocabulary_size: int) -> NDArray[np.uint64]:
    """Return each n successive symbols of ids (N,) as one number, (N - n + 1,)."""
    if n * math.log2(vocabulary_size) >= 64:
        raise OverflowError(f"{n}-grams of {vocabulary_size} symbols do not fit into 64 bits")
    count = max(0, len(ids) - n + 1)
    codes = np.zeros(count, np.uint64)
    for place in range(n):
        codes = codes * np.uint64(vocabulary_size) + ids[place : place + count].astype(np.uint64)
    return codes


def _look_up(keys: NDArray[np.uint64], values: NDArray[np.int64], wanted: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return the values of the wanted keys, 0 where there is no such key; keys are sorted."""
    if not len(keys):
        return np.zeros(len(wanted), np.int64)
    places = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[places] == wanted, values[places], 0)


def _compressed_size(content: bytes) -> int:
    return len(lzma.compress(content, preset=6))
