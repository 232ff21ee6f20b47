from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from charlstm.config import ModelConfig, TrainingConfig
from charlstm.model import network as network_module
from charlstm.model.lstm_kernel import lstm_stack
from charlstm.model.network import Network
from charlstm.model.weights import initial_weights, layer_names
from charlstm.training import step as step_module
from charlstm.training.optimizers import Optimizer, clip_by_global_norm
from charlstm.training.presets import size_of, training_config
from charlstm.training.step import EvaluationStep, StepInputs, TrainingStep

CONFIG = ModelConfig(5, (6, 7), (0.0, 0.0))
EVERYTHING = layer_names(CONFIG, range(2), head=True)


def config(**given: object) -> TrainingConfig:
    return training_config(size_of(1000), (8,), "float32", given)


def batch() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    return random.integers(0, 5, (4, 12)).astype(np.int32), random.integers(0, 5, (4, 12)).astype(np.int32)


def stepped(
    trained: list[str], masks: dict[str, np.ndarray] | None = None, **given: object
) -> tuple[float, dict[str, np.ndarray]]:
    network = Network(CONFIG)
    network.assign(initial_weights(CONFIG, 3))
    step = TrainingStep(network, config(**given), trained, masks or {})
    (nats,) = step([StepInputs(*batch(), 0, 0.1, 1)], network.zero_state(4)).nats_per_char
    return nats, network.to_arrays()


def test_a_step_changes_the_trained_weights_and_no_others() -> None:
    trained = layer_names(CONFIG, [1], head=False)
    _, weights = stepped(trained)
    for name, before in initial_weights(CONFIG, 3).items():
        assert np.array_equal(weights[name], before) == (name not in trained), name


