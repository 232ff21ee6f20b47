"""What of a text stands in another word for word: shares of n-grams, copied stretches, the longest of them.

The text is short and what it may be copied from is long, so the index is that of the n-grams of the short one, and the
long one is read past it once, in blocks: memory does not grow with it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from charlstm.data.batches import Ids

# The n-grams of which shares are told, powers of two; and the length from which a stretch is marked as copied: half a
# line, which two writers seldom have in common by chance.
LENGTHS = (8, 16, 32, 64)
MARKED = 32

BLOCK = 1 << 20

Hashes = NDArray[np.uint64]
Places = NDArray[np.int64]


@dataclass(frozen=True)
class Copying:
    """What of a text stands in another.

    Attributes:
        shares: n -> the share of the text's n-grams that stand in the other; None where the text has none.
        longest: begin and end of the longest stretch of the text that stands in the other.
        is_copied: whether each symbol (M,) is part of a stretch of at least MARKED symbols that stands in the other.
    """

    shares: dict[int, float | None]
    longest: tuple[int, int]
    is_copied: NDArray[np.bool_]


def find_copies(text: Ids, source: Ids, separator: int, as_written: Callable[[Ids], Ids] = np.asarray) -> Copying:
    """Find what of a text stands in a source.

    N-grams are compared by hashes of 64 bits: that any of ten thousand is taken for another one of a hundred million
    has a probability of about 1e-7.

    Args:
        text: ids (M,), some ten thousand.
        source: ids (N,), as many as there are; may be memory-mapped.
        separator: an id above those of the source; no n-gram of the text goes across it.  The one id above it stands
            for a symbol that the source has not.
        as_written: turns a piece of the source into the ids that it would have in the text, no fewer.
    """
    finder = _Finder(text, separator)
    for begin in range(0, len(source), BLOCK):
        # What begins in a block can end as many symbols behind it as the text has.
        finder.look_at(as_written(source[begin : begin + BLOCK + len(text)]))
    found = {length: finder.found(length) for length in LENGTHS}
    is_copied = np.zeros(len(text), np.bool_)
    for place in np.flatnonzero(found[MARKED]).tolist():
        is_copied[place : place + MARKED] = True
    shares = {
        length: float(each.sum()) / count if (count := finder.count(length)) else None for length, each in found.items()
    }
    return Copying(shares, finder.longest, is_copied)


class _Finder:
    """The n-grams of a text, and which of them have been seen.

    Attributes:
        longest: begin and end, in the text, of the longest stretch that was seen.
    """

    def __init__(self, text: Ids, separator: int) -> None:
        random = np.random.default_rng(1)
        self._values = random.integers(0, 1 << 64, separator + 2, np.uint64)
        # Odd, so that no bit is lost; one for each doubling, so that the order of symbols counts.
        self._factors = random.integers(0, 1 << 63, 64, np.uint64) * np.uint64(2) + np.uint64(1)
        places = np.arange(len(text))
        ends = np.append(np.flatnonzero(text == separator), len(text))
        # How many symbols come before the next separator.
        self._room = ends[np.searchsorted(ends, places)] - places
        self._hashes = [self._values[text]]
        self._indexes: dict[int, _Index] = {}
        self.longest = (0, 0)

    def count(self, length: int) -> int:
        """Return how many n-grams of a length the text has."""
        return int(np.count_nonzero(self._room >= length))

    def found(self, length: int) -> NDArray[np.bool_]:
        """Return whether the n-gram of a length that begins at each symbol of the text (M,) was seen."""
        return self._index(length).found()

    def look_at(self, source: Ids) -> None:
        """Look for all n-grams of the text in a piece of the source."""
        hashes, length = self._values[source], 1
        # A window can stand in the text only if its first half does: ever fewer places are left.
        places = np.arange(len(source))
        while length <= len(source):
            if length in LENGTHS or self._may_lengthen(length):
                index = self._index(length)
                places = places[places <= len(source) - length]
                places = places[index.holds(hashes[places])]
                if not len(places):
                    return
                index.see(hashes[places])
                self._lengthen(hashes, places, length)
            elif length > max(*LENGTHS, self.longest[1] - self.longest[0]):
                return
            hashes, length = self._double(hashes, length), 2 * length

    def _may_lengthen(self, length: int) -> bool:
        begin, end = self.longest
        return length <= end - begin + 1 < 2 * length

    def _lengthen(self, hashes: Hashes, places: Places, length: int) -> None:
        """Look for a stretch that is longer than the longest so far and shorter than twice `length`.

        Args:
            hashes: of the windows of `length`, a power of two.
            places: where those windows begin that stand in the text.
            length: a power of two.
        """
        if not self._may_lengthen(length):
            return
        low, high = self.longest[1] - self.longest[0], 2 * length
        # Nearly always nothing is longer, which one look tells.
        wanted = low + 1
        while low < wanted < high:
            within = places[places < len(hashes) + length - wanted]
            place = self._index(wanted).first(self._joined(hashes, within, wanted - length))
            if place is not None:
                low, self.longest = wanted, (place, place + wanted)
            elif wanted == low + 1:
                break
            else:
                high = wanted
            wanted = (low + high) // 2
        # Of the lengths between powers of two, only the next one is looked for again.
        self._indexes = {
            each: index for each, index in self._indexes.items() if each.bit_count() == 1 or each == low + 1
        }

    def _index(self, length: int) -> _Index:
        """Return the index of the text's n-grams of a length."""
        if length not in self._indexes:
            level = length.bit_length() - 1
            while len(self._hashes) <= level:
                self._hashes.append(self._double(self._hashes[-1], 1 << (len(self._hashes) - 1)))
            places = np.flatnonzero(self._room >= length)
            self._indexes[length] = _Index(
                self._joined(self._hashes[level], places, length - (1 << level)), places, len(self._room)
            )
        return self._indexes[length]

    def _double(self, hashes: Hashes, length: int) -> Hashes:
        """Return the hashes of windows of twice the length, (N + 1 - 2 length,), from those of `length`."""
        factor = self._factors[length.bit_length() - 1]
        doubled: Hashes = hashes[: max(0, len(hashes) - length)] * factor + hashes[length:]
        return doubled

    def _joined(self, hashes: Hashes, places: Places, shift: int) -> Hashes:
        """Return hashes of windows that are longer by `shift`, which their first and last symbols make up."""
        return hashes[places] * self._factors[-1] + hashes[places + shift] if shift else hashes[places]


