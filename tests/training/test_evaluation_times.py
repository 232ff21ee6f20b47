from __future__ import annotations

import pytest

from charlstm.training.evaluation_times import EvaluationTimes


def due(times: EvaluationTimes, steps: int) -> list[int]:
    return [step for step in range(1, steps + 1) if times.is_due(step)]


@pytest.mark.parametrize(
    ("steps_per_epoch", "chars_per_epoch", "validated", "expected"),
    [
        # A training text as long as the validation text: after each epoch.
        (68, 54_400, 52_900, [68, 136, 204, 272]),
        # A long epoch: about every 250 steps too, in equal parts.
        (1_000, 1_000_000, 10_000, [250, 500, 750, 1_000, 1_250]),
        (900, 900_000, 10_000, [225, 450, 675, 900, 1_125]),
        # But not while a step trains on little compared with what an evaluation scores.
        (1_000, 100_000, 12_500, [500, 1_000]),
        # Short epochs: after several.
        (17, 6_800, 52_900, [68, 136]),
        (34, 13_600, 52_900, [68, 136]),
        # Without a validation text, the training loss is written down after each epoch.
        (17, 6_800, 0, [17, 34, 51]),
    ],
)
def test_evaluations_follow_epochs_and_take_a_small_part_of_the_time(
    steps_per_epoch: int, chars_per_epoch: int, validated: int, expected: list[int]
) -> None:
    times = EvaluationTimes(steps_per_epoch, chars_per_epoch, validated)
    assert due(times, expected[-1]) == expected
