"""Which part of a corpus is trained on, which is validated on, and which is tested on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from charlstm.config import SplitBy
from charlstm.errors import DataError

# From so many documents upwards, whole documents are a fair sample of the text.
_DOCUMENTS_FOR_AUTO = 10

# Documents looked at together: a text of lines has millions, and NumPy makes 8 bytes of each number it indexes by.
_BLOCK = 1 << 16


def choose_split_by(split_by: SplitBy, documents: int) -> SplitBy:
    """Return "document" or "position": what "auto" means for a number of documents."""
    if split_by != "auto":
        return split_by
    return "document" if documents >= _DOCUMENTS_FOR_AUTO else "position"


def split_documents(lengths: NDArray[np.uint32], shares: Sequence[float], random_seed: int) -> NDArray[np.uint8]:
    """Return the number of the split of each document (D,).

    The documents are shuffled and cut where the number of characters comes nearest to the shares; a split
    with a share above 0 gets at least one document.

    Args:
        lengths: the characters of each document (D,).
        shares: the share of each split; they add up to 1.
        random_seed: for the shuffle.

    Raises:
        DataError: fewer documents than splits.
    """
    documents = len(lengths)
    wanted = [number for number, share in enumerate(shares) if share > 0]
    if documents < len(wanted):
        raise DataError(
            f"{documents:,} documents cannot be split {_shown(shares)} by document: that needs at least "
            f"{len(wanted)}; give --split-by position, or other --documents"
        )
    order = np.arange(documents, dtype=np.uint32)
    np.random.Generator(np.random.PCG64(random_seed)).shuffle(order)
    total = int(lengths.sum(dtype=np.int64))
    split_of = np.empty(documents, np.uint8)
    start, share = 0, 0.0
    for place, number in enumerate(wanted):
        share += shares[number]
        splits_to_come = len(wanted) - place - 1
        if splits_to_come:
            end = _nearest(lengths, order, share * total)
            end = min(max(end, start + 1), documents - splits_to_come)
        else:
            end = documents
        for begin in range(start, end, _BLOCK):
            split_of[order[begin : min(begin + _BLOCK, end)]] = number
        start = end
    return split_of


def split_positions(length: int, shares: Sequence[float]) -> tuple[int, ...]:
    """Return where each split ends in a text of `length` symbols; the last split ends with the text.

    Args:
        length: the number of symbols.
        shares: the share of each split; they add up to 1.

    Raises:
        DataError: fewer symbols than splits.
    """
    wanted = sum(share > 0 for share in shares)
    if length < wanted:
        raise DataError(
            f"a text of {length:,} symbols (the end of a document counts as one) cannot be split {_shown(shares)}: "
            f"that needs at least {wanted}"
        )
    ends: list[int] = []
    start, share, to_come = 0, 0.0, wanted
    for each in shares:
        share += each
        end = start
        if each > 0:
            to_come -= 1
            end = min(max(round(share * length), start + 1), length - to_come) if to_come else length
        ends.append(end)
        start = end
    return tuple(ends)


def _nearest(lengths: NDArray[np.uint32], order: NDArray[np.uint32], target: float) -> int:
    """Return how many documents, taken in `order` (D,), come nearest to `target` characters."""
    reached = 0
    for start in range(0, len(order), _BLOCK):
        sums = reached + np.cumsum(lengths[order[start : start + _BLOCK]], dtype=np.int64)
        after = int(np.searchsorted(sums, target))
        if after < len(sums):
            before = int(sums[after - 1]) if after else reached
            return start + after + (target - before > float(sums[after]) - target)
        reached = int(sums[-1])
    return len(order)


def _shown(shares: Sequence[float]) -> str:
    return ",".join(f"{share:g}" for share in shares)
