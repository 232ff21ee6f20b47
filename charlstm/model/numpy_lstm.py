"""The same network as a NumPy step function: one symbol in, logits out.

The fast twin of `network.py` where one character follows the other and TensorFlow's overhead per call would
cost more than the arithmetic.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from itertools import accumulate

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
        is_kept = not config.embedding or config.vocabulary_size < MANY_SYMBOLS
        self._table = None if is_kept else weights["embedding/table"]
        self._cells = [
            _Cell(weights, layer, units, from_ids=layer == 0 and is_kept) for layer, units in enumerate(config.units)
        ]
        self._head_kernel = in_large_pages(np.ascontiguousarray(head_kernel(weights)))
        self._head_bias = weights["head/bias"]
        self._begin(streams)

    def _begin(self, streams: int) -> None:
        embedded, units = 0 if self._table is None else self._table.shape[1], [cell.units for cell in self._cells]
        self._look_at([np.zeros((streams, width), np.float32) for width in (embedded + sum(units), *units)])

    def _look_at(self, state: list[Array]) -> None:
        """Take arrays as the state, and let each layer keep views of its part.

        Args:
            state: what the layers read, (N, E + sum of H): the embedded symbols, if any, and the hidden values of each
                layer, beside those of the layer below it, so that none need to be copied. And the cell of each layer,
                (N, H).
        """
        self._state = state
        values, *cell_values = state
        self.streams, width = values.shape
        embedded = width - sum(cell.units for cell in self._cells)
        ends = list(accumulate((cell.units for cell in self._cells), initial=embedded))
        for layer, cell in enumerate(self._cells):
            below = ends[layer - 1] if layer else 0
            cell.look_at(values[:, below : ends[layer + 1]], cell_values[layer])
        self._embedded, self._top = values[:, :embedded], values[:, ends[-2] :]

    def beside(self, streams: int) -> NumpyLSTM:
        """Return another one of the same weights, which they share, for N streams of its own from a zero state."""
        other = copy.copy(self)
        other._cells = [copy.copy(cell) for cell in self._cells]
        other._begin(streams)
        return other

    def reset(self, streams: Sequence[int] | None = None) -> None:
        """Set the state of every layer to zero, of some streams or, without any, of all."""
        for values in self._state:
            values[slice(None) if streams is None else streams] = 0

    def choose(self, streams: NDArray[np.integer]) -> None:
        """Let each stream go on from the state of another.

        Args:
            streams: which, (N,); one may be chosen several times.
        """
        for values in self._state:
            values[:] = values[streams]

    def state(self) -> list[Array]:
        """Return a copy of the state, for `restore`."""
        return [values.copy() for values in self._state]

    def restore(self, state: list[Array]) -> None:
        """Go on from a state that `state` returned."""
        for values, kept in zip(self._state, state, strict=True):
            values[:] = kept

    def keep_first(self, streams: int) -> None:
        """Go on with only the first of the streams: the others have come to their end."""
        self._look_at([values[:streams] for values in self._state])

    def step(self, ids: Sequence[int] | NDArray[np.integer]) -> Array:
        """Read one symbol a stream and return the logits of the next, or the `target_offset`-th after it, (N, V).

        Args:
            ids: symbol ids (N,).
        """
        first, symbols = self._cells[0], np.asarray(ids)
        if self._table is None:
            first.step_from_ids(symbols)
        else:
            self._embedded[:] = self._table[symbols]
            first.step()
        for cell in self._cells[1:]:
            cell.step()
        logits: Array = self._top @ self._head_kernel
        logits += self._head_bias
        return logits


class _Cell:
    """One LSTM layer.

    The gates are laid out i, f, o, g: the three sigmoids side by side. A sigmoid is taken as
    0.5 + 0.5 tanh(x / 2), with the halves folded into the weights, so that all four gates are one call of tanh.
    """

    def __init__(self, weights: Weights, layer: int, units: int, *, from_ids: bool) -> None:
        self.units = units
        kernel = _sigmoids_first(input_rows(weights) if from_ids else weights[f"lstm_{layer}/kernel"], units)
        recurrent_kernel = _sigmoids_first(weights[f"lstm_{layer}/recurrent_kernel"], units)
        bias = _sigmoids_first(weights[f"lstm_{layer}/bias"], units)
        if from_ids:
            # The bias goes with the row of a symbol.
            self._rows = kernel + bias
            self._kernel = in_large_pages(recurrent_kernel)
        else:
            self._kernel = in_large_pages(np.concatenate([kernel, recurrent_kernel]))
            self._bias = bias

    def look_at(self, inputs: Array, cell: Array) -> None:
        """Take arrays as the inputs of the product, (N, D + H), and the cell, (N, H), and keep views of their parts.

        A single stream spends more on the making of views and results than on numbers.
        """
        units, streams = self.units, len(inputs)
        self._cell, self._hidden = cell, inputs[:, -units:]
        self._gates = np.empty((streams, 4 * units), np.float32)
        self._sigmoids = self._gates[:, : 3 * units]
        self._i, self._f, self._o, self._g = np.split(self._gates, 4, axis=1)
        self._scratch = np.empty((streams, units), np.float32)
        is_few = streams <= FEW_STREAMS
        self._left, self._product = (inputs[:, None], self._gates[:, None]) if is_few else (inputs, self._gates)

    def step_from_ids(self, ids: NDArray[np.integer]) -> None:
        """Move the state on by one symbol a stream, (N,)."""
        np.matmul(self._left, self._kernel, out=self._product)
        self._gates += self._rows.take(ids, axis=0)
        self._advance()

    def step(self) -> None:
        """Move the state on by what stands in the inputs."""
        np.matmul(self._left, self._kernel, out=self._product)
        self._gates += self._bias
        self._advance()

    def _advance(self) -> None:
        gates, sigmoids, cell, scratch = self._gates, self._sigmoids, self._cell, self._scratch
        np.tanh(gates, out=gates)
        sigmoids *= HALF
        sigmoids += HALF
        cell *= self._f
        np.multiply(self._i, self._g, out=scratch)
        cell += scratch
        np.tanh(cell, out=scratch)
        np.multiply(self._o, scratch, out=self._hidden)


def _sigmoids_first(array: Array, units: int) -> Array:
    i, f, g, o = (array[..., gate * units : (gate + 1) * units] for gate in range(4))
    return np.concatenate([0.5 * i, 0.5 * f, 0.5 * o, g], axis=-1, dtype=np.float32)
