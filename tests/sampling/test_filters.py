"""Each filter against its definition, in the shape that the generator uses: (N, V) logits or weights, (N,) symbols."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from charlstm.config import SamplingConfig
from charlstm.data.vocabulary import END_OF_DOCUMENT, UNKNOWN, Vocabulary
from charlstm.errors import OptionError
from charlstm.sampling.filters import (
    Forbidding,
    Likeliest,
    RepetitionPenalty,
    Temperature,
    forbidden_symbols,
    part_of_word,
)
from charlstm.sampling.generate import draw
from charlstm.sampling.shaping import log_probabilities, shaping_of, symbol_weights

ABC = Vocabulary(("\n", " ", *"abcde"))
WEIGHTS = np.array([[0.5, 0.3, 0.15, 0.05], [0.05, 0.15, 0.3, 0.5]]) / 0.5
LAST = np.zeros(2, int)


@st.composite
def some_logits(draw_from: st.DrawFn) -> NDArray[np.float32]:
    """Logits (N, V), of a few different values, so that equals are common, some of them ruled out."""
    texts, symbols = draw_from(st.integers(1, 4)), draw_from(st.integers(1, 9))
    value = st.one_of(st.integers(-4, 4).map(float), st.floats(-30, 30, width=32), st.just(-np.inf))
    rows = draw_from(st.lists(st.lists(value, min_size=symbols, max_size=symbols), min_size=texts, max_size=texts))
    logits = np.array(rows, np.float32)
    logits[:, draw_from(st.integers(0, symbols - 1))] = 1.0  # one at least is possible
    return logits


def keep_likeliest(weights: NDArray[np.float64], *limits: float, **named: float) -> NDArray[np.float64]:
    return Likeliest(*limits, **named)(weights)  # type: ignore[arg-type]


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.asarray(tf.nn.softmax(logits.astype(np.float64)))


def ranked(row: NDArray[np.float64]) -> list[int]:
    return sorted(range(len(row)), key=lambda symbol: (-row[symbol], symbol))


def kept(weights: NDArray[np.float64]) -> list[set[int]]:
    return [set(np.flatnonzero(row).tolist()) for row in weights]


@given(some_logits())
def test_with_everything_off_the_distribution_is_that_of_the_model(logits: NDArray[np.float32]) -> None:
    shaping = shaping_of(SamplingConfig(temperature=1.0), ABC, [[0]] * len(logits))
    weights = shaping(logits, np.zeros(len(logits), int))
    np.testing.assert_array_equal(weights, symbol_weights(logits))
    np.testing.assert_allclose(weights / weights.sum(axis=1, keepdims=True), softmax(logits), rtol=1e-5, atol=1e-30)
    assert (weights.max(axis=1) == 1).all()


@pytest.mark.parametrize(
    ("given", "lowered"),
    [
        ({"repetition_penalty": 2.0}, {"a", "b"}),
        ({"repetition_penalty": 2.0, "repetition_window": 1}, {"b"}),
        ({"forbid": "c"}, {"c"}),
        ({"top_k": 1}, {"a", "b", "c", "d"}),
        ({"top_p": 0.3}, {"a", "b", "c", "d"}),
        ({"min_p": 0.9}, {"a", "b", "c", "d"}),
    ],
)
def test_each_option_makes_its_filter(given: dict[str, object], lowered: set[str]) -> None:
    seed = [ABC.ids["a"], ABC.ids["b"]]
    shaping = shaping_of(SamplingConfig(temperature=1.0, **given), ABC, [seed])  # type: ignore[arg-type]
    logits = np.zeros((1, len(ABC)), np.float32)
    logits[0, ABC.ids["e"]] = 2
    changed = shaping(logits, np.array(seed[-1:])) < symbol_weights(logits)
    assert {ABC.symbols[symbol] for symbol in np.flatnonzero(changed)} - {"\n", " "} == lowered


@given(some_logits(), st.integers(1, 10))
def test_top_k_keeps_the_k_likeliest_and_changes_nothing_else(logits: NDArray[np.float32], k: int) -> None:
    weights = symbol_weights(logits)
    result = keep_likeliest(weights, top_k=k)
    assert kept(result) == [{symbol for symbol in ranked(row)[:k] if row[symbol]} for row in weights]
    np.testing.assert_array_equal(result[result > 0], weights[result > 0])


@given(some_logits(), st.floats(0.01, 0.99))
def test_top_p_keeps_the_fewest_that_reach_p(logits: NDArray[np.float32], p: float) -> None:
    result = keep_likeliest(symbol_weights(logits), top_p=p)
    for row, symbols in zip(softmax(logits), kept(result), strict=True):
        order = ranked(row)
        total = sum(row[symbol] for symbol in symbols)
        assert total >= p - 1e-5
        # Without the least likely of them it would not do.
        assert total - min(row[symbol] for symbol in symbols) < p + 1e-5
        assert min(row[symbol] for symbol in symbols) >= row[order[len(symbols) - 1]] - 1e-6


@given(some_logits(), st.floats(0.001, 1))
def test_min_p_keeps_what_is_likely_enough_beside_the_likeliest(logits: NDArray[np.float32], p: float) -> None:
    weights = symbol_weights(logits)
    np.testing.assert_array_equal(keep_likeliest(weights, min_p=p) > 0, weights >= p * weights.max(axis=1)[:, None])


@given(some_logits(), st.integers(1, 9), st.floats(0.05, 0.95), st.floats(0.01, 1))
def test_three_limits_together_are_the_one_after_the_other(
    logits: NDArray[np.float32], k: int, p: float, min_p: float
) -> None:
    weights = symbol_weights(logits)
    together = keep_likeliest(weights, k, p, min_p)
    np.testing.assert_array_equal(together, np.concatenate([keep_likeliest(row[None], k, p, min_p) for row in weights]))
    one_by_one = keep_likeliest(keep_likeliest(keep_likeliest(weights, top_k=k), top_p=p), min_p=min_p)
    np.testing.assert_array_equal(together, one_by_one)
    assert (together.max(axis=1) == 1).all()


@pytest.mark.parametrize(("p", "count"), [(1e-300, 1), (0.01, 1), (0.49, 1), (0.6, 2), (0.9, 3), (0.99, 4)])
def test_top_p_on_a_distribution_known_by_heart(p: float, count: int) -> None:
    assert [len(symbols) for symbols in kept(keep_likeliest(WEIGHTS, top_p=p))] == [count, count]
    np.testing.assert_array_equal(keep_likeliest(np.ones((1, 4)), 2), [[1, 1, 0, 0]])


@given(some_logits(), st.floats(0.1, 5), st.floats(0.1, 5), st.data())
def test_temperature_divides_by_what_counts_at_the_place(
    logits: NDArray[np.float32], inside: float, start: float, data: st.DataObject
) -> None:
    texts, symbols = logits.shape
    is_part_of_word = np.array(data.draw(st.lists(st.booleans(), min_size=symbols, max_size=symbols)))
    last = np.array(data.draw(st.lists(st.integers(0, symbols - 1), min_size=texts, max_size=texts)))
    insides = inside * np.arange(1, texts + 1)
    result = Temperature(insides, np.full(texts, start), is_part_of_word)(logits, last)
    for row, text in enumerate(last):
        temperature = insides[row] if is_part_of_word[text] else start
        np.testing.assert_allclose(result[row], logits[row] / np.float32(temperature), rtol=1e-5)


@given(some_logits(), st.sampled_from([1e-300, 1e-30, 0.0]))
def test_at_temperature_zero_the_likeliest_is_left(logits: NDArray[np.float32], temperature: float) -> None:
    texts, symbols = logits.shape
    temperatures = np.full(texts, temperature)
    result = softmax(Temperature(temperatures, temperatures, np.ones(symbols, bool))(logits, np.zeros(texts, int)))
    np.testing.assert_array_equal(result.argmax(axis=1), logits.argmax(axis=1))
    if temperature == 0:
        assert [set(row) for row in result] == [{0.0, 1.0} if symbols > 1 else {1.0}] * texts


@pytest.mark.parametrize("texts", [1, 3])
def test_at_the_highest_temperatures_all_that_is_allowed_is_as_likely(texts: int) -> None:
    shaping = shaping_of(SamplingConfig(temperature=1e50, forbid="e"), ABC, [[0]] * texts)
    weights = shaping(np.tile(np.arange(7, dtype=np.float32), (texts, 1)), np.zeros(texts, int))
    np.testing.assert_array_equal(weights, np.tile([1.0] * 6 + [0.0], (texts, 1)))


def test_greedy_texts_stand_beside_others() -> None:
    shaping = shaping_of(SamplingConfig(), ABC, [[0]] * 2, [0.0, 1.0])
    logits = np.arange(14, dtype=np.float32).reshape(2, 7)
    result = shaping(logits, LAST)
    assert kept(result) == [{6}, set(range(7))]
    np.testing.assert_array_equal(result[1], symbol_weights(logits)[1])


def test_words_begin_after_what_is_no_part_of_one() -> None:
    vocabulary = Vocabulary((END_OF_DOCUMENT, UNKNOWN, *"\n .-'aZ9é中\N{DEVANAGARI VOWEL SIGN AA}"))
    inside = {vocabulary.symbols[symbol] for symbol in np.flatnonzero(part_of_word(vocabulary))}
    assert inside == set("'aZ9é中\N{DEVANAGARI VOWEL SIGN AA}")


@given(
    some_logits(),
    st.floats(1.01, 10),
    st.integers(1, 6),
    st.lists(st.integers(0, 8), min_size=1, max_size=9),
    st.lists(st.integers(0, 8), max_size=12),
)
def test_what_stands_in_the_window_becomes_less_likely_by_the_penalty(
    logits: NDArray[np.float32], penalty: float, window: int, seed: list[int], written: list[int]
) -> None:
    texts, symbols = logits.shape
    # Every text reads something of its own.
    stories = [[(symbol + text) % symbols for symbol in seed + written] for text in range(texts)]
    transform = RepetitionPenalty(penalty, window, [story[: len(seed)] for story in stories], symbols)
    for place in range(len(seed) - 1, len(stories[0])):
        result = transform(logits, np.array([story[place] for story in stories]))
        for row, story in enumerate(stories):
            seen = set(story[max(0, place + 1 - window) : place + 1])
            expected = [
                value - np.float32(np.log(penalty)) * (symbol in seen) for symbol, value in enumerate(logits[row])
            ]
            np.testing.assert_allclose(result[row], expected, rtol=1e-5, atol=1e-5)


@given(some_logits(), st.data())
def test_the_forbidden_is_ruled_out_and_nothing_else_changes(logits: NDArray[np.float32], data: st.DataObject) -> None:
    symbols = logits.shape[1]
    forbidden = np.array(data.draw(st.lists(st.booleans(), min_size=symbols, max_size=symbols)))
    result = Forbidding(forbidden)(logits, np.zeros(len(logits), int))
    np.testing.assert_array_equal(result, np.where(forbidden, -np.inf, logits))


def test_the_spaces_between_words_cannot_be_forbidden() -> None:
    words = Vocabulary((UNKNOWN, "\n", "the", "sea"), "word")
    assert np.flatnonzero(forbidden_symbols(SamplingConfig(forbid="h"), words)).tolist() == [0, 2]
    with pytest.raises(OptionError, match="a model of words parts them by spaces"):
        forbidden_symbols(SamplingConfig(forbid="h "), words)


def test_line_ends_are_forbidden_with_the_document_ends_that_show_as_them() -> None:
    vocabulary = Vocabulary((END_OF_DOCUMENT, UNKNOWN, *"\nab"))

    def names(**options: object) -> list[str]:
        forbidden = forbidden_symbols(SamplingConfig(**options), vocabulary)  # type: ignore[arg-type]
        return [vocabulary.symbols[symbol] for symbol in np.flatnonzero(forbidden)]

    assert names() == [UNKNOWN]
    assert names(forbid="b\N{SNOWMAN}") == [UNKNOWN, "b"]
    assert names(forbid="\n") == [END_OF_DOCUMENT, UNKNOWN, "\n"]
    assert names(forbid="\n", until_document_end=True) == [UNKNOWN, "\n"]
    with pytest.raises(OptionError, match="leaves no symbol"):
        names(forbid="\nab")


@given(some_logits(), st.data())
def test_log_probabilities_are_those_of_the_softmax(logits: NDArray[np.float32], data: st.DataObject) -> None:
    ids = np.array([data.draw(st.sampled_from(np.flatnonzero(row > -np.inf).tolist())) for row in logits])
    expected = np.log(softmax(logits)[np.arange(len(ids)), ids])
    np.testing.assert_allclose(log_probabilities(logits, ids), expected, atol=1e-5)


def test_draws_follow_the_probabilities() -> None:
    probabilities = np.tile([0.5, 0.0, 0.3, 0.2], (100_000, 1))
    ids = draw(probabilities, np.random.default_rng(0).random(100_000))
    np.testing.assert_allclose(np.bincount(ids, minlength=4) / 100_000, [0.5, 0, 0.3, 0.2], atol=0.006)
    np.testing.assert_array_equal(draw(np.array([[0.0, 1.0]] * 2), np.array([0.0, np.nextafter(1, 0)])), [1, 1])
