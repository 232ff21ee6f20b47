from __future__ import annotations

import numpy as np

from charlstm.config import ModelConfig
from charlstm.model.numpy_lstm import NumpyLSTM
from charlstm.model.weights import initial_weights
from charlstm.sampling.delayed import stepping_network

CONFIG = ModelConfig(7, (6, 5), (0.0, 0.0), target_offset=3)
WEIGHTS = initial_weights(CONFIG, 1)


def logits_after(*read: int) -> np.ndarray:
    """Return what a network that reads at once says after some symbols."""
    network = NumpyLSTM(CONFIG, WEIGHTS)
    return [network.step([symbol])[0] for symbol in read][-1]


def test_a_symbol_is_read_when_the_one_is_due_that_it_predicts() -> None:
    network = stepping_network(CONFIG, WEIGHTS)
    said = [network.step([symbol])[0] for symbol in (4, 5, 6, 1)]
    np.testing.assert_array_equal(said[0], logits_after(4))
    np.testing.assert_array_equal(said[2], logits_after(4, 4, 4))
    np.testing.assert_array_equal(said[3], logits_after(4, 4, 4, 5))


def test_streams_wait_each_for_itself() -> None:
    network = stepping_network(CONFIG, WEIGHTS, 2)
    network.step([4, 2])
    network.reset([1])
    network.step([5, 3])
    state = network.state()
    network.choose(np.array([1, 0]))
    swapped = network.step([6, 6])
    np.testing.assert_allclose(swapped[0], logits_after(3, 3), rtol=1e-5)
    np.testing.assert_allclose(swapped[1], logits_after(4, 4, 4), rtol=1e-5)
    network.restore(state)
    np.testing.assert_allclose(network.step([6, 6]), swapped[::-1], rtol=1e-5)
