"""A learned vector for each symbol, which may be the column of the head for that symbol too."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf


class Embedding(keras.layers.Layer):
    """A table of vectors (V, E), one for each symbol.

    Args:
        size: E.
    """

    def __init__(self, size: int) -> None:
        super().__init__(name="embedding")
        self._size = size

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the table for V symbols, the last number of the shape of one-hot inputs."""
        self.table = self.add_weight(name="table", shape=(input_shape[-1], self._size))
        self.built = True

    def rows(self) -> Any:
        """Return the table, (V, E), as a tensor, whose gradient is dense."""
        return tf.convert_to_tensor(self.table)

    def columns(self) -> Any:
        """Return the table as the kernel of a head, (E, V).

        Source: Press and Wolf, 2016, arXiv:1608.05859; Inan et al., 2016, arXiv:1611.01462.
        """
        return tf.transpose(self.rows())


class TiedHead(keras.layers.Layer):
    """The bias (V,) of a head whose kernel is the embedding.

    Args:
        symbols: V.
        name: of the layer.
    """

    def __init__(self, symbols: int, name: str) -> None:
        super().__init__(name=name)
        self._symbols = symbols

    def build(self, input_shape: tuple[int | None, ...]) -> None:  # noqa: ARG002
        """Make the bias."""
        self.bias = self.add_weight(name="bias", shape=(self._symbols,), initializer="zeros")
        self.built = True
