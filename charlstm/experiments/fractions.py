"""Smaller and smaller parts of a training text, each within the larger ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from charlstm.errors import DataError
from charlstm.store.dataset_directory import Dataset

# With fewer, a part that ends with a document would be far from its share.
LEAST_DOCUMENTS = 8
# The order in which documents are taken, the same for every fraction.
ORDER_SEED = 1


@dataclass(frozen=True)
class Part:
    """A part of a training text.

    Attributes:
        ids: its symbols (N,).
        starts: where its documents start (D,).
    """

    ids: NDArray[Any]
    starts: NDArray[np.int64]


def parts_of(dataset: Dataset, fractions: Sequence[float]) -> dict[float, Part]:
    """Return the part of a dataset's training text for each fraction.

    Where there are documents enough, whole ones are taken, at random but always in the same order, so that each part
    contains the smaller ones; they stay in the order of the text.  Else the parts are the beginning of the text.

    Raises:
        DataError: two fractions give the same part.
    """
    parts = {fraction: _part(dataset.splits["train"], dataset.documents["train"], fraction) for fraction in fractions}
    by_length: dict[int, float] = {}
    for fraction, part in parts.items():
        if (other := by_length.setdefault(len(part.ids), fraction)) != fraction:
            raise DataError(
                f"--fractions {other:g} and {fraction:g} give the same {len(part.ids):,} characters of {dataset.path}: "
                "leave one of them out"
            )
    return parts


def _part(ids: NDArray[Any], starts: NDArray[np.int64], fraction: float) -> Part:
    if fraction == 1:
        return Part(ids, starts)
    share = fraction * len(ids)
    if len(starts) < LEAST_DOCUMENTS:
        end = round(share)
        return Part(ids[:end], starts[starts < end])
    lengths = np.diff(starts, append=len(ids))
    order = np.random.default_rng(ORDER_SEED).permutation(len(starts))
    reached = np.cumsum(lengths[order])
    count = 1 + int(np.abs(reached - share).argmin())
    chosen = np.sort(order[:count])
    taken = np.zeros(len(starts), bool)
    taken[chosen] = True
    own = lengths[chosen]
    return Part(ids[np.repeat(taken, lengths)], np.cumsum(own) - own)
