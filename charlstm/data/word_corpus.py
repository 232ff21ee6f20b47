"""The words of a corpus, block by block: counted, and then encoded."""

from __future__ import annotations

import itertools
import re
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from charlstm.data.documents import END_MARK
from charlstm.data.vocabulary import SPECIAL_SYMBOLS, UNKNOWN, Vocabulary
from charlstm.data.words import UNKNOWN_WORD, is_tokenized

# The characters at the beginning of a text by which it is known whether it is tokenised.
_BEGINNING_CHARACTERS = 1 << 20
_LONGEST_DOCUMENT = 2**32 - 1

# From a block of text to its ids (N,), and of words the characters of each with the white space before it (N,).
Encoder = Callable[[str], tuple[NDArray[np.unsignedinteger], NDArray[np.int64] | None]]


def words_begin(blocks: Iterator[str]) -> tuple[bool, Iterator[str]]:
    """Return whether a text is tokenised, which its beginning tells, and all of its blocks."""
    beginning: list[str] = []
    length = 0
    for block in blocks:
        beginning.append(block)
        length += len(block)
        if length >= _BEGINNING_CHARACTERS:
            break
    return is_tokenized("".join(beginning)), itertools.chain(beginning, blocks)


class WordCounter:
    """Adds up the words of a text that comes in blocks, which cut no word.

    Args:
        pattern: of the words.

    Attributes:
        lengths: the words of each document that has ended.
    """

    def __init__(self, pattern: re.Pattern[str]) -> None:
        self.lengths: array[int] = array("I")
        self._pattern = pattern
        self._words: Counter[str] = Counter()
        self._open_length = 0

    def add(self, text: str) -> None:
        """Take the next block of the text."""
        words = self._pattern.findall(text)
        self._words.update(words)
        ends = [place for place, word in enumerate(words) if word == END_MARK] if END_MARK in text else []
        self._open_length = add_lengths(self.lengths, np.array(ends, np.int64), len(words), self._open_length)

    def occurrences(self) -> Mapping[str, int]:
        """Return how often each word occurs; UNKNOWN stands for what is no word of its own."""
        special = {END_MARK, UNKNOWN_WORD, *SPECIAL_SYMBOLS}
        found = {word: count for word, count in self._words.items() if word not in special}
        unknown = sum(self._words[word] for word in special if word != END_MARK)
        return {**found, UNKNOWN: unknown} if unknown else found


def word_encoder(vocabulary: Vocabulary, pattern: re.Pattern[str]) -> Encoder:
    """Return what turns the blocks of a text, which cut no word, into ids.

    Args:
        vocabulary: the words; one without an id needs the unknown symbol.
        pattern: of the words.
    """
    table = {**vocabulary.word_ids, END_MARK: vocabulary.end_of_document}
    before = 0  # white space at the end of the block before

    def encode(text: str) -> tuple[NDArray[np.unsignedinteger], NDArray[np.int64]]:
        nonlocal before
        words = pattern.findall(text)
        ids = np.array([table.get(word, vocabulary.unknown) for word in words], vocabulary.dtype)
        ends = np.fromiter((match.end() for match in pattern.finditer(text)), np.int64, len(words))
        sizes = np.diff(ends, prepend=-before)
        # The end of a document stands for no character of the text.
        sizes[ids == vocabulary.end_of_document] -= 1
        before = len(text) - int(ends[-1]) if len(ends) else before + len(text)
        return ids, sizes

    return encode


def add_lengths(lengths: array[int], at_end: NDArray[np.int64], symbols: int, open_length: int) -> int:
    """Add the lengths of the documents that end in a block, and return that of the one that is open after it.

    Args:
        lengths: of all documents before.
        at_end: where in the block documents end, (D,).
        symbols: the symbols of the block, with those ends.
        open_length: the symbols that came of the first document before.
    """
    if not len(at_end):
        return open_length + symbols
    found = np.diff(at_end, prepend=-1) - 1
    found[0] += open_length
    lengths.frombytes(np.minimum(found, _LONGEST_DOCUMENT).astype(np.uint32).tobytes())
    return symbols - int(at_end[-1]) - 1
