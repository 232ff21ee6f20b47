"""How far a sweep has come, as its directory says: whoever works on it, on whatever machine."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from charlstm.experiments.paths import is_finished, trial_path
from charlstm.experiments.plan import Trial
from charlstm.store.trial_result import TrialResult, read_result

if TYPE_CHECKING:
    from charlstm.training.execution import ObserverFactory


# How much of the work is done before the time left is first estimated.
FIRST_ESTIMATE = 0.02


class SweepObserver(Protocol):
    """What a sweep tells about itself while it runs."""

    def began(self, total: int, finished: int) -> None:
        """Take note of the number of trials, and of those that were finished before."""

    def training(self, trial: Trial) -> ObserverFactory:
        """Return what makes the observer of a trial that is trained in this process."""

    def finished(self, trial: Trial, result: TrialResult, seconds_left: float | None) -> None:
        """Take note of a finished trial, and of the time until the last one will be, roughly, None if unknown yet."""

    def ended(self) -> None:
        """Take note that there will be no more, for whatever reason."""


class Progress:
    """Tells an observer of each trial once it is finished.

    Args:
        out: the sweep's directory.
        trials: all of the sweep.
        observer: is told.

    Attributes:
        left: the trials that are not finished.
    """

    def __init__(self, out: Path, trials: Sequence[Trial], observer: SweepObserver) -> None:
        self._out = out
        self._observer = observer
        self._total = len(trials)
        self.left = [trial for trial in trials if not is_finished(out, trial)]
        self._began = time.monotonic()
        self._work_at_first = sum(trial.work for trial in self.left)
        observer.began(len(trials), len(trials) - len(self.left))

    @property
    def status(self) -> str:
        """How many trials are finished, in words."""
        return f"{self._total - len(self.left):,} of {self._total:,} trials finished"

    def update(self) -> None:
        """Look for trials that were finished since."""
        found = [trial for trial in self.left if is_finished(self._out, trial)]
        for trial in found:
            self.left.remove(trial)
            result = read_result(trial_path(self._out, trial))
            self._observer.finished(trial, result, self._seconds_left())

    def _seconds_left(self) -> float | None:
        left = sum(trial.work for trial in self.left)
        done = self._work_at_first - left
        if done < FIRST_ESTIMATE * self._work_at_first:
            return None
        return (time.monotonic() - self._began) * left / done
