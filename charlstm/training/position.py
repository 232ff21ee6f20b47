"""Where a training stands: everything that its next step depends on besides arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from charlstm.config import Config
from charlstm.errors import OptionError

StoppedBy = Literal["epochs", "max_minutes", "patience"]


@dataclass
class Position(Config):
    """The numbers of a training; with the arrays of a checkpoint and the run's options they say all of it.

    Attributes:
        step: batches read.
        updates: updates made; a step that is not finite makes none.
        total_steps: the step at which the run ends, as far as known.
        is_estimated: whether the time limit has set `total_steps` yet.
        elapsed: seconds since the training began, without the time between being stopped and going on.
        first_step_seconds: of `elapsed`, the step that compiled.
        seconds: of `elapsed`, training steps.
        sum_nats: summed losses of the steps since the last evaluation.
        sum_steps: their number.
        sum_seconds: their time.
        bad_evaluations: evaluations since the best one.
        best_row: the row of the history with the best validation loss; -1 without one.
        bad_steps: steps in a row that were not finite.
        rollbacks: how often the training went back to a checkpoint because of such steps.
        base_test_nats_per_char: the test loss of the untouched base model; -1 where there is none.
        stopped_by: why the run ends.
        is_finished: whether it has.
    """

    step: int = 0
    updates: int = 0
    total_steps: int = 0
    is_estimated: bool = False
    elapsed: float = 0.0
    first_step_seconds: float = 0.0
    seconds: float = 0.0
    sum_nats: float = 0.0
    sum_steps: int = 0
    sum_seconds: float = 0.0
    bad_evaluations: int = 0
    best_row: int = -1
    bad_steps: int = 0
    rollbacks: int = 0
    base_test_nats_per_char: float = -1.0
    stopped_by: StoppedBy = "epochs"
    is_finished: bool = False

    def __post_init__(self) -> None:
        counts = (self.step, self.updates, self.total_steps, self.sum_steps, self.bad_evaluations, self.rollbacks)
        if min(*counts, self.best_row + 1, self.bad_steps) < 0 or self.updates > self.step:
            raise OptionError("a count is negative, or there are more updates than steps")
