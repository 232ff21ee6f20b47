"""The same network as a NumPy step function: one symbol in, logits out.

The fast twin of `network.py` where one character follows the other and TensorFlow's overhead per call would
cost more than the arithmetic.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from charlstm.config import ModelConfig
from charlstm.model.large_pages import in_large_pages
from charlstm.model.weights import head_kernel, input_rows
from charlstm.store.model_directory import Weights

Array = NDArray[np.float32]

# From so many symbols on, what an embedded one adds to the gates is computed when it is read: kept for all of them it
# would take more memory than all the other weights.
MANY_SYMBOLS = 2048

# Up to so many streams, a product of a matrix and a vector for each beats one of two matrices, for which OpenBLAS
# copies the weights.  3 x 512, 3 x 256, 2 x 128 on two cores with its kernels for AVX2: 4 streams 1.3, 1.5, 1.3 times
# as fast, 7 streams 1.0, 1.1, 1.3, 8 streams 0.6, 0.7, 0.8; with those for AVX-512: 1.5, 1.4, 0.7, 1.2, 1.2, 0.7, and
# 0.9, 1.0, 0.8.
FEW_STREAMS = 7

# An array, since a scalar would be made one at each use.
HALF = np.array(0.5, np.float32)


class NumpyLSTM:
    """A stack of LSTM layers with a softmax head, stepping N streams together.

    The state is held by the object: `step` moves it on, `reset` starts again from zero.

    Args:
        config: the network.
        weights: the arrays of a model directory.
        streams: the number of streams N.
    """

    def __init__(self, config: ModelConfig, weights: Weights, streams: int = 1) -> None:
        self.streams = streams
        is_kept = not config.embedding or config.vocabulary_size < MANY_SYMBOLS
        self._table = None if is_kept else weights["embedding/table"]
        self._cells = [
            _Cell(weights, layer, units, streams, from_ids=layer == 0 and is_kept)
            for layer, units in enumerate(config.units)
        ]
        self._head_kernel = in_large_pages(np.ascontiguousarray(head_kernel(weights)))
        self._head_bias = weights["head/bias"]

    def beside(self, streams: int) -> NumpyLSTM:
        """Return another one of the same weights, which they share, for N streams of its own from a zero state."""
        other = copy.copy(self)
        other.streams = streams
        other._cells = [cell.beside(streams) for cell in self._cells]
        return other

    def reset(self, streams: Sequence[int] | None = None) -> None:
        """Set the state of every layer to zero, of some streams or, without any, of all."""
        for cell in self._cells:
            cell.reset(slice(None) if streams is None else streams)

    def choose(self, streams: NDArray[np.integer]) -> None:
        """Let each stream go on from the state of another.

        Args:
            streams: which, (N,); one may be chosen several times.
        """
        for cell in self._cells:
            cell.choose(streams)

    def state(self) -> list[Array]:
        """Return a copy of the state, for `restore`: hidden values and cell of each layer, (2, N, H)."""
        return [cell.state() for cell in self._cells]

    def restore(self, state: list[Array]) -> None:
        """Go on from a state that `state` returned."""
        for cell, values in zip(self._cells, state, strict=True):
            cell.restore(values)

    def keep_first(self, streams: int) -> None:
        """Go on with only the first of the streams: the others have come to their end."""
        self.streams = streams
        for cell in self._cells:
            cell.keep_first(streams)

    def step(self, ids: Sequence[int] | NDArray[np.integer]) -> Array:
        """Read one symbol a stream and return the logits of the next, or the `target_offset`-th after it, (N, V).

        Args:
            ids: symbol ids (N,).
        """
        first, symbols = self._cells[0], np.asarray(ids)
        hidden = first.step_from_ids(symbols) if self._table is None else first.step(self._table[symbols])
        for cell in self._cells[1:]:
            hidden = cell.step(hidden)
        logits: Array = hidden @ self._head_kernel
        logits += self._head_bias
        return logits


class _Cell:
    """One LSTM layer.

    The gates are laid out i, f, o, g: the three sigmoids side by side. A sigmoid is taken as
    0.5 + 0.5 tanh(x / 2), with the halves folded into the weights, so that all four gates are one call of tanh.
    """

    def __init__(self, weights: Weights, layer: int, units: int, streams: int, *, from_ids: bool) -> None:
        kernel = _sigmoids_first(input_rows(weights) if from_ids else weights[f"lstm_{layer}/kernel"], units)
        recurrent_kernel = _sigmoids_first(weights[f"lstm_{layer}/recurrent_kernel"], units)
        bias = _sigmoids_first(weights[f"lstm_{layer}/bias"], units)
        self._units = units
        if from_ids:
            # The bias goes with the row of a symbol.
            self._rows = kernel + bias
            self._kernel = in_large_pages(recurrent_kernel)
        else:
            self._kernel = in_large_pages(np.concatenate([kernel, recurrent_kernel]))
            self._bias = bias
        self._look_at(np.zeros((streams, len(self._kernel)), np.float32), np.zeros((streams, units), np.float32))

    def _look_at(self, inputs: Array, cell: Array) -> None:
        """Take arrays as the inputs of the recurrent product, (N, D + H), and the cell, and keep views of their parts.

        A single stream spends more on the making of views and results than on numbers.
        """
        units, streams = self._units, len(inputs)
        self._inputs, self._cell = inputs, cell
        self._below, self._hidden = inputs[:, :-units], inputs[:, -units:]
        self._gates = np.empty((streams, 4 * units), np.float32)
        self._sigmoids = self._gates[:, : 3 * units]
        self._i, self._f, self._o, self._g = np.split(self._gates, 4, axis=1)
        self._scratch = np.empty((streams, units), np.float32)
        is_few = streams <= FEW_STREAMS
        self._left, self._product = (inputs[:, None], self._gates[:, None]) if is_few else (inputs, self._gates)

    def beside(self, streams: int) -> _Cell:
        other = copy.copy(self)
        inputs, units = self._inputs.shape[1], self._units
        other._look_at(np.zeros((streams, inputs), np.float32), np.zeros((streams, units), np.float32))
        return other

    def reset(self, streams: slice | Sequence[int]) -> None:
        self._hidden[streams] = 0
        self._cell[streams] = 0

    def choose(self, streams: NDArray[np.integer]) -> None:
        self._hidden[:] = self._hidden[streams]
        self._cell[:] = self._cell[streams]

    def state(self) -> Array:
        return np.stack([self._hidden, self._cell])

    def restore(self, state: Array) -> None:
        self._hidden[:], self._cell[:] = state

    def keep_first(self, streams: int) -> None:
        self._look_at(self._inputs[:streams], self._cell[:streams])

    def step_from_ids(self, ids: NDArray[np.integer]) -> Array:
        np.matmul(self._left, self._kernel, out=self._product)
        self._gates += self._rows.take(ids, axis=0)
        return self._advance()

    def step(self, below: Array) -> Array:
        np.copyto(self._below, below)
        np.matmul(self._left, self._kernel, out=self._product)
        self._gates += self._bias
        return self._advance()

    def _advance(self) -> Array:
        gates, sigmoids, cell, scratch = self._gates, self._sigmoids, self._cell, self._scratch
        np.tanh(gates, out=gates)
        sigmoids *= HALF
        sigmoids += HALF
        cell *= self._f
        np.multiply(self._i, self._g, out=scratch)
        cell += scratch
        np.tanh(cell, out=scratch)
        np.multiply(self._o, scratch, out=self._hidden)
        return self._hidden


def _sigmoids_first(array: Array, units: int) -> Array:
    i, f, g, o = (array[..., gate * units : (gate + 1) * units] for gate in range(4))
    return np.concatenate([0.5 * i, 0.5 * f, 0.5 * o, g], axis=-1, dtype=np.float32)