def test_each_kind_of_step_is_compiled_once_and_called_directly(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled, called = [], []

    def direct_call(graph: Any) -> Any:
        compiled.append(graph)
        return lambda *arrays: (called.append(graph), graph(*arrays))[1]

    monkeypatch.setattr(step_module, "direct_call", direct_call)
    network = Network(CONFIG)
    step = TrainingStep(network, config(), EVERYTHING, {})
    inputs, targets = batch()
    for steps in (12, 12, 6, 12):
        step([StepInputs(inputs[:, :steps], targets[:, :steps], 0, 0.1, 1)], network.zero_state(4))
    assert called == [compiled[number] for number in (0, 0, 1, 0)]


def test_training_and_evaluation_call_their_graphs_directly(monkeypatch: pytest.MonkeyPatch) -> None:
    directly = []
    operation = tf.raw_ops.StatefulPartitionedCall
    monkeypatch.setattr(
        tf.raw_ops, "StatefulPartitionedCall", lambda **arguments: directly.append(1) or operation(**arguments)
    )
    stepped(EVERYTHING)
    assert directly == [1]
    network = Network(CONFIG)
    EvaluationStep(network, 12)(*batch(), network.zero_state(4))
    assert directly == [1, 1]


def test_a_step_keeps_the_cores_of_its_training_at_work(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def stack(*arguments: Any, cores: int, **options: Any) -> Any:
        seen.append(cores)
        return lstm_stack(*arguments, cores=cores, **options)

    monkeypatch.setattr(network_module, "lstm_stack", stack)
    stepped(EVERYTHING, cores=3)
    assert seen == [3]


@pytest.mark.parametrize("optimizer", ["adam", "rmsprop", "sgd"])
def test_a_masked_weight_changes_only_where_its_mask_is_one(optimizer: str) -> None:
    mask = np.array([0, 0, 1, 0, 0], np.float32)[:, None]
    _, weights = stepped(["lstm_0/kernel"], {"lstm_0/kernel": mask}, optimizer=optimizer)
    changed = weights["lstm_0/kernel"] != initial_weights(CONFIG, 3)["lstm_0/kernel"]
    np.testing.assert_array_equal(changed.any(axis=1), [False, False, True, False, False])


@pytest.mark.parametrize(
    "given",
    [
        {"weight_drop": 0.5},
        {"embedding_dropout": 0.5},
        {"input_dropout": 0.5},
        {"locked_dropout": True},
        {"activation_regularization": 9.0},
        {"temporal_activation_regularization": 9000.0},
    ],
    ids=lambda given: next(iter(given)),
)
def test_each_regulariser_changes_what_a_step_learns(given: dict[str, object]) -> None:
    model = ModelConfig(5, (6, 7), (0.3, 0.3), embedding=4)
    learned = []
    for options in ({}, given):
        network = Network(model)
        network.assign(initial_weights(model, 3))
        training = config(**{"optimizer": "sgd", "clip_norm": 0.0, "weight_drop": 0.0, **options})
        step = TrainingStep(network, training, layer_names(model, range(2), head=True), {})
        assert step([StepInputs(*batch(), 0, 0.1, 1)], network.zero_state(4)).nats_per_char
        learned.append(network.to_arrays()["lstm_0/recurrent_kernel"])
    assert np.abs(learned[1] - learned[0]).max() > 1e-5


def test_a_step_that_is_not_finite_is_skipped() -> None:
    network = Network(CONFIG)
    weights = initial_weights(CONFIG, 3)
    weights["head/bias"][0] = np.nan
    network.assign(weights)
    step = TrainingStep(network, config(), EVERYTHING, {})
    result = step([StepInputs(*batch(), 0, 0.1, 1)], network.zero_state(4))
    assert not result.nats_per_char
    np.testing.assert_array_equal(network.to_arrays()["head/kernel"], weights["head/kernel"])


DROPPING = ModelConfig(5, (6, 7), (0.3, 0.3))


def texts(count: int, *, scored: bool = False) -> list[StepInputs]:
    """Return what so many steps are made of, each another text at another rate."""
    random = np.random.default_rng(1)
    steps = []
    for number in range(count):
        inputs, targets = random.integers(0, 5, (2, 4, 12)).astype(np.int32)
        mask = random.random((4, 12)) < 0.5 if scored else None
        steps.append(StepInputs(inputs, targets, number, 0.1 / (number + 1), number + 1, mask))
    return steps


def trained(asked: list[StepInputs], at_once: int, **given: object) -> tuple[list[float], list[np.ndarray]]:
    """Return the losses of steps made so many to a call, and all that they leave behind."""
    network = Network(DROPPING)
    network.assign(initial_weights(DROPPING, 3))
    step = TrainingStep(network, config(**given), EVERYTHING, {})
    state, losses = network.zero_state(4), []
    for first in range(0, len(asked), at_once):
        result = step(asked[first : first + at_once], state)
        state = result.state
        losses += result.nats_per_char
    slots = [slot.numpy() for slot in step.optimizer.slots.values()]
    return losses, [*network.to_arrays().values(), *slots, *(np.array(part) for layer in state for part in layer)]


def assert_equal(found: list[np.ndarray], expected: list[np.ndarray]) -> None:
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("scored", [False, True])
@pytest.mark.parametrize("given", [{}, {"optimizer": "sgd", "weight_drop": 0.2}], ids=["adam", "sgd"])
def test_steps_of_one_call_are_those_of_calls_of_their_own(
    given: dict[str, object], scored: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = texts(5, scored=scored)
    losses, left = trained(asked, 1, **given)
    assert len(set(losses)) == 5
    for at_once in (2, 5):
        found_losses, found = trained(asked, at_once, **given)
        assert found_losses == losses
        assert_equal(found, left)
    # A graph of one step, as large networks have it.
    monkeypatch.setattr(step_module, "WORK_OF_CALL", 1)
    found_losses, found = trained(asked, 1, **given)
    assert found_losses == losses
    assert_equal(found, left)


def test_no_step_is_made_after_one_that_is_not_finite() -> None:
    asked = texts(4)
    asked[1] = asked[1]._replace(learning_rate=np.inf)
    losses, left = trained(asked[:2], 1)
    assert len(losses) == 2
    found_losses, found = trained(asked, 4)
    assert found_losses == losses
    assert_equal(found, left)


def test_a_call_makes_as_many_steps_as_are_little_work(monkeypatch: pytest.MonkeyPatch) -> None:
    training = config(batch_size=4, sequence_length=12)
    for work, steps in ((0.5, 1), (1.5, 1), (3.5, 3), (99, step_module.MOST_STEPS)):
        monkeypatch.setattr(step_module, "WORK_OF_CALL", work * CONFIG.parameters * 4 * 12)
        assert TrainingStep(Network(CONFIG), training, EVERYTHING, {}).steps_per_call == steps


def test_what_is_not_scored_changes_nothing_and_the_rest_is_averaged() -> None:
    inputs, targets = batch()
    scored = np.arange(12) < np.array([[12], [5], [1], [0]])
    behind = np.where(scored, inputs, 4), np.where(scored, targets, 4)
    found = []
    for read in ((inputs, targets), behind):
        network = Network(CONFIG)
        network.assign(initial_weights(CONFIG, 3))
        step = TrainingStep(network, config(), EVERYTHING, {})
        result = step([StepInputs(*read, 0, 0.1, 1, scored)], network.zero_state(4))
        found.append((result.nats_per_char[0], network.to_arrays()))
    assert found[0][0] == found[1][0]
    for name, array in found[0][1].items():
        np.testing.assert_array_equal(array, found[1][1][name])

    alone = []
    for row, length in ((0, 12), (1, 5), (2, 1)):
        network = Network(CONFIG)
        network.assign(initial_weights(CONFIG, 3))
        step = TrainingStep(network, config(), EVERYTHING, {})
        rows = inputs[row : row + 1, :length], targets[row : row + 1, :length]
        alone.append(length * step([StepInputs(*rows, 0, 0.1, 1)], network.zero_state(1)).nats_per_char[0])
    assert found[0][0] == pytest.approx(sum(alone) / 18, rel=1e-6)


def test_dropout_follows_the_number_of_the_step() -> None:
    dropping = ModelConfig(5, (6, 7), (0.5, 0.5))
    network = Network(dropping)
    step = TrainingStep(network, config(optimizer="sgd"), EVERYTHING, {})
    losses = []
    for number in (0, 1, 0):
        network.assign(initial_weights(dropping, 3))
        losses += step([StepInputs(*batch(), number, 0.1, 1)], network.zero_state(4)).nats_per_char
    assert losses[0] == losses[2]
    assert losses[0] != losses[1]


def test_adam_takes_the_steps_of_its_definition() -> None:
    variable = tf.Variable([1.0, -2.0])
    optimizer = Optimizer("adam", {"x": variable})
    mean, square, expected = np.zeros(2), np.zeros(2), np.array([1.0, -2.0])
    for count, gradient in enumerate([np.array([0.5, -1.0]), np.array([0.1, 2.0])], 1):
        optimizer.apply([tf.constant(gradient, tf.float32)], tf.constant(0.1), tf.constant(count))
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.999 * square + 0.001 * gradient**2
        expected -= 0.1 * (mean / (1 - 0.9**count)) / (np.sqrt(square / (1 - 0.999**count)) + 1e-8)
    np.testing.assert_allclose(variable, expected, rtol=1e-5)
    assert set(optimizer.slots) == {"mean/x", "square/x"}


def test_rmsprop_and_sgd_take_the_steps_of_their_definitions() -> None:
    rms, plain = tf.Variable([1.0]), tf.Variable([1.0])
    Optimizer("rmsprop", {"x": rms}).apply([tf.constant([2.0])], tf.constant(0.1), 1)
    Optimizer("sgd", {"x": plain}).apply([tf.constant([2.0])], tf.constant(0.1), 1)
    np.testing.assert_allclose(rms, [1 - 0.1 * 2 / np.sqrt(0.01 * 4)], atol=1e-5)
    np.testing.assert_allclose(plain, [0.8], rtol=1e-6)


def test_clipping_scales_all_gradients_by_their_common_norm() -> None:
    gradients = [tf.constant([3.0]), tf.constant([4.0])]
    clipped, norm = clip_by_global_norm(gradients, 1.0)
    assert float(norm) == pytest.approx(5)
    np.testing.assert_allclose([float(part[0]) for part in clipped], [0.6, 0.8], rtol=1e-6)
    for clip_norm in (0.0, 10.0):
        kept, _ = clip_by_global_norm(gradients, clip_norm)
        np.testing.assert_allclose([float(part[0]) for part in kept], [3, 4], rtol=1e-6)


def test_the_decay_of_rmsprop_can_be_chosen() -> None:
    variable = tf.Variable([1.0])
    Optimizer("rmsprop", {"x": variable}, rmsprop_decay=0.5).apply([tf.constant([2.0])], tf.constant(0.1), 1)
    np.testing.assert_allclose(variable, [1 - 0.1 * 2 / np.sqrt(0.5 * 4)], atol=1e-5)


@pytest.mark.parametrize("steps", [10, 12])
def test_many_symbols_are_scored_in_parts_as_few_are_at_once(monkeypatch: pytest.MonkeyPatch, steps: int) -> None:
    network = Network(CONFIG)
    network.assign({name: 3 * array for name, array in initial_weights(CONFIG, 3).items()})
    inputs, targets = (array[:, :steps] for array in batch())
    whole = EvaluationStep(network, steps)(inputs, targets, network.zero_state(4))
    monkeypatch.setattr("charlstm.training.step.MANY_SYMBOLS", 5)
    parts = EvaluationStep(network, steps)(inputs, targets, network.zero_state(4))
    np.testing.assert_allclose(parts[0], whole[0], atol=1e-6)
    np.testing.assert_array_equal(parts[1], whole[1])
    np.testing.assert_allclose(parts[2][1][0], whole[2][1][0], atol=1e-6)
    assert parts[1].any()


def test_the_head_can_be_more_precise_than_the_layers() -> None:
    network = Network(CONFIG, "bfloat16")
    network.assign({name: 3 * array for name, array in initial_weights(CONFIG, 3).items()})
    (inputs, targets), state = batch(), network.zero_state(4)
    outputs = network.outputs(tf.constant(inputs.T), state).dropped
    kernel, bias = network.variables_by_name["head/kernel"], network.variables_by_name["head/bias"]
    logits = tf.tensordot(outputs, kernel, 1) + bias
    expected = tf.nn.sparse_softmax_cross_entropy_with_logits(targets.T, logits).numpy().T
    exact, _, _ = EvaluationStep(network, inputs.shape[1], head_precision="float32")(inputs, targets, state)
    np.testing.assert_allclose(exact, expected, atol=1e-5)
    rounded, _, _ = EvaluationStep(network, inputs.shape[1])(inputs, targets, state)
    assert abs(rounded - expected).max() > 1e-3
