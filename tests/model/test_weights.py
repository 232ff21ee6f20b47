from __future__ import annotations

import numpy as np
import pytest

from charlstm.config import ModelConfig
from charlstm.data.vocabulary import Vocabulary
from charlstm.model.numpy_lstm import NumpyLSTM
from charlstm.model.weights import extend_vocabulary, initial_weights, layer_names, new_symbol_masks
from charlstm.store.model_directory import weight_shapes

CONFIG = ModelConfig(5, (6, 7), (0.0, 0.0))


def test_initial_weights_have_orthogonal_recurrent_kernels_and_forget_bias_one() -> None:
    weights = initial_weights(CONFIG, 3)
    assert {name: array.shape for name, array in weights.items()} == weight_shapes(CONFIG)
    recurrent = weights["lstm_1/recurrent_kernel"]
    np.testing.assert_allclose(recurrent @ recurrent.T, np.eye(7), atol=1e-5)
    np.testing.assert_array_equal(weights["lstm_0/bias"].reshape(4, 6), np.array([[0.0], [1], [0], [0]]) * np.ones(6))
    limit = np.sqrt(6 / (5 + 24))
    assert 0.5 * limit < np.abs(weights["lstm_0/kernel"]).max() <= limit


def test_initial_weights_follow_the_random_seed() -> None:
    first, again, other = (initial_weights(CONFIG, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first["head/kernel"], again["head/kernel"])
    assert not np.array_equal(first["head/kernel"], other["head/kernel"])


def test_layer_names_names_the_chosen_layers_and_the_head() -> None:
    chosen = ["lstm_1/kernel", "lstm_1/recurrent_kernel", "lstm_1/bias", "head/kernel", "head/bias"]
    assert layer_names(CONFIG, [1], head=True) == chosen
    assert layer_names(CONFIG, [], head=False) == []


def test_a_new_vocabulary_in_another_order_gives_the_same_logits_by_symbol() -> None:
    old, new = Vocabulary(tuple("abcde")), Vocabulary(tuple("xeadcb"))
    weights = initial_weights(CONFIG, 3)
    config, moved = extend_vocabulary(CONFIG, weights, old, new)
    before, after = NumpyLSTM(CONFIG, weights), NumpyLSTM(config, moved)
    for symbol in "badcade":
        expected = before.step([old.ids[symbol]])[0]
        found = after.step([new.ids[symbol]])[0]
        for shared in old.symbols:
            assert found[new.ids[shared]] == pytest.approx(expected[old.ids[shared]], abs=1e-6)


def test_new_symbols_start_from_the_mean_of_the_old_ones() -> None:
    weights = initial_weights(CONFIG, 3)
    _, moved = extend_vocabulary(CONFIG, weights, Vocabulary(tuple("abcde")), Vocabulary(tuple("abcdefg")))
    np.testing.assert_allclose(moved["lstm_0/kernel"][5], weights["lstm_0/kernel"].mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(moved["head/kernel"][:, 6], weights["head/kernel"].mean(axis=1), rtol=1e-5)
    np.testing.assert_array_equal(moved["lstm_0/kernel"][:5], weights["lstm_0/kernel"])


def test_masks_leave_only_the_entries_of_new_symbols() -> None:
    masks = new_symbol_masks(CONFIG, np.array([False, False, True, False, True]))
    shapes = weight_shapes(CONFIG)
    kernel = np.broadcast_to(masks["lstm_0/kernel"], shapes["lstm_0/kernel"])
    head = np.broadcast_to(masks["head/kernel"], shapes["head/kernel"])
    np.testing.assert_array_equal(kernel.any(axis=1), [False, False, True, False, True])
    np.testing.assert_array_equal(head.any(axis=0), [False, False, True, False, True])
    written = new_symbol_masks(CONFIG, np.array([False, False, True, False, True]), read=False)
    assert set(written) == {"head/kernel", "head/bias"}
