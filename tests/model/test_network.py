from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from charlstm.config import ModelConfig
from charlstm.data.batches import one_hot
from charlstm.model.dropout import dropout_mask
from charlstm.model.lstm import stack_weights
from charlstm.model.network import Network
from charlstm.model.numpy_lstm import FEW_STREAMS, NumpyLSTM
from charlstm.model.weights import initial_weights

CONFIG = ModelConfig(5, (6, 7), (0.5, 0.5))


def network(config: ModelConfig = CONFIG) -> Network:
    built = Network(config)
    built.assign(initial_weights(config, 3))
    return built


def ids(steps: int, batch: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 5, (steps, batch)).astype(np.int32)


def test_the_network_multiplies_in_the_precision_that_it_is_given() -> None:
    text, weights = tf.constant(ids(9, 4)), initial_weights(CONFIG, 3)
    found = {}
    for precision in ("float32", "bfloat16"):
        built = Network(CONFIG, precision)
        built.assign(weights)
        _, state = built(text, built.zero_state(4))
        found[precision] = state[-1][0].numpy()
    difference = np.abs(found["float32"] - found["bfloat16"]).max()
    assert 1e-5 < difference < 0.03


@pytest.mark.parametrize("units", [(6,), (6, 7), (6, 6, 6, 6)])
def test_the_numpy_step_gives_the_same_logits_as_the_network(units: tuple[int, ...]) -> None:
    config = ModelConfig(5, units, (0.0,) * len(units))
    text, built = ids(9, 4), network(config)
    logits, _ = built(tf.constant(text), built.zero_state(4))
    twin = NumpyLSTM(config, initial_weights(config, 3), streams=4)
    stepped = np.stack([twin.step(row) for row in text])
    np.testing.assert_allclose(stepped, logits.numpy(), atol=2e-6)


@pytest.mark.parametrize("streams", [FEW_STREAMS, FEW_STREAMS + 1])
def test_few_and_many_numpy_streams_step_as_each_does_alone(streams: int) -> None:
    weights, text = initial_weights(CONFIG, 3), ids(5, streams)
    beside, alone = NumpyLSTM(CONFIG, weights, streams), [NumpyLSTM(CONFIG, weights) for _ in range(streams)]
    for step in text:
        expected = np.concatenate([network.step([symbol]) for network, symbol in zip(alone, step, strict=True)])
        np.testing.assert_allclose(beside.step(step), expected, atol=1e-6)
    beside.keep_first(streams - 1)
    np.testing.assert_allclose(beside.step(text[0, :-1])[0], alone[0].step(text[0, :1])[0], atol=1e-6)


def test_resetting_the_numpy_network_starts_again() -> None:
    twin = NumpyLSTM(CONFIG, initial_weights(CONFIG, 3))
    first = twin.step([1]).copy()
    second = twin.step([1]).copy()
    twin.reset()
    np.testing.assert_array_equal(twin.step([1]), first)
    assert not np.array_equal(first, second)


def test_state_carried_over_two_halves_equals_one_whole_sequence() -> None:
    built, text = network(), ids(10, 3)
    whole, end = built(tf.constant(text), built.zero_state(3))
    first, middle = built(tf.constant(text[:4]), built.zero_state(3))
    second, end_of_second = built(tf.constant(text[4:]), middle)
    np.testing.assert_allclose(tf.concat([first, second], 0), whole, atol=1e-6)
    for layer, again in zip(end, end_of_second, strict=True):
        np.testing.assert_allclose(layer[1], again[1], atol=1e-6)


def test_the_row_lookup_is_the_one_hot_product_forward_and_gradient() -> None:
    built, text = network(), ids(7, 3)
    kernel = built.variables_by_name["lstm_0/kernel"]
    with tf.GradientTape() as tape:
        tape.watch(kernel)
        logits, _ = built(tf.constant(text), built.zero_state(3))
        total = tf.reduce_sum(logits**2)
    gradient = tf.convert_to_tensor(tape.gradient(total, kernel)).numpy()
    # The same network over dense one-hot vectors: a step function that multiplies by the kernel.
    weights = {name: array.astype(np.float64) for name, array in initial_weights(CONFIG, 3).items()}
    dense = one_hot(text, 5).astype(np.float64)
    np.testing.assert_allclose(float(total), dense_total(dense, weights), rtol=1e-5)
    for row, column in [(0, 0), (3, 7), (4, 23)]:
        moved = {**weights, "lstm_0/kernel": weights["lstm_0/kernel"].copy()}
        moved["lstm_0/kernel"][row, column] += 1e-5
        numeric = (dense_total(dense, moved) - dense_total(dense, weights)) / 1e-5
        np.testing.assert_allclose(gradient[row, column], numeric, rtol=2e-3, atol=1e-4)


