"""The filters that a symbol's distribution goes through.

A filter takes logits (N, V) and the symbols read last (N,), and returns logits of the same shape; a symbol that it
rules out gets minus infinity.  Only `Likeliest` takes and returns weights, in proportion to the probabilities.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from charlstm.config import SamplingConfig
from charlstm.data.vocabulary import Vocabulary
from charlstm.data.words import is_mark
from charlstm.errors import OptionError

# Beyond them, all but the likeliest symbol have a probability of 0 anyway, and no logit overflows yet; or all that may
# be written are as likely, and no factor is 0, which would make a number of the infinity of those that may not.
LARGEST_FACTOR, SMALLEST_FACTOR = 1e25, 1e-25

# The next number below 1 whose product with a number is below it too.
ALMOST_ONE = 1 - 2**-52

# An array, since a scalar would be made one at each use.
NEVER = np.array(-np.inf, np.float32)

# What stands within words beside letters and digits.
WORD_MARKS = "'\N{RIGHT SINGLE QUOTATION MARK}"

Logits = NDArray[np.float32]
Weights = NDArray[np.float64]
Ids = NDArray[np.integer]


def forbidden_symbols(config: SamplingConfig, vocabulary: Vocabulary) -> NDArray[np.bool_]:
    """Return which symbols may not be written, (V,).

    The unknown symbol stands for no text, so it never may.  The end of a document is written as line ends, and goes
    with them where no text ends there.

    Raises:
        OptionError: none is left, or the space between the words of a model of words.
    """
    unwanted = set(config.forbid)
    if vocabulary.level == "word" and " " in unwanted:
        raise OptionError(f"--forbid {config.forbid!r}: a model of words parts them by spaces; forbid other characters")
    forbidden = np.array([bool(unwanted & set(shown)) for shown in vocabulary.shown])
    if vocabulary.end_of_document is not None and config.until_document_end:
        forbidden[vocabulary.end_of_document] = False
    if vocabulary.unknown is not None:
        forbidden[vocabulary.unknown] = True
    if forbidden.all():
        raise OptionError(f"--forbid {config.forbid!r}: leaves no symbol of the model to write")
    return forbidden


def part_of_word(vocabulary: Vocabulary) -> NDArray[np.bool_]:
    """Return which symbols stand within words, (V,): a word begins after any other; where symbols are words, always."""
    if vocabulary.level == "word":
        return np.zeros(len(vocabulary), bool)
    return np.array([len(symbol) == 1 and _is_part_of_word(symbol) for symbol in vocabulary.symbols])


class Forbidding:
    """Rules symbols out.

    Args:
        forbidden: which, (V,).
    """

    def __init__(self, forbidden: NDArray[np.bool_]) -> None:
        self._costs = np.where(forbidden, NEVER, np.float32(0))[None]

    def __call__(self, logits: Logits, last: Ids) -> Logits:  # noqa: ARG002
        """Return the logits without the forbidden symbols."""
        return logits + self._costs


class RepetitionPenalty:
    """Makes symbols less likely that stand among the last ones of their text.

    Source: Keskar et al., CTRL, 2019, arXiv:1909.05858.  There logits are divided by the penalty, or multiplied where
    they are negative, so that its effect depends on a constant that the softmax leaves open; here the probability
    is divided, before all are made to add up to 1 again.  And only a window counts, not the whole text: in the long
    run a text of characters holds every one of them.

    Args:
        penalty: what a probability is divided by, 1 or more.
        window: how many symbols back a repetition counts.
        seeds: what each of the N texts reads first; the last symbol is given with the first logits.
        symbols: the number of symbols V.
    """

    def __init__(self, penalty: float, window: int, seeds: Sequence[Sequence[int]], symbols: int) -> None:
        self._costs = np.zeros((len(seeds), symbols), np.float32)
        self._windows = [_Window(row, window, math.log(penalty)) for row in self._costs]
        for own, seed in zip(self._windows, seeds, strict=True):
            for symbol in seed[:-1][-window:]:
                own.enter(symbol)

    def __call__(self, logits: Logits, last: Ids) -> Logits:
        """Take the last symbols into the window and return the logits with its penalties."""
        for window, symbol in zip(self._windows, last.tolist(), strict=True):
            window.enter(symbol)
        return logits - self._costs


class _Window:
    """The last symbols of a text.

    Args:
        costs: of each symbol (V,), kept up to date: `cost` where it is among them, else 0.
        size: how many there are at most.
        cost: of a symbol.
    """

    def __init__(self, costs: NDArray[np.float32], size: int, cost: float) -> None:
        self._costs, self._size, self._cost = costs, size, cost
        # Lists and not arrays: most symbols change nothing in the costs, and a number in a list is ten times as
        # quick to reach.
        self._counts = [0] * len(costs)
        self._symbols: deque[int] = deque()

    def enter(self, symbol: int) -> None:
        """Take a symbol in, and the oldest out where they are too many."""
        counts, symbols = self._counts, self._symbols
        if not counts[symbol]:
            self._costs[symbol] = self._cost
        counts[symbol] += 1
        symbols.append(symbol)
        if len(symbols) > self._size:
            gone = symbols.popleft()
            counts[gone] -= 1
            if not counts[gone]:
                self._costs[gone] = 0


class Temperature:
    """Divides by a temperature: below 1 likely symbols become likelier, above 1 all become more alike.

    At 0, the likeliest symbol alone is left; of equals, the one with the lowest id.

    Args:
        inside: of each text, (N,), after a symbol that is part of a word.
        start: of each text, (N,), after any other.
        is_part_of_word: of each symbol, (V,).
    """

    def __init__(
        self, inside: NDArray[np.float64], start: NDArray[np.float64], is_part_of_word: NDArray[np.bool_]
    ) -> None:
        # A row for each symbol that may stand before, a column for each text, or one for texts that are alike.
        temperatures = np.where(is_part_of_word[:, None], inside, start)
        if (inside == inside[0]).all() and (start == start[0]).all():
            temperatures = temperatures[:, :1]
        with np.errstate(divide="ignore", over="ignore"):
            self._factors = np.clip(1 / temperatures, SMALLEST_FACTOR, LARGEST_FACTOR).astype(np.float32)
        self._is_greedy = temperatures == 0
        self._ever_greedy = bool(self._is_greedy.any())
        self._columns = None if temperatures.shape[1] == 1 else np.arange(len(inside))
        # A single text spends more on calls than on numbers, and of those that multiply, this is the quickest.
        self._factors_of_one: list[float] = self._factors[:, 0].tolist()

    def __call__(self, logits: Logits, last: Ids) -> Logits:
        """Return the logits divided by the temperature that counts after the last symbols."""
        factors: Any = self._factors_of_one[last[0]] if len(last) == 1 else self._of_texts(self._factors, last)
        scaled: Logits = logits * factors
        if self._ever_greedy:
            greedy = np.flatnonzero(self._of_texts(self._is_greedy, last))
            likeliest = logits[greedy].argmax(axis=1)
            scaled[greedy] = NEVER
            scaled[greedy, likeliest] = 0
        return scaled

    def _of_texts(self, table: NDArray[Any], last: Ids) -> NDArray[Any]:
        """Return the entry of a table that counts for each text, (N, 1)."""
        if self._columns is not None:
            return table[last, self._columns][:, None]
        return table.take(last, axis=0)


class Likeliest:
    """Keeps some of the likeliest symbols of each text; of equals, those with the lower ids.

    One sorting serves all three limits, of which the tightest counts.

    Args:
        top_k: how many to keep at most; 0 disables.
        top_p: the fewest are kept whose probabilities add up to at least this, of those that top-k leaves (nucleus
            sampling); 1 disables.
        min_p: those are kept with at least this part of the likeliest one's probability; 0 disables.

    Source: Holtzman et al., The Curious Case of Neural Text Degeneration, 2019, arXiv:1904.09751 (top-p); Nguyen et
    al., Turning Up the Heat: Min-p Sampling, 2024, arXiv:2407.01082.
    """

    def __init__(self, top_k: int = 0, top_p: float = 1.0, min_p: float = 0.0) -> None:
        self._top_k = top_k
        self._outside = min(1 - top_p, ALMOST_ONE) if top_p < 1 else None
        self._min_p = min_p

    def __call__(self, weights: Weights) -> Weights:
        """Return the weights (N, V) of the kept symbols, and 0 for the others; the largest of a row is 1."""
        # Sorting values is many times as fast as ranking ids, where the processor sorts with vector instructions.
        if len(weights) == 1:
            rising = weights[0].copy()
            rising.sort()
            first: Any = self._first_of_one(rising)
            least = rising[first]
            has_equals = first > 0 and rising[first - 1] == least > 0
        else:
            rising = np.sort(weights, axis=1)
            first = self._first(rising)
            rows = np.arange(len(rising))
            below, least = rising[rows, first - 1, None], rising[rows, first, None]
            has_equals = ((below == least) & (least > 0)).any()
        keep = weights >= least
        if has_equals:
            # Several are as likely as the least likely one that is kept: the last of them have to go.
            surplus = keep.sum(axis=1) - (weights.shape[1] - first)
            for row in np.flatnonzero(surplus):
                equals = np.flatnonzero(weights[row] == weights[row, keep[row]].min())
                keep[row, equals[len(equals) - surplus[row] :]] = False
        kept: Weights = weights * keep
        return kept

    def _first(self, rising: Weights) -> NDArray[np.intp]:
        """Return where the kept symbols begin in each row, (N,), of weights (N, V) in rising order."""
        begin = self._begin_of_top_k(rising)
        first = np.full(len(rising), begin)
        if self._outside is not None:
            up_to = rising[:, begin:].cumsum(axis=1)
            # The likelier ones than a symbol do not add up to p yet: with it, the less likely ones are above 1 - p.
            first += (up_to > self._outside * up_to[:, -1:]).argmax(axis=1)
        if self._min_p:
            first = np.maximum(first, (rising >= self._min_p).argmax(axis=1))
        return first

    def _first_of_one(self, rising: Weights) -> int:
        """Return what `_first` does for a single row, (V,), by searches: one text spends more on calls than on sums."""
        first = begin = self._begin_of_top_k(rising)
        if self._outside is not None:
            up_to = np.add.accumulate(rising[begin:])
            first += bisect_right(up_to, self._outside * up_to[-1])
        if rising[first] < self._min_p:
            first = bisect_left(rising, self._min_p, first)
        return first

    def _begin_of_top_k(self, rising: Weights) -> int:
        return max(0, rising.shape[-1] - self._top_k) if self._top_k else 0


def _is_part_of_word(character: str) -> bool:
    return character.isalnum() or character in WORD_MARKS or is_mark(character)
