"""The trials of a sweep, run one after the other, as far as no other process works on them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from charlstm.errors import StoppedError
from charlstm.experiments.paths import is_finished, trial_path
from charlstm.experiments.plan import Trial, trials_of
from charlstm.experiments.trial import run_trial
from charlstm.store.lock import LockedError, locked
from charlstm.store.sweep_file import SweepFile
from charlstm.training.execution import Note, ObserverFactory
from charlstm.training.signals import stop_requests

# Between two looks at whether others have finished, or given up, the last trials.
POLL_SECONDS = 2.0


def drain(
    out: Path,
    sweep: SweepFile,
    checkpoint_minutes: float,
    observe: Callable[[Trial], ObserverFactory],
    note: Note,
    tick: Callable[[], None],
    *,
    waits: bool,
) -> None:
    """Run trials until all are finished.

    A trial is claimed by the lock of its directory, which ends with the process that holds it, however that ends.

    Args:
        out: the sweep's directory.
        sweep: what it holds.
        checkpoint_minutes: the time after which a checkpoint is taken in the middle of an epoch too.
        observe: gives for a trial what makes the observer of its training.
        note: takes sentences for the user.
        tick: is called after each trial, and now and then while waiting.
        waits: whether to wait for trials that other processes work on; else they are left to them.

    Raises:
        StoppedError: a signal ended the work.
    """
    trials = trials_of(sweep)
    group = None
    is_waiting = False
    with stop_requests() as stop_signal:
        while left := [trial for trial in trials if not is_finished(out, trial)]:
            if number := stop_signal():
                raise StoppedError("stopped between two trials", number)
            with contextlib.ExitStack() as held:
                claimed = _claim(out, in_order(out, left, group), held)
                # Another process may have finished it between the look and the lock.
                if claimed is not None and not is_finished(out, claimed):
                    run_trial(out, sweep, claimed, checkpoint_minutes, observe(claimed), note)
            if claimed is not None:
                group, is_waiting = claimed.group, False
            elif not waits:
                return
            else:
                if not is_waiting:
                    note(f"Waiting for {len(left):,} trials that other processes work on ...")
                    is_waiting = True
                time.sleep(POLL_SECONDS)
            tick()


def in_order(out: Path, left: list[Trial], group: tuple[str | None, str] | None) -> list[Trial]:
    """Return trials in the order in which a process is to try to claim them.

    Those of the group that it worked on last come first, then groups that nobody has begun: so that processes beside
    each other do not all compile the same steps.
    """
    begun = {trial.group for trial in left if trial_path(out, trial).exists()}
    return sorted(left, key=lambda trial: (trial.group != group, trial.group in begun))


def _claim(out: Path, trials: Sequence[Trial], held: contextlib.ExitStack) -> Trial | None:
    """Return the first of some trials that no other process works on, and hold its lock; None where there is none."""
    for trial in trials:
        path = trial_path(out, trial)
        path.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(LockedError):
            held.enter_context(locked(path))
            return trial
    return None
