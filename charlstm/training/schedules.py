"""Learning-rate schedules: pure functions of the step."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from charlstm.config import TrainingConfig

Schedule = Callable[[int, int], float]


def schedule_of(config: TrainingConfig) -> Schedule:
    """Return the schedule of a training as a function (step, total steps) -> rate, steps counted from 0."""

    def rate(step: int, total_steps: int) -> float:
        # A run shorter than its warm-up would never reach its rate: at most a tenth of it is warm-up.
        warmup_steps = min(config.warmup_steps, total_steps // 10)
        factor = warmup(step, warmup_steps)
        if config.schedule == "cosine":
            factor *= cosine(max(0, step - warmup_steps), total_steps - warmup_steps)
        return config.learning_rate * factor

    return rate


def warmup(step: int, warmup_steps: int) -> float:
    """Rise linearly from 1/(W + 1) at step 0 to 1 at step W."""
    return min(1.0, (step + 1) / (warmup_steps + 1))


def cosine(step: int, total_steps: int) -> float:
    """Fall from 1 at step 0 along half a cosine towards 0 at `total_steps`.

    Source: Loshchilov and Hutter, SGDR, 2016, arXiv:1608.03983, without restarts.
    """
    return float(0.5 * (1 + np.cos(np.pi * min(1.0, step / max(1, total_steps)))))