def dense_total(inputs: np.ndarray, weights: dict[str, np.ndarray]) -> float:
    """Return the sum of squared logits of the network over dense inputs (T, B, V)."""
    outputs = inputs
    for layer in range(2):
        kernel, recurrent, bias = (weights[f"lstm_{layer}/{part}"] for part in ("kernel", "recurrent_kernel", "bias"))
        hidden = cell = np.zeros((inputs.shape[1], len(recurrent)))
        steps = []
        for row in outputs:
            i, f, g, o = np.split(row @ kernel + hidden @ recurrent + bias, 4, axis=1)
            cell = cell / (1 + np.exp(-f)) + np.tanh(g) / (1 + np.exp(-i))
            hidden = np.tanh(cell) / (1 + np.exp(-o))
            steps.append(hidden)
        outputs = np.stack(steps)
    return float(((outputs @ weights["head/kernel"] + weights["head/bias"]) ** 2).sum())


def test_weights_come_out_of_a_network_as_they_went_in() -> None:
    weights, found = initial_weights(CONFIG, 3), network().to_arrays()
    assert list(found) == list(weights)
    for name, array in weights.items():
        np.testing.assert_array_equal(found[name], array)


def test_dropout_drops_its_share_scales_the_rest_and_follows_the_seed() -> None:
    mask = dropout_mask((100, 101), 0.25, tf.constant([1, 2])).numpy()
    assert abs((mask == 0).mean() - 0.25) < 0.02
    np.testing.assert_allclose(mask[mask > 0], 1 / 0.75, rtol=1e-6)
    np.testing.assert_array_equal(mask, dropout_mask((100, 101), 0.25, tf.constant([1, 2])))
    assert not np.array_equal(mask, dropout_mask((100, 101), 0.25, tf.constant([1, 3])))


def test_no_two_layers_or_steps_share_a_mask() -> None:
    built, text = network(ModelConfig(5, (8, 8), (0.5, 0.5))), tf.zeros((6, 4), tf.int32)
    masks = [built._dropout_masks(text, tf.constant([1, step])) for step in (1, 2)]
    every = [mask.numpy().tobytes() for step in masks for mask in step if mask is not None]
    assert len(set(every)) == 4


def test_numpy_networks_beside_each_other_share_weights_and_no_state() -> None:
    weights, text = initial_weights(CONFIG, 3), ids(4, 2)
    expected = [NumpyLSTM(CONFIG, weights, 2).step(text[0]), NumpyLSTM(CONFIG, weights).step(text[1, :1])]
    first = NumpyLSTM(CONFIG, weights, 3)
    for step in text:
        first.step([*step, 0])
    other = first.beside(2)
    before = first.state()
    np.testing.assert_array_equal(other.step(text[0]), expected[0])
    np.testing.assert_array_equal(other.beside(1).step(text[1, :1]), expected[1])
    for kept, now in zip(before, first.state(), strict=True):
        np.testing.assert_array_equal(kept, now)


@pytest.mark.usefixtures("keras_alone")
def test_layers_of_different_sizes_and_dropout_agree_with_keras_layer_by_layer() -> None:
    built, text = network(), tf.constant(ids(6, 2))
    variables = list(built.variables_by_name.values())
    results = []
    for own in (True, False):
        with tf.GradientTape() as tape:
            masks = built._dropout_masks(text, tf.constant([1, 1]))
            if own:
                logits, state = built(text, built.zero_state(2), dropout_seed=tf.constant([1, 1]))
            else:
                (outputs,), state = built._layer_by_layer(
                    text, built.zero_state(2), built.lstms, masks, stack_weights(built.lstms)
                )
                logits = tf.tensordot(outputs, built.head.kernel, 1) + built.head.bias
            loss = tf.reduce_sum(logits**2)
        gradients = [tf.convert_to_tensor(part) for part in tape.gradient(loss, variables)]
        results.append([logits, *(part for layer in state for part in layer), *gradients])
    for ours, keras_own in zip(*results, strict=True):
        np.testing.assert_allclose(ours, keras_own, atol=2e-5)


def test_on_a_gpu_keras_runs_the_layers_in_the_precision_of_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda _: ["a GPU"])
    text = tf.constant(ids(6, 2))
    results = []
    for precision in ("float32", "bfloat16"):
        built = Network(CONFIG, precision)
        built.assign(initial_weights(CONFIG, 3))
        variables = list(built.variables_by_name.values())
        with tf.GradientTape() as tape:
            outputs = built.outputs(text, built.zero_state(2))
            loss = tf.reduce_sum(outputs.dropped**2)
        parts = [outputs.dropped, *(part for layer in outputs.state for part in layer)]
        parts += [part for part in tape.gradient(loss, variables) if part is not None]
        assert {part.dtype for part in parts} == {tf.float32}
        results.append([tf.convert_to_tensor(part).numpy() for part in parts])
    for exact, rounded in zip(*results, strict=True):
        assert 0 < np.abs(exact - rounded).max() < 0.03


def test_dropout_acts_in_training_only() -> None:
    built, text = network(), tf.constant(ids(6, 2))
    plain, _ = built(text, built.zero_state(2))
    again, _ = built(text, built.zero_state(2))
    dropped, _ = built(text, built.zero_state(2), dropout_seed=tf.constant([1, 1]))
    np.testing.assert_array_equal(plain, again)
    assert not np.allclose(plain, dropped)
