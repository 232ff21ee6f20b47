"""How much a text repeats itself: how many of its sequences of words are different, and its longest loop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from charlstm.data.vocabulary import code_points

# The share of different sequences falls with the length of a text: texts compare over as many words of each.
DISTINCT_WORDS = 1_000
# The characters after which a loop may begin again.
LONGEST_PERIOD = 400


@dataclass(frozen=True)
class Loop:
    """A stretch of a text in which the same characters come again and again, at least twice.

    Attributes:
        begin: its first character.
        end: behind its last.
        period: characters after which it begins again.
    """

    begin: int
    end: int
    period: int


def distinct(words: Sequence[str], length: int) -> float | None:
    """Return the share of different ones among the sequences of `length` words in the first DISTINCT_WORDS.

    None where there are fewer words.

    Source: Li et al., A diversity-promoting objective function for neural conversation models, 2016, arXiv:1510.03055;
    there over all words.
    """
    words = words[:DISTINCT_WORDS]
    sequences = [tuple(words[place : place + length]) for place in range(len(words) - length + 1)]
    return len(set(sequences)) / len(sequences) if sequences else None


def longest_loop(text: str) -> Loop | None:
    """Return the longest loop of a text, with the shortest period of several; None where nothing comes twice.

    Only loops that begin again within LONGEST_PERIOD characters are looked for.
    """
    codes = code_points(text)
    best: Loop | None = None
    for period in range(1, min(LONGEST_PERIOD, len(codes) // 2) + 1):
        # Runs in which each character is the one that stands a period before it.
        changes = np.diff(np.concatenate([[False], codes[period:] == codes[:-period], [False]]).astype(np.int8))
        begins, ends = np.flatnonzero(changes > 0), np.flatnonzero(changes < 0)
        if not len(begins):
            continue
        longest = int(np.argmax(ends - begins))
        begin, run = int(begins[longest]), int(ends[longest] - begins[longest])
        if run >= period and (best is None or run + period > best.end - best.begin):
            best = Loop(begin, begin + run + period, period)
    return best
