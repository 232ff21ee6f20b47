"""A training with a time limit ends with its schedule: its length is set to the steps that will fit."""

from __future__ import annotations

from charlstm.training.position import Position

# How much of the time of a run with a limit goes by before its length in steps is first estimated.
FIRST_ESTIMATE = 0.02


def keep_to_time(position: Position, max_minutes: float | None, last_step: int, *, is_after_evaluation: bool) -> None:
    """Set the end of a training by the time that is left, after some steps.

    Args:
        position: of the training; changed in place.
        max_minutes: the time since the beginning of the run at which it ends, None for no limit.
        last_step: the step at which it ends without a limit.
        is_after_evaluation: whether they are the first after an evaluation.
    """
    if max_minutes is None:
        return
    seconds = max_minutes * 60
    if position.elapsed >= seconds:
        if position.step < position.total_steps:
            position.stopped_by = "max_minutes"
            position.total_steps = position.step
        return
    elapsed, steps = position.elapsed - position.phase_elapsed, position.step - position.phase_step
    is_first = not position.is_estimated and elapsed >= FIRST_ESTIMATE * (seconds - position.phase_elapsed)
    if steps > 2 and (is_first or (position.is_estimated and is_after_evaluation)):
        position.is_estimated = True
        # The first step, and what computes the outputs of frozen layers, say nothing about the other steps.
        per_step = (elapsed - position.first_step_seconds) / (steps - 1)
        fitting = position.step + max(1, int((seconds - position.elapsed) / per_step))
        position.total_steps = min(last_step, fitting)
        position.stopped_by = "epochs" if position.total_steps == last_step else "max_minutes"