class _Index:
    """The n-grams of one length of a text (M,), by their hashes.

    Args:
        hashes: of each n-gram (G,).
        places: where each begins (G,).
        symbols: of the text, M.
    """

    # Most of what is looked up is not there, which so many bits of a hash tell without a search.
    TABLE_BITS = 20

    def __init__(self, hashes: Hashes, places: Places, symbols: int) -> None:
        self._different, self._firsts, self._numbers = np.unique(hashes, return_index=True, return_inverse=True)
        self._places, self._symbols = places, symbols
        self._is_seen = np.zeros(len(self._different), np.bool_)
        self._table = np.zeros(1 << self.TABLE_BITS, np.bool_)
        self._table[self._slots(self._different)] = True

    def holds(self, hashes: Hashes) -> NDArray[np.bool_]:
        """Return whether each of some hashes (N,) is one of the text's."""
        holds: NDArray[np.bool_] = self._table[self._slots(hashes)]
        maybe = np.flatnonzero(holds)
        holds[maybe] = self._number(hashes[maybe]) >= 0
        return holds

    def see(self, hashes: Hashes) -> None:
        """Mark n-grams of the text as seen."""
        self._is_seen[self._number(hashes)] = True

    def found(self) -> NDArray[np.bool_]:
        """Return whether an n-gram begins at each symbol of the text (M,) and was seen."""
        found = np.zeros(self._symbols, np.bool_)
        found[self._places] = self._is_seen[self._numbers]
        return found

    def first(self, hashes: Hashes) -> int | None:
        """Return where one of some hashes begins in the text, None where it has none of them."""
        numbers = self._number(hashes)
        numbers = numbers[numbers >= 0]
        return int(self._places[self._firsts[numbers]].min()) if len(numbers) else None

    def _slots(self, hashes: Hashes) -> Hashes:
        return hashes >> np.uint64(64 - self.TABLE_BITS)

    def _number(self, hashes: Hashes) -> NDArray[np.int64]:
        """Return the numbers of hashes among the different ones of the text, -1 for those that it has not."""
        if not len(self._different):
            return np.full(len(hashes), -1)
        numbers = np.minimum(np.searchsorted(self._different, hashes), len(self._different) - 1)
        return np.where(self._different[numbers] == hashes, numbers, -1)
