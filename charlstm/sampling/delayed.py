"""A network whose targets stand further ahead than the next symbol, as one that predicts the next one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from charlstm.config import ModelConfig
from charlstm.model.numpy_lstm import NumpyLSTM
from charlstm.sampling.generate import Network
from charlstm.store.model_directory import Weights


def stepping_network(config: ModelConfig, weights: Weights, streams: int = 1) -> Network:
    """Return what steps N streams of a model from each symbol to the next."""
    network = NumpyLSTM(config, weights, streams)
    return DelayedNetwork(network, config.target_offset) if config.target_offset > 1 else network


class DelayedNetwork:
    """Reads each symbol only when the one is due that it was trained to predict.

    Before the first symbol of a stream, it is taken to stand as often as the targets are far ahead.

    Args:
        network: the network, for N streams.
        offset: how far ahead its targets stand, 1 for the next symbol.
    """

    def __init__(self, network: Network, offset: int) -> None:
        self.streams = network.streams
        self._network = network
        self._unread = np.zeros((offset - 1, network.streams), np.int64)
        self._is_new = np.ones(network.streams, bool)

    def reset(self, streams: Sequence[int] | None = None) -> None:
        """Set the state of some streams to zero, of all without any."""
        self._network.reset(streams)
        self._is_new[slice(None) if streams is None else streams] = True

    def choose(self, streams: NDArray[np.integer]) -> None:
        """Let each stream go on from the state of another, (N,)."""
        self._network.choose(streams)
        self._unread, self._is_new = self._unread[:, streams], self._is_new[streams]

    def state(self) -> list[Any]:
        """Return a copy of the state, for `restore`."""
        return [self._network.state(), self._unread.copy(), self._is_new.copy()]

    def restore(self, state: list[Any]) -> None:
        """Go on from a state that `state` returned."""
        self._network.restore(state[0])
        self._unread, self._is_new = state[1].copy(), state[2].copy()

    def step(self, ids: Sequence[int] | NDArray[np.integer]) -> NDArray[np.float32]:
        """Take one symbol a stream, (N,), and return the logits of the next, (N, V)."""
        waiting = np.vstack([np.where(self._is_new, ids, self._unread), ids])
        self._is_new[:] = False
        self._unread = waiting[1:]
        return self._network.step(waiting[0])
