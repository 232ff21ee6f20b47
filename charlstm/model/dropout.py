"""Dropout whose mask is a pure function of a seed, so that a step can be made again."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf


class Dropout(keras.layers.Layer):
    """Set a share of the inputs to zero and scale up the others.

    Args:
        rate: the share, from 0 (which disables) to below 1; taken to the nearest 1/65,536.

    Source: Srivastava et al., 2014; between the layers of a recurrent network: Zaremba et al., 2014, arXiv:1409.2329.
    """

    def __init__(self, rate: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rate = rate

    def call(self, inputs: Any, seed: Any) -> Any:
        """Return the inputs, of any shape, with dropout by the seed (2,)."""
        if self.rate == 0:
            return inputs
        shape = tf.shape(inputs)
        count = tf.reduce_prod(shape)
        # Random numbers are the cost of dropout: of each 32 random bits two masks of 16 are made.
        words = tf.random.stateless_uniform([(count + 1) // 2], seed, minval=None, maxval=None, dtype=tf.uint32)
        bits = tf.reshape(tf.reshape(tf.bitcast(words, tf.uint16), [-1])[:count], shape)
        kept = tf.cast(tf.cast(bits, tf.int32) >= round(self.rate * 65_536), inputs.dtype)
        return inputs * kept * (1 / (1 - self.rate))

    def get_config(self) -> dict[str, Any]:
        """Return what the layer can be built from again."""
        return {**super().get_config(), "rate": self.rate}
