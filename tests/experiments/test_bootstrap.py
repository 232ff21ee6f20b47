from __future__ import annotations

import math

import numpy as np
import pytest

from charlstm.experiments.bootstrap import PairedBootstrap, Ratio, studentized_range

CHARS = np.full((2, 400), 50)


def test_models_that_differ_by_a_factor_have_an_interval_without_width() -> None:
    nats = np.random.default_rng(0).gamma(2.0, 30.0, (1, 400)) * [[0.9], [1.0]]
    ratio = PairedBootstrap(nats, CHARS).ratio(0, 1)
    assert (ratio.value, ratio.low, ratio.high) == pytest.approx((0.9, 0.9, 0.9))
    assert ratio.is_real
    assert not PairedBootstrap(nats, CHARS).ratio(1, 1).is_real


def test_the_interval_is_that_of_the_normal_distribution_where_that_is_known() -> None:
    # The reference pays 100 for every document, the model 90 with a deviation of 20: the ratio's standard error is
    # 0.2 / sqrt(400).
    random = np.random.default_rng(1)
    model = 90 + 20 * random.standard_normal(400)
    ratio = PairedBootstrap(np.stack([model, np.full(400, 100.0)]), CHARS).ratio(0, 1)
    error = model.std() / 100 / math.sqrt(400)
    assert ratio.value == pytest.approx(model.mean() / 100)
    assert ratio.low == pytest.approx(ratio.value - 1.96 * error, abs=0.1 * error)
    assert ratio.high == pytest.approx(ratio.value + 1.96 * error, abs=0.1 * error)


def test_what_makes_documents_easy_or_hard_for_both_falls_out() -> None:
    random = np.random.default_rng(2)
    hardness = random.gamma(1.0, 100.0, 400)
    noisy = hardness * (0.97 + 0.02 * random.standard_normal(400))
    paired = PairedBootstrap(np.stack([noisy, hardness]), CHARS).ratio(0, 1)
    unpaired = PairedBootstrap(np.stack([random.permutation(noisy), hardness]), CHARS).ratio(0, 1)
    assert paired.is_real
    assert not unpaired.is_real
    assert unpaired.high - unpaired.low > 20 * (paired.high - paired.low)


def test_long_documents_weigh_more_and_the_same_numbers_give_the_same_interval() -> None:
    nats, chars = np.array([[30.0, 1.0], [20.0, 2.0]]), np.array([[10, 1], [10, 1]])
    first, again = (PairedBootstrap(nats, chars).ratio(0, 1) for _ in range(2))
    assert first == again == Ratio(31 / 22, 0.5, 1.5)


@pytest.mark.parametrize(
    ("count", "freedom", "expected"), [(2, 4, 3.93), (3, 6, 4.34), (4, 8, 4.53), (10, 20, 5.01), (20, 120, 5.13)]
)
def test_the_range_of_equal_means_is_that_of_the_tables(count: int, freedom: int, expected: float) -> None:
    # Published tables of the studentized range, upper 5 per cent.
    assert studentized_range(count, freedom) == pytest.approx(expected, rel=0.02)
