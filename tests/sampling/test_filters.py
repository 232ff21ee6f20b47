from __future__ import annotations

import numpy as np
import pytest

from charlstm.config import SamplingConfig
from charlstm.sampling.filters import filters_of, keep_top_k, keep_top_p, scale, softmax
from charlstm.sampling.generate import draw

LOGITS = np.log(np.array([[0.5, 0.3, 0.15, 0.05], [0.05, 0.15, 0.3, 0.5]], np.float32))


def test_with_everything_off_there_is_no_filter() -> None:
    assert filters_of(SamplingConfig(temperature=1.0)) == []


def test_temperature_divides_the_logits() -> None:
    np.testing.assert_allclose(softmax(scale(LOGITS, 0.5)), softmax(LOGITS / np.float32(0.5)), rtol=1e-5)


@pytest.mark.parametrize("temperature", [1e-300, 1e-30])
def test_a_tiny_temperature_takes_the_likeliest_symbol(temperature: float) -> None:
    np.testing.assert_allclose(softmax(scale(LOGITS, temperature))[0], [1, 0, 0, 0])


def test_temperature_zero_is_the_greedy_choice() -> None:
    (greedy,) = filters_of(SamplingConfig(temperature=0))
    np.testing.assert_array_equal(softmax(greedy(LOGITS)).argmax(axis=1), [0, 3])
    np.testing.assert_array_equal(softmax(greedy(LOGITS)).max(axis=1), [1, 1])


def test_top_k_keeps_the_k_likeliest() -> None:
    np.testing.assert_array_equal(np.isfinite(keep_top_k(LOGITS, 2)), [[1, 1, 0, 0], [0, 0, 1, 1]])
    np.testing.assert_array_equal(np.isfinite(keep_top_k(np.zeros((1, 4), np.float32), 2)), [[1, 1, 0, 0]])
    np.testing.assert_array_equal(keep_top_k(LOGITS, 9), LOGITS)


@pytest.mark.parametrize(("p", "kept"), [(0.01, 1), (0.49, 1), (0.6, 2), (0.9, 3), (0.99, 4)])
def test_top_p_keeps_the_fewest_that_reach_p(p: float, kept: int) -> None:
    np.testing.assert_array_equal(np.isfinite(keep_top_p(LOGITS, p)).sum(axis=1), [kept, kept])


def test_draws_follow_the_probabilities() -> None:
    probabilities = np.tile([0.5, 0.0, 0.3, 0.2], (100_000, 1))
    ids = draw(probabilities, np.random.default_rng(0).random(100_000))
    np.testing.assert_allclose(np.bincount(ids, minlength=4) / 100_000, [0.5, 0, 0.3, 0.2], atol=0.006)
    np.testing.assert_array_equal(draw(np.array([[0.0, 1.0]] * 2), np.array([0.0, np.nextafter(1, 0)])), [1, 1])
