"""The outputs of frozen layers at the bottom of the stack, computed once for a whole text."""

from __future__ import annotations

import functools
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from charlstm.config import ModelConfig
from charlstm.data.batches import Ids
from charlstm.errors import CharlstmError
from charlstm.method_config import RegularizerFields
from charlstm.model.network import NO_NOISE, Network
from charlstm.training.streams import Streams

GIB = 1 << 30


def frozen_below(config: ModelConfig, trained: list[str], noise: RegularizerFields = NO_NOISE) -> int:
    """Return how many layers at the bottom need to be computed only once.

    They are frozen, and none of them but the last drops any of its outputs; what the last one drops can be dropped
    from the outputs that were kept.  Nor is anything else dropped.
    """
    trained_layers = {name.split("/")[0] for name in trained}
    if noise.is_noise_below or "embedding" in trained_layers:
        return 0
    count = next((layer for layer in range(config.layers) if f"lstm_{layer}" in trained_layers), config.layers)
    return count if not any(config.dropout[: count - 1]) else 0


def fits(config: ModelConfig, layers: int, characters: int, cache_gb: float) -> bool:
    """Tell whether the outputs of the lowest `layers` layers over a text fit into so many GiB."""
    return layers > 0 and 4 * characters * config.units[layers - 1] <= cache_gb * GIB


def frozen_outputs(
    network: Network, ids: Ids, layers: int, directory: Path, heed: Callable[[], None]
) -> NDArray[np.float32]:
    """Return the outputs (N, H) of the lowest `layers` layers over a text (N,), float32.

    They are kept in a file in `directory` that has no name, so that it goes with the process.  `heed` is called between
    two pieces of the text; what it raises ends the work.

    Raises:
        CharlstmError: the disk has not the space.
    """
    shape = (len(ids), network.config.units[layers - 1])
    size = 4 * shape[0] * shape[1]
    with tempfile.TemporaryFile(dir=directory) as file:
        # A disk that fills up while a map is written to ends the process; here it is an error.
        if hasattr(os, "posix_fallocate"):
            try:
                os.posix_fallocate(file.fileno(), 0, size)
            except OSError as problem:
                raise CharlstmError(
                    f"{directory}: {problem.strerror}: the outputs of frozen layers take {size / GIB:.2f} GiB: free "
                    "some space, or begin again with --frozen-cache-gb 0"
                ) from None
        outputs = np.memmap(file, np.float32, "w+", shape=shape)
    compiled = _compiled_lower(network, layers)
    streams = Streams(len(ids))
    state = network.zero_state(streams.count)
    for places, wanted in streams:
        heed()
        found, state = compiled(tf.constant(ids[np.minimum(places, len(ids) - 1)].astype(np.int32).T), state)
        outputs[places[wanted]] = np.swapaxes(found.numpy(), 0, 1)[wanted]
    return outputs


def outputs_at(outputs: NDArray[np.float32], places: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return outputs (N, H) at some places (B, T): (B, T, H), in memory time first, as a training step copies them."""
    return outputs[places.T].swapaxes(0, 1)


# Kept for the next run of this process that has the same network, as in `training.compiled`.
@functools.lru_cache(maxsize=2)
def _compiled_lower(network: Network, layers: int) -> Any:
    return tf.function(lambda inputs, state: network.lower(inputs, state, layers), autograph=False)
