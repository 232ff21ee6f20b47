"""What is counted in a text: its characters, its words, its lines; and how far apart two such counts are."""

from __future__ import annotations

import functools
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from charlstm.data.batches import Ids
from charlstm.data.vocabulary import END_OF_DOCUMENT, UNKNOWN, Vocabulary, code_points
from charlstm.data.words import character_class, is_mark

# How many letters at the end of a word count as its suffix, and how many a word must have to have one.
SUFFIX_LETTERS = 3
SUFFIXED_LETTERS = 5

BLOCK = 1 << 20


@dataclass(frozen=True)
class TextProfile:
    """What is counted in a text.

    Attributes:
        characters: how often each occurs.
        words: how often each occurs, lower-cased.
        line_lengths: how many lines have so many characters; empty lines are not counted.
    """

    characters: Counter[str]
    words: Counter[str]
    line_lengths: Counter[int]

    @property
    def word_lengths(self) -> Counter[int]:
        """How many words have so many characters."""
        lengths: Counter[int] = Counter()
        for word, count in self.words.items():
            lengths[len(word)] += count
        return lengths

    @property
    def suffixes(self) -> Counter[str]:
        """How often words of at least SUFFIXED_LETTERS characters end in which SUFFIX_LETTERS."""
        suffixes: Counter[str] = Counter()
        for word, count in self.words.items():
            if len(word) >= SUFFIXED_LETTERS:
                suffixes[word[-SUFFIX_LETTERS:]] += count
        return suffixes


def profile_of(blocks: Iterable[str]) -> TextProfile:
    """Count what is in a text that comes in blocks of whole lines."""
    profile = TextProfile(Counter(), Counter(), Counter())
    for block in blocks:
        counts = np.bincount(code_points(block))
        for code in np.flatnonzero(counts).tolist():
            profile.characters[chr(code)] += int(counts[code])
        profile.words.update(words_of(block))
        profile.line_lengths.update(len(line) for line in block.split("\n") if line.strip())
    return profile


def words_of(text: str) -> list[str]:
    """Return the words of a text in order, lower-cased."""
    return _word_pattern().findall(text.lower())


@functools.cache
def _word_pattern() -> re.Pattern[str]:
    """Return what matches letters with the marks on them, and apostrophes between them."""
    letters = rf"(?:[^\W\d_]{character_class(is_mark)}*)+"
    return re.compile(rf"{letters}(?:['\N{{RIGHT SINGLE QUOTATION MARK}}]{letters})*")


def text_blocks(ids: Ids, vocabulary: Vocabulary) -> Iterator[str]:
    """Yield the text of ids (N,) in blocks of whole lines; a document ends in an empty line.

    A line that is longer than a block is cut.
    """
    # No text holds NUL: it stands for the end of a document, which takes two characters.
    shown = {END_OF_DOCUMENT: "\0", UNKNOWN: "\N{REPLACEMENT CHARACTER}"}
    codes = np.array([ord(shown.get(symbol, symbol)) for symbol in vocabulary.symbols], np.dtype("<u4"))
    carry = ""
    for begin in range(0, len(ids), BLOCK):
        text = codes[np.asarray(ids[begin : begin + BLOCK])].tobytes().decode("utf-32-le", "surrogatepass")
        text = carry + text.replace("\0", "\n\n")
        cut = (text.rfind("\n") + 1) or len(text)
        carry = text[cut:]
        yield text[:cut]
    if carry:
        yield carry


def jensen_shannon_bits(first: Mapping[str, int], second: Mapping[str, int]) -> float:
    """Return the Jensen-Shannon divergence of two counts, in bits: 0 for the same shares, 1 for nothing in common.

    Source: Lin, Divergence measures based on the Shannon entropy, 1991.
    """
    totals = sum(first.values()), sum(second.values())
    divergence = 0.0
    for key in first.keys() | second.keys():
        shares = first.get(key, 0) / totals[0], second.get(key, 0) / totals[1]
        mean = sum(shares) / 2
        divergence += sum(share / 2 * math.log2(share / mean) for share in shares if share)
    return max(0.0, divergence)


def earth_movers_distance(first: Mapping[int, int], second: Mapping[int, int]) -> float:
    """Return by how much, on average, the lengths of one count must change to have the shares of the other.

    It is the Wasserstein distance of order 1: the area between the two cumulative distributions, in the lengths' unit.
    """
    totals = sum(first.values()), sum(second.values())
    lengths = sorted(first.keys() | second.keys())
    distance, below, previous = 0.0, 0.0, lengths[0]
    for length in lengths:
        distance += abs(below) * (length - previous)
        below += first.get(length, 0) / totals[0] - second.get(length, 0) / totals[1]
        previous = length
    return distance
