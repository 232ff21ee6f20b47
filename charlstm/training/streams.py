"""A long text read in large batches: as streams beside each other, each with some context before its own part."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

# Streams beside each other, symbols a step, and the symbols that a stream reads before the first that counts.
MAX_STREAMS = 64
SEQUENCE_LENGTH = 50
CONTEXT = 200


class Streams:
    """The places 0 to N - 1 of a text, each wanted once, in steps of (B, SEQUENCE_LENGTH).

    A stream first reads the CONTEXT symbols before its own, so that hardly any place has less context than it would
    have in one long stream.

    Args:
        places: their number N.

    Attributes:
        count: the number of streams B.
    """

    def __init__(self, places: int) -> None:
        # Enough streams to fill the machine, each so long that its context is a small part of it.
        self.count = max(1, min(MAX_STREAMS, places // (2 * CONTEXT)))
        own = math.ceil(places / self.count)
        self._begins = own * np.arange(self.count)
        self._ends = np.minimum(self._begins + own, places)
        self._read_from = np.maximum(self._begins - CONTEXT, 0)

    def __iter__(self) -> Iterator[tuple[NDArray[np.int64], NDArray[np.bool_]]]:
        """Yield the places of each step (B, T), which may lie behind the end, and which of them are wanted."""
        for offset in range(0, int((self._ends - self._read_from).max()), SEQUENCE_LENGTH):
            places = self._read_from[:, None] + offset + np.arange(SEQUENCE_LENGTH)
            yield places, (places >= self._begins[:, None]) & (places < self._ends[:, None])
