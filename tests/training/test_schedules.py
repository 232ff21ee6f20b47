from __future__ import annotations

import math

import pytest

from charlstm.training.presets import size_of, training_config
from charlstm.training.schedules import cosine, schedule_of, warmup


def test_warmup_rises_linearly_to_one() -> None:
    assert [warmup(step, 3) for step in range(5)] == pytest.approx([0.25, 0.5, 0.75, 1, 1])
    assert warmup(0, 0) == 1


def test_cosine_follows_its_closed_form() -> None:
    expected = [1, 0.5 + 0.5 * math.cos(math.pi / 4), 0.5, 0.5 - 0.5 * math.cos(math.pi / 4), 0, 0]
    assert [cosine(step, 4) for step in range(6)] == pytest.approx(expected)


@pytest.mark.parametrize("total", [1, 2, 3])
@pytest.mark.parametrize("name", ["constant", "cosine"])
def test_schedules_are_positive_and_finite_in_the_shortest_runs(name: str, total: int) -> None:
    schedule = schedule_of(training_config(size_of(1000), "float32", {"schedule": name, "learning_rate": 0.5}))
    rates = [schedule(step, total) for step in range(total)]
    assert all(0 < rate <= 0.5 for rate in rates)


def test_a_constant_schedule_stays_at_its_rate_after_the_warmup() -> None:
    given = {"schedule": "constant", "learning_rate": 0.5, "warmup_steps": 10}
    schedule = schedule_of(training_config(size_of(1000), "float32", given))
    assert schedule(0, 1000) < 0.1
    assert [schedule(step, 1000) for step in (10, 500, 999)] == [0.5, 0.5, 0.5]
