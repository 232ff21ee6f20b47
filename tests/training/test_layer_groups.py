"""Rates, clipping and decay that differ from layer to layer, measured at the weights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from tiny import MODEL, config

from charlstm.config import ModelConfig
from charlstm.errors import OptionError
from charlstm.model.network import Network
from charlstm.model.weights import Array, initial_weights, layer_names
from charlstm.training.layer_groups import check_fit, clip_norms, group_of, rate_factors
from charlstm.training.optimizers import clip_by_group_norms
from charlstm.training.step import StepInputs, TrainingStep

EVERYTHING = layer_names(MODEL, range(2), head=True)
IDS = np.random.default_rng(2).integers(0, 5, (2, 11)).astype(np.int32)


def moved(rate: float = 0.1, masks: dict[str, Array] | None = None, **given: object) -> dict[str, Array]:
    """Return by how much one update moves each weight."""
    network = Network(MODEL)
    before = initial_weights(MODEL, 3)
    network.assign(before)
    options = {"optimizer": "sgd", "clip_norm": 0.0, "learning_rate": rate, **given}
    step = TrainingStep(network, config(**options), EVERYTHING, masks or {})
    assert step([StepInputs(IDS[:, :-1], IDS[:, 1:], 0, rate, 1)], network.zero_state(2)).nats_per_char
    return {name: array - before[name] for name, array in network.to_arrays().items()}


@pytest.mark.parametrize(
    ("given", "ratios"),
    [
        ({"layer_rate_decay": 2.6}, {"head": 1, "lstm_1": 1 / 2.6, "lstm_0": 1 / 2.6**2}),
        ({"layer_rates": (0.01, 0.3)}, {"head": 1, "lstm_1": 3, "lstm_0": 0.1}),
        ({"layer_rates": (0.0, 0.1, 0.2)}, {"head": 2, "lstm_1": 1, "lstm_0": 0}),
    ],
)
def test_each_layer_moves_by_its_own_rate(given: dict[str, object], ratios: dict[str, float]) -> None:
    alike, apart = moved(), moved(**given)
    for name, change in alike.items():
        np.testing.assert_allclose(apart[name], ratios[group_of(name)] * change, atol=5e-7)
        assert np.abs(change).max() > 2e-5


def test_each_layer_is_clipped_to_its_own_norm() -> None:
    changes = moved(rate=1.0, clip_norm=(0.001, 0.002, 0.003))
    for group, norm in {"lstm_0": 0.001, "lstm_1": 0.002, "head": 0.003}.items():
        squares = sum(np.sum(change**2) for name, change in changes.items() if group_of(name) == group)
        assert np.sqrt(squares) == pytest.approx(norm, rel=1e-3)
    whole = moved(rate=1.0, clip_norm=0.001)
    assert np.sqrt(sum(np.sum(change**2) for change in whole.values())) == pytest.approx(0.001, rel=1e-3)


def test_a_group_within_its_norm_is_left_alone_and_zero_is_no_limit() -> None:
    gradients = [tf.constant([3.0, 4.0]), tf.constant([6.0, 8.0]), tf.constant([0.3])]
    clipped, norm = clip_by_group_norms(gradients, ["a", "b", "a"], {"a": 100.0, "b": 1.0})
    np.testing.assert_allclose(clipped[1], [0.6, 0.8])
    np.testing.assert_array_equal(clipped[0], gradients[0])
    np.testing.assert_array_equal(clipped[2], gradients[2])
    assert float(norm) == pytest.approx(np.sqrt(25 + 100 + 0.09))
    np.testing.assert_array_equal(clip_by_group_norms(gradients[:1], ["a"], {"a": 0.0})[0][0], [3, 4])


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_weight_decay_takes_its_share_of_every_weight(optimizer: str) -> None:
    plain, decayed = moved(optimizer=optimizer), moved(optimizer=optimizer, weight_decay=0.5)
    for name, before in initial_weights(MODEL, 3).items():
        np.testing.assert_allclose(decayed[name] - plain[name], -0.1 * 0.5 * before, atol=1e-6)


def test_weight_decay_spares_what_a_mask_keeps() -> None:
    mask = np.array([0, 0, 1, 0, 0], np.float32)[:, None]
    change = moved(masks={"lstm_0/kernel": mask}, weight_decay=0.5)["lstm_0/kernel"]
    np.testing.assert_array_equal((change != 0).any(axis=1), [False, False, True, False, False])


def test_the_head_has_a_value_of_its_own_or_that_of_the_highest_layer() -> None:
    assert clip_norms(MODEL, (1.0, 2.0)) == {"embedding": 1, "lstm_0": 1, "lstm_1": 2, "head": 2}
    assert clip_norms(MODEL, (1.0, 2.0, 3.0))["head"] == 3
    assert set(rate_factors(MODEL, config()).values()) == {1.0}


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"clip_norm": (1.0, 2.0, 3.0, 4.0)}, "--clip-norm 1,2,3,4: needs a value for each of the 2 LSTM layers"),
        ({"layer_rates": (0.1,)}, "--layer-rates 0.1: needs a value for each of the 2 LSTM layers"),
        ({"layer_rates": (0.1, 0.1), "layer_rate_decay": 2.0}, "give one of them"),
        ({"layer_rates": (-0.1, 0.1)}, "needs rates of 0 or more"),
        ({"clip_norm": (1.0, -1.0)}, "--clip-norm 1,-1: must be 0 or more"),
    ],
)
def test_lists_that_do_not_fit_are_refused(given: dict[str, object], says: str) -> None:
    with pytest.raises(OptionError, match=says):
        check_fit(MODEL, config(**given))


def test_an_embedding_is_of_the_lowest_layer_or_of_the_head_that_it_is() -> None:
    model = ModelConfig(5, (4, 4), (0.0, 0.0), embedding=4)
    falling = config(layer_rate_decay=2.0)
    assert rate_factors(model, falling)["embedding"] == 0.25
    assert rate_factors(replace(model, tie_weights=True), falling)["embedding"] == 1
