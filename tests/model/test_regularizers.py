"""What is dropped and penalised in training, seen from the network's outputs."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from charlstm.config import ModelConfig
from charlstm.method_config import RegularizerFields
from charlstm.model.activation_regularization import activation_penalty
from charlstm.model.lstm import stack_weights
from charlstm.model.lstm_cell import LayerWeights
from charlstm.model.network import Network, Outputs
from charlstm.model.weight_drop import with_dropped_weights
from charlstm.model.weights import initial_weights

PLAIN = ModelConfig(5, (6, 7), (0.0, 0.0))
DROPPING = ModelConfig(5, (6, 7), (0.5, 0.5))
EMBEDDED = ModelConfig(5, (6, 7), (0.0, 0.0), embedding=4)
SEED = tf.constant([1, 7])
TEXT = tf.constant(np.random.default_rng(0).integers(0, 5, (6, 3)).astype(np.int32))


def network(config: ModelConfig) -> Network:
    built = Network(config)
    built.assign({name: 2 * array for name, array in initial_weights(config, 3).items()})
    return built


def outputs(built: Network, seed: tf.Tensor | None = SEED, ids: tf.Tensor = TEXT, **noise: float) -> Outputs:
    return built.outputs(ids, built.zero_state(ids.shape[1]), dropout_seed=seed, noise=RegularizerFields(**noise))


def test_weight_drop_spares_the_first_step_changes_later_ones_and_is_off_in_evaluation() -> None:
    built = network(PLAIN)
    plain, dropped = outputs(built).dropped.numpy(), outputs(built, weight_drop=0.5).dropped.numpy()
    np.testing.assert_array_equal(dropped[0], plain[0])
    assert all(np.abs(dropped[step] - plain[step]).max() > 1e-4 for step in range(1, 6))
    np.testing.assert_array_equal(outputs(built, None, weight_drop=0.5).dropped, plain)
    np.testing.assert_array_equal(outputs(built, weight_drop=0.5).dropped, dropped)
    assert not np.array_equal(outputs(built, tf.constant([1, 8]), weight_drop=0.5).dropped, dropped)


def test_weight_drop_drops_its_share_of_the_recurrent_weights_only() -> None:
    ones = LayerWeights(tf.ones((5, 200)), tf.ones((50, 200)), tf.ones(200))
    kernel, recurrent, bias = with_dropped_weights(ones, 0.3, SEED)
    assert kernel is ones.kernel
    assert bias is ones.bias
    assert np.mean(recurrent.numpy() == 0) == pytest.approx(0.3, abs=0.02)
    assert recurrent.numpy().max() == pytest.approx(1 / 0.7, rel=0.01)


def test_the_gradient_of_a_dropped_recurrent_weight_is_zero() -> None:
    built = network(PLAIN)
    kernel = built.variables_by_name["lstm_0/recurrent_kernel"]
    with tf.GradientTape() as tape:
        tape.watch(kernel)
        total = tf.reduce_sum(outputs(built, weight_drop=0.5).dropped)
    gradient = tape.gradient(total, kernel).numpy()
    assert 0.3 < np.mean(gradient == 0) < 0.7


def masks_of(found: Outputs) -> np.ndarray:
    """Return what the outputs of the highest layer were multiplied by, (T, B, H)."""
    return np.round(found.dropped.numpy() / found.raw.numpy(), 3)


def test_locked_dropout_has_one_mask_for_a_sequence_and_another_for_each_text() -> None:
    built = network(DROPPING)
    free = masks_of(outputs(built, temporal_activation_regularization=1.0))
    locked = masks_of(outputs(built, temporal_activation_regularization=1.0, locked_dropout=True))
    assert len({step.tobytes() for step in free}) == 6
    assert len({step.tobytes() for step in locked}) == 1
    assert len({locked[0, text].tobytes() for text in range(3)}) > 1
    assert set(np.unique(locked)) == {0, 2}


@pytest.mark.usefixtures("keras_alone")
def test_locked_masks_of_lower_layers_hold_in_the_kernel_and_layer_by_layer() -> None:
    built = network(DROPPING)
    masks = built._dropout_masks(TEXT, SEED, is_locked=True)
    assert [tuple(mask.shape) for mask in masks] == [(1, 6, 3), (1, 7, 3)]
    spread = [tf.tile(mask, (6, 1, 1)) for mask in masks]
    weights = stack_weights(built.lstms)
    expected, _ = built._stack(TEXT, built.zero_state(3), built.lstms, spread, weights)
    for run in (built._stack, built._layer_by_layer):
        found, _ = run(TEXT, built.zero_state(3), built.lstms, masks, weights)
        np.testing.assert_allclose(tf.concat(found, 0), tf.concat(expected, 0), atol=1e-6)


@pytest.mark.parametrize("config", [PLAIN, EMBEDDED])
def test_embedding_dropout_drops_whole_symbols_for_a_whole_sequence(config: ModelConfig) -> None:
    built = network(config)
    everyone = tf.constant(np.tile(np.arange(5, dtype=np.int32), (2, 1)))
    # Without bias or recurrence, a symbol that is dropped leaves nothing.
    for name, variable in built.variables_by_name.items():
        if name.endswith("bias") or name.endswith("recurrent_kernel"):
            variable.assign(tf.zeros_like(variable))
    plain = outputs(built, ids=everyone).dropped.numpy()
    assert (np.abs(plain).max(axis=2) > 0).all()
    dropped = np.abs(outputs(built, ids=everyone, embedding_dropout=0.5).dropped.numpy()).max(axis=2) == 0
    assert 0 < dropped.sum() < dropped.size
    np.testing.assert_array_equal(dropped[0], dropped[1])
    np.testing.assert_array_equal(outputs(built, None, everyone, embedding_dropout=0.5).dropped, plain)


def test_input_dropout_drops_from_the_embedded_input_and_can_be_locked() -> None:
    built = network(EMBEDDED)
    weights = stack_weights(built.lstms)[0]
    noise = {"input_dropout": 0.5}
    same = tf.zeros((6, 3), tf.int32)
    free, _ = built._first_inputs(same, weights, SEED, RegularizerFields(**noise))
    locked, _ = built._first_inputs(same, weights, SEED, RegularizerFields(**noise, locked_dropout=True))
    assert len({step.tobytes() for step in free.numpy()}) == 6
    assert len({step.tobytes() for step in locked.numpy()}) == 1
    assert 0 < np.mean(locked.numpy() == 0) < 1
    kept, _ = built._first_inputs(same, weights, None, RegularizerFields(**noise))
    np.testing.assert_array_equal(kept[0, 0], built.variables_by_name["embedding/table"][0])


@pytest.mark.usefixtures("keras_alone")
def test_weights_that_were_dropped_stand_for_keras_own_where_it_runs_them() -> None:
    built = network(PLAIN)
    variables = [built.variables_by_name[name] for name in ("lstm_0/recurrent_kernel", "lstm_1/kernel")]
    found = []
    for run in (built._stack, built._layer_by_layer):
        with tf.GradientTape() as tape:
            tape.watch(variables)
            weights = [with_dropped_weights(layer, 0.5, SEED) for layer in stack_weights(built.lstms)]
            blocks, _ = run(TEXT, built.zero_state(3), built.lstms, [None, None], weights)
            result = tf.concat(blocks, 0)
            total = tf.reduce_sum(result**2)
        found.append([result, *tape.gradient(total, variables)])
    for own, keras_own in zip(*found, strict=True):
        np.testing.assert_allclose(own, keras_own, atol=2e-5)


def test_the_penalties_are_their_definitions() -> None:
    built = network(DROPPING)
    both = RegularizerFields(activation_regularization=2.0, temporal_activation_regularization=3.0)
    found = built.outputs(TEXT, built.zero_state(3), dropout_seed=SEED, noise=both)
    raw, dropped = found.raw.numpy(), found.dropped.numpy()
    expected = 2 * np.mean(dropped**2) + 3 * np.mean((raw[1:] - raw[:-1]) ** 2)
    assert float(activation_penalty(found, None, both)) == pytest.approx(expected, rel=1e-5)
    scored = np.arange(6)[:, None] < np.array([6, 3, 1])
    counted = 2 * np.mean(dropped[scored] ** 2) + 3 * np.mean((raw[1:] - raw[:-1])[scored[1:]] ** 2)
    assert float(activation_penalty(found, tf.constant(scored), both)) == pytest.approx(counted, rel=1e-5)
    assert activation_penalty(found, None, RegularizerFields()) is None


def test_a_sequence_of_one_step_has_no_change_to_penalise() -> None:
    built = network(PLAIN)
    alone = RegularizerFields(temporal_activation_regularization=3.0)
    found = built.outputs(TEXT[:1], built.zero_state(3), dropout_seed=SEED, noise=alone)
    assert activation_penalty(found, None, alone) is None


def test_outputs_are_the_same_whether_the_kernel_or_the_caller_drops_the_highest() -> None:
    built = network(DROPPING)
    np.testing.assert_allclose(
        outputs(built).dropped, outputs(built, temporal_activation_regularization=1.0).dropped, atol=1e-6
    )
