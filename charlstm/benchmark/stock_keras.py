"""Stock Keras as a contender: keras.layers.LSTM as it comes, in a tf.function, with TensorFlow's own threads."""

from __future__ import annotations

import os
from typing import Any

from charlstm.benchmark.contenders import SYMBOLS, Shape, Step
from charlstm.config import Precision, SamplingConfig


def training(shape: Shape, precision: Precision) -> Step:  # noqa: ARG001 - the layer is float32
    """Return a step: one-hot input, the layers with their state carried on, a dense head, clip, keras's Adam."""
    keras = _keras()
    import numpy as np
    import tensorflow as tf

    model = _model(keras, shape, shape.sequence_length)
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

    def step() -> int:
        nonlocal carried
        loss, carried = compiled(inputs, targets, carried)
        float(loss)
        return shape.chars

    return step


def sampling(shape: Shape, precision: Precision) -> Step:  # noqa: ARG001 - the layer is float32
    """Return the writing of B texts of T symbols: a compiled step of the layers, the head and the draw a symbol."""
    keras = _keras()
    import tensorflow as tf

    model = _model(keras, shape, 1)
    temperature = SamplingConfig().temperature

    @tf.function  # type: ignore[untyped-decorator]
    def advance(ids: Any, state: Any) -> Any:
        logits, *state = model([ids, *state])
        return tf.random.categorical(logits[:, 0] / temperature, 1, dtype=tf.int32), state

    def step() -> int:
        ids = tf.zeros((shape.batch_size, 1), tf.int32)
        state, written = [tf.zeros((shape.batch_size, shape.units))] * (2 * shape.layers), []
        for _ in range(shape.sequence_length):
            ids, state = advance(ids, state)
            written.append(ids)
        tf.concat(written, 1).numpy().tolist()
        return shape.chars

    return step


def _model(keras: Any, shape: Shape, steps: int) -> Any:
    """Return a model of ids (B, T) and the state of each layer, hidden and cell (B, H): logits (B, T, V) and states."""
    ids = keras.Input((steps,), batch_size=shape.batch_size, dtype="int32")
    outputs, before, after = keras.ops.one_hot(ids, SYMBOLS), [], []
    for _ in range(shape.layers):
        state = [keras.Input((shape.units,), batch_size=shape.batch_size) for _ in ("hidden", "cell")]
        layer = keras.layers.LSTM(shape.units, return_sequences=True, return_state=True)
        outputs, *new_state = layer(outputs, initial_state=state)
        before += state
        after += new_state
    return keras.Model([ids, *before], [keras.layers.Dense(SYMBOLS)(outputs), *after])


def _keras() -> Any:
    """Return Keras on TensorFlow, whatever else it usually runs on here; before TensorFlow, which imports Keras."""
    os.environ["KERAS_BACKEND"] = "tensorflow"
    import keras

    return keras
