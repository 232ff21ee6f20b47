"""What was compiled for one run serves the next, which cannot tell."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from charlstm.config import ModelConfig, TrainingConfig
from charlstm.model.weights import initial_weights, layer_names
from charlstm.training.compiled import CompiledNetwork, scorer_of, training_network
from charlstm.training.step import StepInputs, TrainingStep

MODEL = ModelConfig(5, (6, 7), (0.3, 0.3))
TRAINING = TrainingConfig(2, 4, 1, None, 0.01, "constant", 0, "adam", 1.0, 0, 1, "float32", 0.0)
HEAD = layer_names(MODEL, [], head=True)


def train(compiled: CompiledNetwork, config: TrainingConfig, trained: list[str]) -> dict[str, np.ndarray]:
    """Return the weights after two steps of a run from its beginning."""
    step = compiled.training_step(config, trained, {})
    network = compiled.network
    network.assign(initial_weights(MODEL, config.random_seed))
    ids = np.random.default_rng(0).integers(0, 5, (2, 4)).astype(np.int32)
    for number in range(2):
        step([StepInputs(ids, ids, number, config.learning_rate, number + 1)], network.zero_state(2))
    return network.to_arrays()


def test_a_second_run_compiles_nothing_and_ends_as_in_a_process_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    traced = []
    original = TrainingStep._step

    def trace(self: TrainingStep, *arguments: object) -> object:
        traced.append(self)
        return original(self, *arguments)

    monkeypatch.setattr(TrainingStep, "_step", trace)
    compiled = CompiledNetwork(MODEL, "float32")
    train(compiled, TRAINING, HEAD)
    assert len(traced) == 1
    again = train(compiled, replace(TRAINING, random_seed=2, epochs=3), HEAD)
    assert len(traced) == 1
    alone = train(CompiledNetwork(MODEL, "float32"), replace(TRAINING, random_seed=2), HEAD)
    assert len(traced) == 2
    assert all(np.array_equal(again[name], alone[name]) for name in alone)


def test_what_a_step_depends_on_gives_a_step_of_its_own_and_old_ones_are_let_go() -> None:
    compiled = CompiledNetwork(MODEL, "float32")
    first = compiled.training_step(TRAINING, HEAD, {})
    mask = {"head/bias": np.ones(5, np.float32)}
    others = [
        compiled.training_step(TRAINING, HEAD, mask),
        compiled.training_step(TRAINING, layer_names(MODEL, [1], head=True), {}),
        compiled.training_step(replace(TRAINING, optimizer="sgd"), HEAD, {}),
        compiled.training_step(replace(TRAINING, clip_norm=2.0), HEAD, {}),
        compiled.training_step(replace(TRAINING, clip_norm=(1.0, 1.0)), HEAD, {}),
        compiled.training_step(replace(TRAINING, layer_rates=(0.01, 0.02)), HEAD, {}),
        compiled.training_step(replace(TRAINING, layer_rates=(0.01, 0.02), learning_rate=1.0), HEAD, {}),
        compiled.training_step(replace(TRAINING, weight_decay=0.1), HEAD, {}),
        compiled.training_step(replace(TRAINING, cores=3), HEAD, {}),
        compiled.training_step(replace(TRAINING, sequence_length=3), HEAD, {}),
    ]
    assert len({id(step) for step in (first, *others)}) == 11
    assert compiled.training_step(replace(TRAINING, sequence_length=3), HEAD, {}) is others[-1]
    assert compiled.training_step(TRAINING, HEAD, {}) is not first


def test_networks_of_one_shape_are_one_and_scoring_has_one_of_its_own() -> None:
    assert training_network(MODEL, "float32") is training_network(MODEL, "float32")
    assert training_network(MODEL, "float32") is not training_network(MODEL, "bfloat16")
    weights = initial_weights(MODEL, 1)
    assert scorer_of(MODEL, weights) is scorer_of(replace(MODEL, dropout=(0.5, 0.0)), weights)
    assert scorer_of(MODEL, weights) is not training_network(MODEL, "float32").scorer
