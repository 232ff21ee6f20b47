"""Stock Keras as a contender: keras.layers.LSTM as it comes, in a tf.function, with TensorFlow's own threads."""

from __future__ import annotations

import os
from typing import Any

from charlstm.benchmark.contenders import SYMBOLS, Shape, Step
from charlstm.config import Precision


def training(shape: Shape, precision: Precision) -> Step:  # noqa: ARG001 - the layer is float32
    """Return a step: one-hot input, the layers with their state carried on, a dense head, clip, keras's Adam."""
    os.environ["KERAS_BACKEND"] = "tensorflow"
    import keras
    import numpy as np
    import tensorflow as tf

    ids = keras.Input((shape.sequence_length,), batch_size=shape.batch_size, dtype="int32")
    outputs, before, after = keras.ops.one_hot(ids, SYMBOLS), [], []
    for _ in range(shape.layers):
        state = [keras.Input((shape.units,), batch_size=shape.batch_size) for _ in ("hidden", "cell")]
        layer = keras.layers.LSTM(shape.units, return_sequences=True, return_state=True)
        outputs, *new_state = layer(outputs, initial_state=state)
        before += state
        after += new_state
    model = keras.Model([ids, *before], [keras.layers.Dense(SYMBOLS)(outputs), *after])
    optimizer = keras.optimizers.Adam(1e-3, global_clipnorm=1.0)
    optimizer.build(model.trainable_variables)

    @tf.function  # type: ignore[untyped-decorator]
    def compiled(inputs: Any, targets: Any, state: Any) -> Any:
        with tf.GradientTape() as tape:
            logits, *new_state = model([inputs, *state], training=True)
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=targets, logits=logits)
            loss = tf.reduce_mean(losses)
        variables = model.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        return loss, new_state

    text = np.random.default_rng(1).integers(SYMBOLS, size=(shape.batch_size, shape.sequence_length + 1))
    inputs, targets = (tf.constant(part, tf.int32) for part in (text[:, :-1], text[:, 1:]))
    carried = [tf.zeros((shape.batch_size, shape.units))] * (2 * shape.layers)

    def step() -> None:
        nonlocal carried
        loss, carried = compiled(inputs, targets, carried)
        float(loss)

    return step
