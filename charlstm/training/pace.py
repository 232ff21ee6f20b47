"""How long a training still takes, by the steps that this process has seen it make."""

from __future__ import annotations


class Pace:
    """The time that a step takes, evaluations and checkpoints between the steps counted in.

    What was before this process is left out: a run that is gone on with may be on another machine, or on one that had
    other work.  So is the first step, which compiles.
    """

    def __init__(self) -> None:
        self._from: tuple[int, float] | None = None
        self._now = (0, 0.0)

    def take(self, step: int, elapsed: float) -> None:
        """Take note of a step; one that is not after the last one begins anew.

        Args:
            step: the steps that are done.
            elapsed: seconds since the beginning of the run.
        """
        if self._from is None or step <= self._now[0]:
            self._from = step, elapsed
        self._now = step, elapsed

    def seconds_until(self, step: int) -> float | None:
        """Return the seconds that the steps until this one will take, None before two steps are done."""
        if self._from is None or self._now[0] == self._from[0]:
            return None
        per_step = (self._now[1] - self._from[1]) / (self._now[0] - self._from[0])
        return (step - self._now[0]) * per_step
