"""Where a training stands: everything that its next step depends on besides arrays."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from charlstm.config_json import Config, added
from charlstm.errors import ModelError, OptionError
from charlstm.store.checkpoints import Checkpoint

StoppedBy = Literal["epochs", "max_minutes", "patience", "diverged"]

MAX_STEPS = 1 << 62
MAX_ROLLBACKS = 1000


@dataclass
class Position(Config):
    """The numbers of a training; with the arrays of a checkpoint and the run's options they say all of it.

    Attributes:
        step: batches read.
        updates: updates made; a step that is not finite makes none.
        total_steps: the step at which the run ends, as far as known.
        is_estimated: whether the time limit has set `total_steps` yet.
        elapsed: seconds since the training began, without the time between being stopped and going on.
        first_step_seconds: of `elapsed` since the phase began, its first step, which compiles, and what computes the
            outputs of frozen layers before it, and again when the run is gone on with.
        seconds: of `elapsed`, training steps.
        sum_nats: summed losses of the steps since the last evaluation; of one that is scored in part, that part.
        sum_steps: their number, counted likewise.
        sum_seconds: their time.
        bad_evaluations: evaluations since the best one.
        best_row: the row of the history with the best weights; -1 without one.
        bad_steps: steps in a row that were not finite.
        is_evaluation_due: whether an evaluation comes before the next step.
        rollbacks: how often the training went back to a checkpoint because of such steps.
        base_test_nats_per_char: the test loss of the untouched base model; -1 where there is none.
        stopped_by: why the run ends.
        is_finished: whether it has.
        decays: how often the rate was lowered because the validation loss did not improve.
        bad_since_decay: epochs without a new best loss at their end since the last time, or since there was one.
        averaged_from: the update after which weights are averaged; -1 for not yet.
        phase: the number of the phase; `updates`, `total_steps`, the counts of what was bad, and the schedule are its.
        phase_step: the step at which it began.
        phase_row: the row of the history at which it began.
        phase_elapsed: `elapsed` when it began.
        back_step: the step of the checkpoint to go back to: that of the last good evaluation of the phase, or of its
            beginning; None for the newest checkpoint.
    """

    step: int = 0
    updates: int = 0
    total_steps: int = 0
    is_estimated: bool = False
    elapsed: float = 0.0
    first_step_seconds: float = 0.0
    seconds: float = 0.0
    sum_nats: float = 0.0
    sum_steps: float = 0.0
    sum_seconds: float = 0.0
    bad_evaluations: int = 0
    best_row: int = -1
    bad_steps: int = 0
    is_evaluation_due: bool = False
    rollbacks: int = 0
    base_test_nats_per_char: float = -1.0
    stopped_by: StoppedBy = "epochs"
    is_finished: bool = False
    decays: int = added(0)
    bad_since_decay: int = added(0)
    averaged_from: int = added(-1)
    phase: int = added(0)
    phase_step: int = added(0)
    phase_row: int = added(0)
    phase_elapsed: float = added(0.0)
    back_step: int | None = added(None)

    def __post_init__(self) -> None:
        counts = (
            self.step,
            self.updates,
            self.sum_steps,
            self.bad_evaluations,
            self.bad_steps,
            self.best_row + 1,
            self.decays,
        )
        if min(counts) < 0 or max(counts) >= MAX_STEPS or self.updates > self.step:
            raise OptionError("a count is out of range, or there are more updates than steps")
        if not (0 <= self.rollbacks < MAX_ROLLBACKS and 0 <= self.total_steps < MAX_STEPS**2):
            raise OptionError("'rollbacks' or 'total_steps' is out of range")
        if not (self.phase >= 0 and 0 <= self.phase_step <= self.step and self.phase_row >= 0):
            raise OptionError("'phase', 'phase_step' or 'phase_row' is out of range")
        if not -1 <= self.averaged_from <= self.updates:
            raise OptionError("'averaged_from' is out of range")
        if self.back_step is not None and not 0 <= self.back_step <= self.step:
            raise OptionError("'back_step' is out of range")
        if not 0 <= self.phase_elapsed <= self.elapsed:
            raise OptionError("the phase began later than now")
        if not 0 <= self.first_step_seconds <= self.elapsed:
            raise OptionError("the first step took longer than all of them")


def next_phase(position: Position, rows: int, *, keeps_best: bool) -> Position:
    """Return where a training stands when the phase after the present one begins; its `total_steps` are left open.

    Args:
        position: at the end of a phase.
        rows: of the history so far.
        keeps_best: whether the best loss so far is one of the network that is trained on.
    """
    return replace(
        position,
        updates=0,
        is_estimated=False,
        first_step_seconds=0.0,
        bad_evaluations=0,
        best_row=position.best_row if keeps_best else -1,
        bad_steps=0,
        rollbacks=0,
        stopped_by="epochs",
        is_finished=False,
        decays=0,
        bad_since_decay=0,
        averaged_from=-1,
        phase=position.phase + 1,
        phase_step=position.step,
        phase_row=rows,
        phase_elapsed=position.elapsed,
        back_step=position.step,
    )


def position_of(checkpoint: Checkpoint) -> Position:
    """Return the position in a checkpoint.

    Raises:
        ModelError: it is not of the form that `to_json` gives, or does not fit the rest of the checkpoint.
    """
    try:
        position = Position.from_json(checkpoint.position)
    except OptionError as problem:
        raise ModelError(
            f"the position in the checkpoint of step {checkpoint.step:,} cannot be used: {problem}"
        ) from None
    if position.step != checkpoint.step or max(position.best_row + 1, position.phase_row) > len(checkpoint.history):
        raise ModelError(f"the position in the checkpoint of step {checkpoint.step:,} does not fit the rest of it")
    return position
