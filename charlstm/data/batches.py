"""Ids (N,) to inputs and targets (B, T): a pure function of the random seed and the step."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from charlstm.errors import DataError

Ids = NDArray[np.integer[Any]]


class StreamBatches:
    """B parallel streams of contiguous text, cut into steps of T symbols.

    Each epoch reads the text once, as a ring from a random place, cut into B streams of equal length; the LSTM state
    goes on from step to step within an epoch.  Up to B·T symbols an epoch fall away at the end of the ring; the
    random place makes them others each time.

    Args:
        ids: the text, (N,).
        batch_size: the number of streams B.
        sequence_length: the symbols of a step T.
        random_seed: for the places where the epochs begin.

    Raises:
        DataError: the text is too short for one step.
    """

    def __init__(self, ids: Ids, batch_size: int, sequence_length: int, random_seed: int) -> None:
        self.ids = ids
        self.batch_size = batch_size
        self.sequence_length = sequence_length
        self.random_seed = random_seed
        self._stream_length = len(ids) // batch_size
        self.steps_per_epoch = self._stream_length // sequence_length
        if self.steps_per_epoch == 0:
            needed = batch_size * sequence_length
            raise DataError(
                f"the training text has {len(ids):,} characters; {needed:,} are needed for one step of "
                f"{batch_size} x {sequence_length} (--batch-size x --sequence-length)"
            )

    def __call__(self, step: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Return the inputs and targets (B, T) of a step; each target is the symbol after its input."""
        window = self.ids[self.places(step)].astype(np.int32)
        return window[:, :-1], window[:, 1:]

    def places(self, step: int) -> NDArray[np.int64]:
        """Return where in the text the symbols of a step stand, and those after them, (B, T + 1)."""
        epoch, within = divmod(step, self.steps_per_epoch)
        start = int(np.random.default_rng([self.random_seed, epoch]).integers(len(self.ids)))
        streams = start + within * self.sequence_length + self._stream_length * np.arange(self.batch_size)
        places: NDArray[np.int64] = streams[:, None] + np.arange(self.sequence_length + 1)
        return places % len(self.ids)


def fitting_batch_size(characters: int, batch_size: int, sequence_length: int) -> int:
    """Return the largest batch size up to `batch_size` for which a text gives at least one step.

    Raises:
        DataError: it does not suffice for a batch of one.
    """
    if characters < sequence_length:
        raise DataError(
            f"the training text has {characters:,} characters, but one step reads {sequence_length:,}: "
            f"give at least {sequence_length:,} characters, or a smaller --sequence-length"
        )
    return min(batch_size, characters // sequence_length)


def one_hot(ids: Ids, size: int) -> NDArray[np.float32]:
    """Return ids of any shape (...) as one-hot vectors (..., size).

    The network never sees these arrays: a one-hot vector times a kernel is a row of the kernel, and that is looked up.
    """
    return np.eye(size, dtype=np.float32)[ids]
