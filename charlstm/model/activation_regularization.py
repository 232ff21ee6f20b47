"""Penalties on large outputs of the highest layer, and on outputs that change from step to step."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from charlstm.method_config import RegularizerFields
from charlstm.model.network import Outputs


def activation_penalty(outputs: Outputs, scored: Any | None, weights: RegularizerFields) -> Any | None:
    """Return what is added to the loss, None for nothing.

    Args:
        outputs: of the highest layer.
        scored: which steps count, (T, B), at least one; None for all.
        weights: of the two penalties.

    Source: Merity, McCann and Socher, Revisiting Activation Regularization, 2017, arXiv:1708.01009.
    """
    penalties = []
    if weights.activation_regularization:
        penalties.append(weights.activation_regularization * _mean_square(outputs.dropped, scored))
    if weights.temporal_activation_regularization and outputs.dropped.shape[0] > 1:
        changes = outputs.raw[1:] - outputs.raw[:-1]
        later = None if scored is None else scored[1:]
        penalties.append(weights.temporal_activation_regularization * _mean_square(changes, later))
    return tf.add_n(penalties) if penalties else None


def _mean_square(values: Any, scored: Any | None) -> Any:
    squares = tf.reduce_mean(tf.square(values), axis=2)
    if scored is None:
        return tf.reduce_mean(squares)
    counted = tf.cast(scored, squares.dtype)
    return tf.reduce_sum(squares * counted) / tf.maximum(1.0, tf.reduce_sum(counted))
