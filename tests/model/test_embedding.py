"""Networks whose symbols are embedded, with a head of their own or tied to the embedding."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from charlstm.config import ModelConfig
from charlstm.data.vocabulary import Vocabulary
from charlstm.errors import OptionError
from charlstm.model.network import Network
from charlstm.model.numpy_lstm import NumpyLSTM
from charlstm.model.weights import extend_vocabulary, initial_weights, layer_names, new_symbol_masks
from charlstm.sampling.compiled import TensorFlowLSTM
from charlstm.store.model_directory import weight_shapes
from charlstm.training.frozen import frozen_below

OWN = ModelConfig(5, (6, 4), (0.0, 0.0), embedding=3)
TIED = ModelConfig(5, (6, 4), (0.0, 0.0), embedding=4, tie_weights=True)
TEXT = np.random.default_rng(0).integers(0, 5, (6, 3)).astype(np.int32)


def logits_of(config: ModelConfig, weights: dict[str, np.ndarray], text: np.ndarray = TEXT) -> np.ndarray:
    built = Network(config)
    built.assign(weights)
    logits: np.ndarray = built(tf.constant(text), built.zero_state(text.shape[1]))[0].numpy()
    return logits


def dense_logits(config: ModelConfig, weights: dict[str, np.ndarray]) -> np.ndarray:
    """Return the logits by the plain definition, in float64."""
    outputs = weights["embedding/table"].astype(np.float64)[TEXT]
    for layer, units in enumerate(config.units):
        hidden = cell = np.zeros((3, units))
        steps = []
        for row in outputs:
            kernel, recurrent = weights[f"lstm_{layer}/kernel"], weights[f"lstm_{layer}/recurrent_kernel"]
            i, f, g, o = np.split(row @ kernel + hidden @ recurrent + weights[f"lstm_{layer}/bias"], 4, axis=1)
            cell = cell / (1 + np.exp(-f)) + np.tanh(g) / (1 + np.exp(-i))
            hidden = np.tanh(cell) / (1 + np.exp(-o))
            steps.append(hidden)
        outputs = np.stack(steps)
    kernel = weights["embedding/table"].T if config.tie_weights else weights["head/kernel"]
    return outputs @ kernel + weights["head/bias"]


@pytest.mark.parametrize("config", [OWN, TIED])
def test_the_network_and_its_twins_are_the_definition(config: ModelConfig) -> None:
    weights = initial_weights(config, 3)
    weights["head/bias"] += np.arange(5, dtype=np.float32)
    expected = dense_logits(config, weights)
    np.testing.assert_allclose(logits_of(config, weights), expected, atol=2e-6)
    twin = NumpyLSTM(config, weights, streams=3)
    np.testing.assert_allclose(np.stack([twin.step(row) for row in TEXT]), expected, atol=2e-6)
    sampler = TensorFlowLSTM(config, weights)
    state, stepped = sampler.zero_state(3), []
    for row in TEXT:
        logits, state = sampler.step(tf.constant(row), state)
        stepped.append(logits)
    np.testing.assert_allclose(stepped, expected, atol=2e-6)


@pytest.mark.parametrize("config", [OWN, TIED])
def test_the_weights_are_counted_and_named(config: ModelConfig) -> None:
    shapes = weight_shapes(config)
    assert config.parameters == sum(int(np.prod(shape)) for shape in shapes.values())
    assert ("head/kernel" in shapes) == (config is OWN)
    built = Network(config)
    assert {name: tuple(variable.shape) for name, variable in built.variables_by_name.items()} == shapes


def test_a_tied_embedding_learns_from_both_ends() -> None:
    built = Network(TIED)
    built.assign(initial_weights(TIED, 3))
    table = built.variables_by_name["embedding/table"]
    with tf.GradientTape() as tape:
        tape.watch(table)
        # Only symbol 0 is read.
        logits, _ = built(tf.zeros((4, 2), tf.int32), built.zero_state(2))
        loss = tf.reduce_sum(tf.nn.log_softmax(logits)[..., 1])
    gradient = tf.convert_to_tensor(tape.gradient(loss, table)).numpy()
    assert (np.abs(gradient).max(axis=1) > 0).all()


@pytest.mark.parametrize("config", [OWN, TIED])
def test_a_larger_vocabulary_leaves_the_logits_of_the_old_symbols(config: ModelConfig) -> None:
    old, new = Vocabulary(("a", "b", "c", "d", "e")), Vocabulary(("f", "e", "d", "c", "b", "a"))
    weights = initial_weights(config, 3)
    larger, extended = extend_vocabulary(config, weights, old, new)
    assert {name: array.shape for name, array in extended.items()} == weight_shapes(larger)
    found = logits_of(larger, extended, 5 - TEXT)
    np.testing.assert_allclose(found[..., :0:-1], logits_of(config, weights), atol=2e-6)
    np.testing.assert_allclose(extended["embedding/table"][0], weights["embedding/table"].mean(axis=0), rtol=1e-5)
    masks = new_symbol_masks(larger, np.arange(6) == 0)
    assert set(masks) == {"embedding/table", "head/bias", *(["head/kernel"] if config is OWN else [])}
    assert masks["embedding/table"].shape == (6, 1)
    written = new_symbol_masks(larger, np.arange(6) == 0, read=False)
    assert set(written) == set(masks) - {"embedding/table"}


def test_an_embedding_trains_with_the_lowest_layer_and_a_tied_one_with_the_head_too() -> None:
    assert "embedding/table" in layer_names(OWN, [0], head=False)
    assert "embedding/table" not in layer_names(OWN, [1], head=True)
    assert "embedding/table" in layer_names(TIED, [1], head=True)
    assert "embedding/table" not in layer_names(TIED, [0], head=False)
    assert frozen_below(OWN, layer_names(OWN, [1], head=True)) == 1
    assert frozen_below(TIED, layer_names(TIED, [1], head=True)) == 0


def test_tying_needs_an_embedding_of_the_size_of_the_highest_layer() -> None:
    with pytest.raises(OptionError, match=r"the highest layer has 4 units.* give --embedding 4"):
        ModelConfig(5, (6, 4), (0.0, 0.0), embedding=6, tie_weights=True)
