from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from charlstm.config import ModelConfig
from charlstm.model.network import Network
from charlstm.model.weights import initial_weights, layer_names
from charlstm.training.frozen import fits, frozen_below, frozen_outputs
from charlstm.training.streams import CONTEXT, SEQUENCE_LENGTH, Streams

CONFIG = ModelConfig(5, (6, 7, 8), (0.0, 0.4, 0.4))


@pytest.mark.parametrize(
    ("retrain", "dropout", "expected"),
    [
        ([2], (0.0, 0.4, 0.4), 2),
        ([2], (0.1, 0.4, 0.4), 0),
        ([1], (0.4, 0.4, 0.4), 1),
        ([0, 2], (0.0, 0.0, 0.0), 0),
        ([], (0.0, 0.0, 0.4), 3),
    ],
)
def test_only_frozen_layers_without_dropout_among_them_are_computed_once(
    retrain: list[int], dropout: tuple[float, ...], expected: int
) -> None:
    config = ModelConfig(5, (6, 7, 8), dropout)
    assert frozen_below(config, layer_names(config, retrain, head=True)) == expected


def test_the_space_is_bounded() -> None:
    assert fits(CONFIG, 2, 1000, 4 * 1000 * 7 / 2**30)
    assert not fits(CONFIG, 2, 1001, 4 * 1000 * 7 / 2**30)
    assert not fits(CONFIG, 0, 1, 1.0)


def test_frozen_outputs_are_what_the_lower_layers_give(tmp_path: Path) -> None:
    network = Network(CONFIG)
    network.assign(initial_weights(CONFIG, 3))
    ids = np.random.default_rng(0).integers(0, 5, 1234).astype(np.uint8)
    outputs = frozen_outputs(network, ids, 2, tmp_path, lambda: None)
    # One stream over the whole text, in pieces short enough to unroll.
    state, pieces = network.zero_state(1), []
    for start in range(0, len(ids), 100):
        piece, state = network.lower(tf.constant(ids[start : start + 100, None].astype(np.int32)), state, 2)
        pieces.append(piece[:, 0])
    np.testing.assert_allclose(outputs, np.concatenate(pieces), atol=1e-5)
    assert list(tmp_path.iterdir()) == []


def test_running_from_kept_outputs_is_running_the_whole_network() -> None:
    network = Network(CONFIG)
    network.assign(initial_weights(CONFIG, 3))
    ids = tf.constant(np.random.default_rng(0).integers(0, 5, (9, 2)).astype(np.int32))
    whole, whole_state = network(ids, network.zero_state(2))
    lower, lower_state = network.lower(ids, network.zero_state(2), 2)
    upper, upper_state = network(lower, network.zero_state(2), first_layer=2)
    np.testing.assert_allclose(upper, whole, atol=1e-6)
    np.testing.assert_allclose(lower_state[1][0], whole_state[1][0], atol=1e-6)
    np.testing.assert_allclose(upper_state[2][1], whole_state[2][1], atol=1e-6)
    np.testing.assert_array_equal(upper_state[0][0], np.zeros((2, 6)))


@pytest.mark.parametrize("count", [1, 2, 399, 400, 801, 5000, 100_003])
def test_streams_want_every_place_once_after_some_context(count: int) -> None:
    streams = Streams(count)
    seen = np.zeros(count, int)
    first: dict[int, int] = {}
    for places, wanted in streams:
        assert places.shape == (streams.count, SEQUENCE_LENGTH)
        np.add.at(seen, places[wanted], 1)
        for stream, place in enumerate(places[:, 0]):
            first.setdefault(stream, int(place))
    np.testing.assert_array_equal(seen, 1)
    if streams.count > 1:
        assert first[1] == -(-count // streams.count) - CONTEXT
