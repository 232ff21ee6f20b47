from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest

from charlstm.errors import OptionError
from charlstm.training.presets import size_of, training_config
from charlstm.training.schedules import (
    Schedule,
    cosine,
    cyclical,
    first_cycle,
    one_cycle,
    schedule_of,
    sgdr,
    step_decays,
    stlr,
    warmup,
)

NAMES = ["constant", "cosine", "stlr", "cyclical", "sgdr", "one-cycle", "plateau", "step"]


def schedule(name: str, steps_per_epoch: int = 10, **given: object) -> Schedule:
    options = {"schedule": name, "learning_rate": 0.5, **given}
    return schedule_of(training_config(size_of(1000), (8,), "float32", options), steps_per_epoch)


def test_warmup_rises_linearly_to_one() -> None:
    assert [warmup(step, 3) for step in range(5)] == pytest.approx([0.25, 0.5, 0.75, 1, 1])
    assert warmup(0, 0) == 1


def test_cosine_follows_its_closed_form() -> None:
    expected = [1, 0.5 + 0.5 * math.cos(math.pi / 4), 0.5, 0.5 - 0.5 * math.cos(math.pi / 4), 0, 0]
    assert [cosine(step, 4) for step in range(6)] == pytest.approx(expected)


@pytest.mark.parametrize("total", [1, 2, 3])
@pytest.mark.parametrize("name", NAMES)
def test_schedules_are_positive_and_finite_in_the_shortest_runs(name: str, total: int) -> None:
    for steps_per_epoch in (1, 10):
        rates = [schedule(name, steps_per_epoch)(step, total) for step in range(total)]
        assert all(0 < rate <= 0.5 for rate in rates)


@pytest.mark.parametrize("name", NAMES)
def test_no_schedule_leaves_its_bounds(name: str) -> None:
    for total in (19, 100, 237):
        rates = [schedule(name, min_learning_rate=0.1, warmup_steps=0)(step, total) for step in range(total)]
        assert all(0.1 * (0.01 if name == "one-cycle" else 1) <= rate + 1e-12 <= 0.5 + 2e-12 for rate in rates)
        assert max(rates) == pytest.approx(0.5, rel=0.15)


def test_a_constant_schedule_stays_at_its_rate_after_the_warmup() -> None:
    rate = schedule("constant", warmup_steps=10)
    assert rate(0, 1000) < 0.1
    assert [rate(step, 1000) for step in (10, 500, 999)] == [0.5, 0.5, 0.5]


def test_cosine_falls_to_the_lowest_rate() -> None:
    rate = schedule("cosine", warmup_steps=0, min_learning_rate=0.1)
    assert [rate(step, 4) for step in (0, 2, 4)] == pytest.approx([0.5, 0.3, 0.1])


def test_stlr_is_the_formula_of_the_paper() -> None:
    total, cut, ratio = 200, 20, 32
    for step in range(total):
        p = step / cut if step < cut else 1 - (step - cut) / (cut * (1 / 0.1 - 1))
        assert stlr(step, total, 0.01) == pytest.approx(0.01 * (1 + p * (ratio - 1)) / ratio)
        assert schedule("stlr")(step, total) == pytest.approx(50 * stlr(step, total, 0.01))
    assert stlr(cut, total, 0.01) == 0.01
    assert stlr(0, total, 0.01) == pytest.approx(0.01 / 32)


def test_a_lowest_rate_sets_the_ratio_of_stlr() -> None:
    assert schedule("stlr", min_learning_rate=0.1)(0, 100) == pytest.approx(0.1)


def test_cyclical_rates_are_the_formula_of_the_paper() -> None:
    low, high, step_size, gamma = 0.1, 0.5, 25, 0.99
    shapes = {
        "triangular": lambda cycle, step: 1.0,  # noqa: ARG005
        "triangular2": lambda cycle, step: 1 / 2 ** (cycle - 1),  # noqa: ARG005
        "exp_range": lambda cycle, step: gamma**step,  # noqa: ARG005
    }
    for shape, scale in shapes.items():
        for step in range(200):
            cycle = math.floor(1 + step / (2 * step_size))
            x = abs(step / step_size - 2 * cycle + 1)
            expected = low + (high - low) * max(0.0, 1 - x) * scale(cycle, step)
            assert cyclical(step, 50, low, high, shape, gamma**50) == pytest.approx(expected)


