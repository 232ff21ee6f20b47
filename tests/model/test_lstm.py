from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from charlstm.model import lstm as lstm_module
from charlstm.model.lstm import LSTM, stack_weights, use_own_kernel

STEPS, BATCH, INPUTS, UNITS = 3, 4, 5, 6


def pair(**options):
    """Keras's layer and ours with the same weights, and inputs and states."""
    rng = np.random.default_rng(0)
    layers = [kind(UNITS, return_sequences=True, return_state=True, **options) for kind in (keras.layers.LSTM, LSTM)]
    for layer in layers:
        layer.build((BATCH, STEPS, INPUTS))
    layers[1].set_weights(layers[0].get_weights())
    shapes = [(BATCH, STEPS, INPUTS), (BATCH, UNITS), (BATCH, UNITS)]
    return layers, [tf.constant(rng.normal(size=shape).astype(np.float32)) for shape in shapes]


def test_results_and_gradients_equal_keras():
    layers, (inputs, h, c) = pair()
    found = []
    for layer in layers:
        with tf.GradientTape() as tape:
            tape.watch([inputs, h, c])
            results = layer(inputs, initial_state=[h, c])
            loss = tf.add_n([tf.reduce_sum(tf.sin(result)) for result in results])
        variables = [variable.value for variable in layer.trainable_variables]
        found.append([*results, *tape.gradient(loss, [inputs, h, c, *variables])])
    for expected, actual in zip(*found, strict=True):
        np.testing.assert_allclose(actual, expected, atol=1e-5)


def test_configuration_and_weights_are_those_of_keras():
    (keras_layer, layer), _ = pair(name="layer")
    assert layer.get_config() == keras_layer.get_config()
    assert [weight.path for weight in layer.weights] == [weight.path for weight in keras_layer.weights]
    again = LSTM.from_config(layer.get_config())
    again.build((BATCH, STEPS, INPUTS))
    assert [weight.shape for weight in again.weights] == [(5, 24), (6, 24), (24,)]
    recurrent_kernel, bias = (np.array(weight) for weight in again.get_weights()[1:])
    np.testing.assert_allclose(recurrent_kernel @ recurrent_kernel.T, np.eye(UNITS), atol=1e-5)
    np.testing.assert_array_equal(bias, np.repeat([0, 1, 0, 0], UNITS))


def test_unknown_batch_runs_on_the_kernel(monkeypatch):
    calls = []
    kernel = lstm_module.lstm
    monkeypatch.setattr(lstm_module, "lstm", lambda *arrays, **options: calls.append(1) or kernel(*arrays, **options))
    (keras_layer, layer), (inputs, _, _) = pair()
    run = tf.function(layer, input_signature=[tf.TensorSpec((None, STEPS, INPUTS))])
    np.testing.assert_allclose(run(inputs)[0], keras_layer(inputs)[0], atol=1e-5)
    assert calls


def test_precision_reaches_the_kernel():
    (_, layer), (inputs, h, c) = pair()
    exact = layer(inputs, initial_state=[h, c])[0].numpy()
    layer.precision = "bfloat16"
    rounded = layer(inputs, initial_state=[h, c])[0].numpy()
    assert 0 < np.abs(exact - rounded).max() < 0.02


@pytest.mark.parametrize(
    ("options", "call", "expected"),
    [
        ({}, {}, True),
        ({}, {"gpus": 1}, False),
        ({}, {"masked": True}, False),
        ({}, {"steps": None}, False),
        ({}, {"steps": lstm_module.MAX_UNROLLED_STEPS + 1}, False),
        ({"activation": "relu"}, {}, False),
        ({"recurrent_activation": "hard_sigmoid"}, {}, False),
        ({"use_bias": False}, {}, False),
        ({"go_backwards": True}, {}, False),
        ({"dtype": "mixed_bfloat16"}, {}, False),
        ({"dropout": 0.5}, {"training": True}, False),
        ({"dropout": 0.5}, {}, True),
    ],
)
def test_use_own_kernel(options, call, expected):
    assert use_own_kernel(LSTM(UNITS, **options), **{"steps": STEPS, "gpus": 0, **call}) is expected


def test_a_mask_still_gives_what_keras_gives():
    (keras_layer, layer), (inputs, h, c) = pair()
    mask = tf.constant([[True, True, False]] * BATCH)
    results = [one(inputs, initial_state=[h, c], mask=mask)[1] for one in (keras_layer, layer)]
    np.testing.assert_allclose(results[0], results[1], atol=1e-6)


def test_stateful_is_refused():
    with pytest.raises(ValueError, match="state"):
        LSTM(UNITS, stateful=True)


def test_stack_weights_are_those_of_the_layers():
    (_, layer), _ = pair()
    (weights,) = stack_weights([layer])
    assert [array.shape for array in weights] == [(5, 24), (6, 24), (24,)]
    np.testing.assert_array_equal(weights.recurrent_kernel, layer.get_weights()[1])
