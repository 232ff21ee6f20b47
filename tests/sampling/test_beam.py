"""Beam search against trying every text."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from charlstm.config import ModelConfig, SamplingConfig
from charlstm.data.vocabulary import Vocabulary
from charlstm.model.numpy_lstm import NumpyLSTM
from charlstm.model.weights import initial_weights
from charlstm.sampling.beam import BeamSearch
from charlstm.sampling.generate import Generation
from charlstm.sampling.growing_texts import alike
from charlstm.sampling.shaping import log_probabilities

VOCABULARY = Vocabulary(("\n", *"abcd"))
CONFIG = ModelConfig(5, (6, 5), (0.0, 0.0))
WEIGHTS = {name: 4 * array for name, array in initial_weights(CONFIG, 11).items()}
SEED = (1, 2)


def search(beam: int, **options: object) -> BeamSearch:
    config = SamplingConfig(beam=beam, **options)  # type: ignore[arg-type]
    found = BeamSearch(NumpyLSTM(CONFIG, WEIGHTS, beam), VOCABULARY, SEED, config)
    pieces = list(found)
    assert pieces == [found.texts]
    return found


def cost(text: str) -> float:
    network = NumpyLSTM(CONFIG, WEIGHTS)
    ids = [*SEED, *(VOCABULARY.ids[character] for character in text)]
    logits = [network.step([symbol]) for symbol in ids]
    return sum(
        float(log_probabilities(logits[place - 1], np.array([ids[place]]))[0]) for place in range(len(SEED), len(ids))
    )


def test_a_wide_beam_finds_the_likeliest_text_of_all() -> None:
    found = search(200, length=4)
    texts = ["".join(symbols) for symbols in itertools.product(VOCABULARY.symbols, repeat=4)]
    best = max(texts, key=cost)
    assert found.texts == [best]
    assert found.nats[0] == pytest.approx(cost(best), rel=1e-4)
    assert found.stopped_by == ["length"]


def test_a_beam_of_one_is_the_greedy_choice_and_a_wider_one_is_no_worse() -> None:
    greedy = Generation(
        NumpyLSTM(CONFIG, WEIGHTS), VOCABULARY, alike(1, SEED), SamplingConfig(length=12, temperature=0)
    )
    list(greedy)
    narrow, wide = search(1, length=12), search(30, length=12)
    assert narrow.texts == greedy.texts
    assert wide.nats[0] >= narrow.nats[0]


def test_a_beam_of_one_is_the_greedy_choice_where_something_ends_it_too() -> None:
    for ends in ({"stop": "a"}, {"lines": 1}, {"stop": "d"}):
        greedy = Generation(
            NumpyLSTM(CONFIG, WEIGHTS), VOCABULARY, alike(1, SEED), SamplingConfig(length=20, temperature=0, **ends)
        )
        list(greedy)
        assert search(1, length=20, **ends).texts == greedy.texts


def test_with_an_end_the_likeliest_on_average_of_all_that_end_and_all_of_full_length_is_found() -> None:
    texts = ["".join(symbols) for symbols in itertools.product(VOCABULARY.symbols, repeat=4)]
    for stop in "abcd":
        ended = {text[: text.index(stop) + 1] if stop in text else text for text in texts}
        best = max(ended, key=lambda text: cost(text) / len(text))
        assert search(700, length=4, stop=stop).texts == [best.removesuffix(stop)]


def test_the_likeliest_text_keeps_to_what_it_may_not_write_and_where_it_ends() -> None:
    free = search(8, length=6).texts[0]
    unwanted = free[0]
    assert unwanted not in search(8, length=6, forbid=unwanted).texts[0]
    ended = search(8, length=50, stop="a")
    assert ended.stopped_by == ["stop"]
    assert "a" not in ended.texts[0]
    assert ended.nats[0] == pytest.approx(cost(ended.texts[0]), rel=1e-4, abs=1e-6)
    assert search(8, length=0).texts == [""]