def test_the_shortest_cycle_rises_too() -> None:
    rate = schedule("cyclical", steps_per_epoch=1, cycle_epochs=1.0)
    assert [rate(step, 4) for step in range(4)] == pytest.approx([0.125, 0.5, 0.125, 0.5])


def test_cycles_of_no_given_length_fill_the_run() -> None:
    rate = schedule("cyclical", steps_per_epoch=10)
    peaks = [step for step in range(1, 129) if rate(step - 1, 130) < rate(step, 130) >= rate(step + 1, 130)]
    assert len(peaks) == 3  # 13 epochs are three cycles of about four
    assert rate(129, 130) < 0.15
    assert schedule("cyclical", cycle_epochs=2)(10, 130) == pytest.approx(0.5)


def test_sgdr_restarts_after_cycles_that_grow() -> None:
    rates = [sgdr(step, 10, 2, 0.1, 0.5) for step in range(70)]
    restarts = [step + 1 for step, (before, after) in enumerate(pairwise(rates)) if after > before]
    assert restarts == [10, 30]
    assert [rates[step] for step in (0, 10, 30)] == pytest.approx([0.5, 0.5, 0.5])
    assert rates[20] == pytest.approx(0.3)
    assert rates[5] == pytest.approx(0.1 + 0.4 * 0.5 * (1 + math.cos(math.pi * 0.5)))
    assert [sgdr(step, 10, 1, 0, 1) for step in (0, 10, 1000)] == [1, 1, 1]
    assert first_cycle(70, 10, 2) == pytest.approx(10)
    assert first_cycle(77, 10, 2) == pytest.approx(11)
    assert first_cycle(3, 10, 2) == pytest.approx(3)


def sgdr_by_turns(step: int, cycle_steps: float, growth: float, low: float, high: float) -> float:
    """The rate of `sgdr`, with a turn for each cycle."""
    since, length = float(step), max(1.0, cycle_steps)
    while since >= length:
        since, length = since - length, length * growth
    return low + (high - low) * cosine(since, length)


def first_cycle_by_turns(total_steps: int, usual: float, growth: float) -> float:
    """The length of `first_cycle`, with a turn for each cycle."""
    count, covered = 1, usual
    while covered + usual * growth**count / 2 <= total_steps:
        covered, count = covered + usual * growth**count, count + 1
    return max(1.0, usual * total_steps / covered)


# In these, sums of cycles are exact, and a cycle ends where another begins in either way of counting.
EXACT = [1, 1.0625, 1.25, 1.5, 2, 3, 10, 1000, 1e300]


@pytest.mark.parametrize("growth", [*EXACT, 1 + 1e-9, 1.001, 1.1, 1.7, 2.3, math.pi, 17.5])
def test_cycles_are_those_that_are_counted_one_by_one(growth: float) -> None:
    random = np.random.default_rng(1)
    for total in (*range(1, 200), *random.integers(200, 5000, 20).tolist()):
        for usual in (1, 7, 10, 64, 1000):
            assert first_cycle(total, usual, growth) == pytest.approx(first_cycle_by_turns(total, usual, growth))
    lengths = [0.3, 1, 2, 10, 64, 100.5] if growth in EXACT else []
    for length in (*lengths, *(1 + 99 * random.random(5)).tolist()):
        found = [sgdr(step, length, growth, 0.1, 0.5) for step in range(500)]
        expected = [sgdr_by_turns(step, length, growth, 0.1, 0.5) for step in range(500)]
        np.testing.assert_allclose(found, expected, rtol=1e-9)


class Counted(float):
    """A number that counts how often it is multiplied."""

    def __new__(cls, value: float) -> Counted:
        made = super().__new__(cls, value)
        made.count = 0
        return made

    def _noted(self) -> float:
        self.count += 1
        assert self.count < 1000
        return float(self)

    def __pow__(self, power: float) -> float:
        return self._noted() ** power

    def __mul__(self, other: float) -> float:
        return self._noted() * other

    __rmul__ = __mul__


