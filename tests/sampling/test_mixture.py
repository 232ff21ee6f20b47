"""Several models as one: the average of their log-probabilities over the symbols that they share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from charlstm.config import ModelConfig
from charlstm.data.vocabulary import UNKNOWN, Vocabulary
from charlstm.errors import ModelError, OptionError
from charlstm.model.numpy_lstm import NumpyLSTM
from charlstm.model.weights import initial_weights
from charlstm.sampling.mixture import mix
from charlstm.store.model_directory import Model


def model(symbols: tuple[str, ...], units: int, seed: int) -> Model:
    config = ModelConfig(len(symbols), (units,), (0.0,))
    weights = {name: 3 * array for name, array in initial_weights(config, seed).items()}
    return Model(Path(f"model-{seed}"), config, Vocabulary(symbols), weights, {}, {}, [], {}, "")


ONE = model((UNKNOWN, *"abcd\n"), 7, 1)
OTHER = model((*"\nxdca", UNKNOWN), 5, 2)


def test_the_distribution_is_the_weighted_geometric_mean_over_the_common_symbols() -> None:
    mixture = mix([ONE, OTHER], [3, 1])
    assert mixture.vocabulary.symbols == (UNKNOWN, "a", "c", "d", "\n")
    assert mixture.weights == (0.75, 0.25)
    network = mixture.network(2)
    texts = [[mixture.vocabulary.ids[symbol] for symbol in text] for text in ("adc\n", "caad")]
    parts = []
    for each in (ONE, OTHER):
        alone = NumpyLSTM(each.config, each.weights, 2)
        ids = [[each.vocabulary.ids[mixture.vocabulary.symbols[symbol]] for symbol in text] for text in texts]
        own = [each.vocabulary.ids[symbol] for symbol in mixture.vocabulary.symbols]
        parts.append([tf.nn.softmax(alone.step(column)).numpy()[:, own] for column in np.transpose(ids)])
    for column, first, second in zip(np.transpose(texts), *parts, strict=True):
        mean = first**0.75 * second**0.25
        np.testing.assert_allclose(
            tf.nn.softmax(network.step(column)), mean / mean.sum(axis=1, keepdims=True), rtol=1e-4
        )


def test_streams_are_reset_and_chosen_in_every_model() -> None:
    network = mix([ONE, OTHER]).network(3)
    network.step([1, 2, 3])
    network.choose(np.array([2, 2, 0]))
    after = network.step([1, 1, 1])
    np.testing.assert_array_equal(after[0], after[1])
    assert (after[0] != after[2]).any()
    network.reset([0])
    fresh = mix([ONE, OTHER]).network(3)
    np.testing.assert_allclose(network.step([2, 2, 2])[0], fresh.step([2, 2, 2])[0], rtol=1e-6)


def test_one_model_is_itself() -> None:
    assert isinstance(mix([ONE]).network(2), NumpyLSTM)
    assert mix([ONE]).vocabulary == ONE.vocabulary


@pytest.mark.parametrize("weights", [[1.0], [1.0, 2.0, 3.0], [-1.0, 2.0], [0.0, 0.0]])
def test_weights_that_cannot_be_are_refused(weights: list[float]) -> None:
    with pytest.raises(OptionError, match="--weights"):
        mix([ONE, OTHER], weights)


def test_models_without_a_common_character_cannot_write_together() -> None:
    with pytest.raises(ModelError, match="no character in common"):
        mix([ONE, model((UNKNOWN, "\u03b1", "\u03b2"), 4, 3)])
