"""Dropout masks that are a pure function of a seed, so that a step can be made again."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

# A mask needs 8 random bits an entry: making random numbers is most of what dropout costs.
LEVELS = 256


def dropout_mask(shape: tuple[Any, ...], rate: float, seed: Any) -> Any:
    """Return an array that multiplies activations: 0 for a share of the entries, and scaled up for the others.

    Args:
        shape: of the mask.
        rate: the share to drop, above 0 and below 1; taken to the nearest 1/256.
        seed: two integers, (2,).

    Source: Srivastava et al., 2014; between the layers of a recurrent network: Zaremba et al., 2014, arXiv:1409.2329.
    """
    dropped = min(max(1, round(rate * LEVELS)), LEVELS - 1)
    count = tf.reduce_prod(shape)
    words = tf.random.stateless_uniform([(count + 3) // 4], seed, minval=None, maxval=None, dtype=tf.uint32)
    levels = tf.reshape(tf.reshape(tf.bitcast(words, tf.uint8), [-1])[:count], shape)
    kept = tf.cast(levels >= tf.constant(dropped, tf.uint8), tf.float32)
    return kept * (LEVELS / (LEVELS - dropped))