@pytest.mark.parametrize("growth", [1.0, math.nextafter(1, 2), 1 + 1e-12, 1 + 1e-9, 1.0001, 2.0, 1e18, 1e300, 1.7e308])
def test_cycles_of_every_growth_are_counted_in_a_few_turns(growth: float) -> None:
    for total in (1, 10**3, 10**11, 10**18):
        length = first_cycle(total, 100, Counted(growth))
        assert 1 <= length <= max(1, 2 * total)
        for step in (0, total // 3, total - 1):
            for first in (1.0, length):
                assert 0.1 <= sgdr(step, first, Counted(growth), 0.1, 0.5) <= 0.5


def test_in_a_run_of_very_many_epochs_the_first_cycle_is_about_one_of_them() -> None:
    assert first_cycle(10**11, 100, Counted(1)) == 100
    assert first_cycle(10**11 + 49, 100, Counted(1)) == pytest.approx(100)
    assert first_cycle(10**11, 100, Counted(1 + 1e-9)) == pytest.approx(100)
    assert first_cycle(10**11, 100, Counted(1e300)) == 10**11


def test_one_cycle_rises_falls_and_ends_at_a_hundredth_of_its_lowest() -> None:
    rates = [one_cycle(step, 101, 0.05, 0.5) for step in range(101)]
    np.testing.assert_allclose(rates[:46], np.linspace(0.05, 0.5, 46))
    np.testing.assert_allclose(rates[45:91], np.linspace(0.5, 0.05, 46))
    np.testing.assert_allclose(rates[90:], np.linspace(0.05, 0.0005, 11))


def test_step_decays_every_so_many_epochs_or_at_those_that_are_named() -> None:
    assert [step_decays(epoch, [2.0]) for epoch in (0, 1.9, 2, 3, 4)] == [0, 0, 1, 1, 2]
    assert [step_decays(epoch, [1.0], after=9) for epoch in (0, 9.5, 10, 11)] == [0, 0, 1, 2]
    assert [step_decays(epoch, [3.0, 5.0]) for epoch in (0, 2, 3, 5, 99)] == [0, 0, 1, 2, 2]
    rate = schedule("step", decay=0.1, decay_epochs=(3.0, 4.0), warmup_steps=0)
    assert [rate(step, 60) for step in (29, 30, 40)] == pytest.approx([0.5, 0.05, 0.005])


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"min_learning_rate": 0.7}, "--min-learning-rate 0.7: must be at least 0 and at most the learning rate, 0.5"),
        ({"decay_epochs": (3.0, 3.0)}, "--decay-epochs 3,3: needs each number above the one before"),
        ({"decay_epochs": (-1.0,)}, "--decay-epochs -1: needs numbers of 0.001 or more"),
        ({"decay_epochs": (1e-320,)}, "--decay-epochs 9.99989e-321: needs numbers of 0.001 or more"),
        ({"cycle_epochs": 1e-320}, "--cycle-epochs 1e-320: must be 0.001 or more"),
        ({"cycle_epochs": float("inf")}, "--cycle-epochs inf: must be 0.001 or more and finite"),
        ({"cycle_growth": float("inf")}, "--cycle-growth inf: must be 1 or more and finite"),
        ({"decay_after": float("inf")}, "--decay-after inf: must be 0 or more and finite"),
        ({"max_minutes": float("inf")}, "--max-minutes inf: must be above 0 and at most 1,000,000,000"),
        ({"learning_rate": 1e-323}, r"--learning-rate 1e-323: must be between 1e-30 and 1e\+38"),
        ({"learning_rate": 1e39}, r"--learning-rate 1e\+39: must be between 1e-30 and 1e\+38"),
    ],
)
def test_values_out_of_range_are_refused(given: dict[str, object], says: str) -> None:
    with pytest.raises(OptionError, match=says):
        schedule("step", **given)


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("stlr", {"learning_rate": 1e-30}),
        ("stlr", {"learning_rate": 1e38}),
        ("stlr", {"learning_rate": 1e-30, "min_learning_rate": 0.0}),
        ("stlr", {"min_learning_rate": 5e-324}),
        ("step", {"decay_epochs": (0.001,), "decay": 5e-324}),
        ("cyclical", {"cycle_epochs": 0.001, "cycle": "exp_range"}),
        ("cyclical", {"cycle_epochs": 1.7e308, "cycle": "triangular2"}),
        ("sgdr", {"cycle_epochs": 1.7e308}),
        ("sgdr", {"cycle_epochs": 0.001, "cycle_growth": 1.7e308}),
        ("sgdr", {"cycle_growth": 1.7e308}),
        ("sgdr", {"cycle_growth": math.nextafter(1, 2)}),
        ("sgdr", {"cycle_growth": 1.0}),
    ],
)
def test_rates_at_the_ends_of_what_may_be_given_are_numbers(name: str, given: dict[str, object]) -> None:
    rate, total = schedule(name, **given), 10**8
    highest = given.get("learning_rate", 0.5)
    assert all(0 <= rate(step, total) <= highest * (1 + 1e-9) for step in (0, 1, 10, 12_345, total // 2, total - 1))
