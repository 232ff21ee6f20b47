"""What is measured of one text beside a corpus: words, distributions, repetition, copying."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from charlstm.data.batches import Ids
from charlstm.data.vocabulary import Vocabulary
from charlstm.data.words import LINE_END
from charlstm.judging.copying import find_copies
from charlstm.judging.profile import (
    TextProfile,
    earth_movers_distance,
    jensen_shannon_bits,
    profile_of,
    words_of,
)
from charlstm.judging.repetition import distinct, longest_loop

# The lengths of the sequences of words of which the share of different ones is told.
DISTINCT_LENGTHS = (1, 2, 3)
# What is shown of a loop or of a copied stretch.
SHOWN_CHARS = 300


@dataclass(frozen=True)
class Judgement:
    """What is measured of a text.  A value is None where the text has too little for it.

    Attributes:
        chars: its characters.
        known_word_share: the share of its words that stand in the training text.
        character_divergence_bits: Jensen-Shannon divergence of character frequencies from the training text's; 0 to 1.
        word_length_distance_chars: by how many characters, on average, words must change to be as long as there.
        line_length_distance_chars: the same for lines.
        distinct: n -> the share of different ones among sequences of n words, in the first 1,000 words.
        longest_loop_chars: the longest stretch in which the same characters come again and again, at least twice.
        longest_loop: its beginning.
        copied_shares: n -> the share of n characters in a row that stand in the training text.
        longest_copy_chars: the longest stretch that stands in the training text.
        longest_copy: its beginning.
        copied_char_share: the share of characters within stretches of 32 or more that stand in the training text.
    """

    chars: int
    known_word_share: float | None
    character_divergence_bits: float | None
    word_length_distance_chars: float | None
    line_length_distance_chars: float | None
    distinct: dict[int, float | None]
    longest_loop_chars: int
    longest_loop: str
    copied_shares: dict[int, float | None]
    longest_copy_chars: int
    longest_copy: str
    copied_char_share: float


@dataclass(frozen=True)
class Corpus:
    """The training text that texts are judged by.

    Attributes:
        ids: its symbols (N,).
        vocabulary: what they stand for.
        profile: what is counted in it.
    """

    ids: Ids
    vocabulary: Vocabulary
    profile: TextProfile


@dataclass(frozen=True)
class JudgedTexts:
    """Some texts, and what is measured of them together.

    Attributes:
        texts: the texts.
        profile: what is counted in them.
        judgement: what is measured.
        is_copied: for each text of N characters, which are within stretches that stand in the training text (N,).
        longest: the number of the text that has the longest copied stretch.
    """

    texts: Sequence[str]
    profile: TextProfile
    judgement: Judgement
    is_copied: list[NDArray[np.bool_]]
    longest: int


def judge(texts: Sequence[str], corpus: Corpus) -> JudgedTexts:
    """Measure some texts, at least one, beside a corpus."""
    profile = profile_of(texts)
    words = [word for text in texts for word in words_of(text)]
    loops = [(loop.end - loop.begin, text[loop.begin : loop.end]) for text in texts if (loop := longest_loop(text))]
    loop_chars, loop_text = max(loops, default=(0, ""), key=lambda loop: loop[0])
    # The end of a document is written as line ends, even where the corpus has none.
    vocabulary = corpus.vocabulary.extended(Vocabulary((LINE_END,)))
    separator = len(vocabulary)
    ids = np.concatenate([_ids(text, vocabulary, separator) for text in texts])
    copying = find_copies(ids, corpus.ids, separator, partial(_as_written, vocabulary=vocabulary))
    ends = np.cumsum([len(text) + 1 for text in texts])
    begin, end = copying.longest
    joined = "\0".join([*texts, ""])
    judgement = Judgement(
        chars=sum(map(len, texts)),
        known_word_share=_known_share(profile.words, corpus.profile.words),
        character_divergence_bits=_divergence(profile.characters, corpus.profile.characters),
        word_length_distance_chars=_distance(profile.word_lengths, corpus.profile.word_lengths),
        line_length_distance_chars=_distance(profile.line_lengths, corpus.profile.line_lengths),
        distinct={length: distinct(words, length) for length in DISTINCT_LENGTHS},
        longest_loop_chars=loop_chars,
        longest_loop=loop_text[:SHOWN_CHARS],
        copied_shares=copying.shares,
        longest_copy_chars=end - begin,
        longest_copy=joined[begin : min(end, begin + SHOWN_CHARS)],
        copied_char_share=float(copying.is_copied.sum()) / max(1, sum(map(len, texts))),
    )
    is_copied = [each[:-1] for each in np.split(copying.is_copied, ends[:-1])]
    return JudgedTexts(texts, profile, judgement, is_copied, int(np.searchsorted(ends, begin, side="right")))


def _ids(text: str, vocabulary: Vocabulary, separator: int) -> NDArray[np.int64]:
    """Return the ids of a text and a separator behind it; what has no symbol gets the id above the separator's."""
    ids = vocabulary.ids_of_characters(text)
    return np.append(np.where(ids < 0, separator + 1, ids), separator)


def _as_written(ids: Ids, vocabulary: Vocabulary) -> Ids:
    """Return ids (N,) with two line ends in place of each end of a document."""
    is_end = ids == vocabulary.end_of_document
    return np.repeat(np.where(is_end, np.int64(vocabulary.ids[LINE_END]), ids), 1 + is_end)


def _known_share(words: Counter[str], known: Counter[str]) -> float | None:
    total = words.total()
    return sum(count for word, count in words.items() if word in known) / total if total else None


def _divergence(first: Counter[str], second: Counter[str]) -> float | None:
    return jensen_shannon_bits(first, second) if first and second else None


def _distance(first: Counter[int], second: Counter[int]) -> float | None:
    return earth_movers_distance(first, second) if first and second else None
