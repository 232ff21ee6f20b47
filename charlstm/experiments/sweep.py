"""Many runs into one table."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from charlstm.errors import StoppedError
from charlstm.experiments.begin import SweepOptions, begin_or_resume
from charlstm.experiments.paths import dataset_path, is_finished, trial_path
from charlstm.experiments.plan import Trial, trials_of
from charlstm.experiments.progress import Progress, SweepObserver
from charlstm.experiments.report import write_report
from charlstm.experiments.table import Table, table_of
from charlstm.experiments.worker import Worker
from charlstm.model.runtime import cores, start_tensorflow
from charlstm.store.dataset_directory import load_dataset
from charlstm.store.lock import LockedError, locked
from charlstm.store.sweep_file import SweepFile
from charlstm.store.trial_result import read_result
from charlstm.training.memory import physical_bytes
from charlstm.training.signals import stop_requests

Note = Callable[[str], None]

# Between two looks at what the workers have finished.
POLL_SECONDS = 0.5
# Between two looks at trials of which other processes hold all that are left.
WAIT_SECONDS = 2.0
# What TensorFlow and the compiled steps of some small networks take in each process.
BYTES_A_JOB = 1.5 * 2**30


def sweep(
    options: SweepOptions,
    jobs: int | None,
    checkpoint_minutes: float,
    observer: SweepObserver,
    note: Note,
    *,
    padded: bool,
) -> Table:
    """Run all trials of a sweep that are not finished yet, and compare them.

    Args:
        options: what is compared and where it goes.
        jobs: processes that run trials beside each other; None for a choice by the machine.
        checkpoint_minutes: the time after which a trial takes a checkpoint in the middle of an epoch too.
        observer: is told of trials.
        note: takes sentences for the user.
        padded: whether the padded loss is reported too.

    Raises:
        CharlstmError: as `begin_or_resume` does; or a worker ended with an error.
        StoppedError: a signal ended the sweep; it can be gone on with.
    """
    asked = begin_or_resume(options)
    out = options.out
    trials = trials_of(asked)
    progress = Progress(out, trials, observer)
    try:
        if progress.left:
            jobs = jobs or jobs_that_fit(len(progress.left))
            if jobs == 1:
                _run_here(out, asked, checkpoint_minutes, progress, observer, note)
            else:
                _run_beside(out, jobs, checkpoint_minutes, progress, note)
    except StoppedError as stopped:
        raise StoppedError(
            f"stopped with {progress.status}, everything saved; go on with: "
            f"charlstm sweep --resume -o {shlex.quote(str(out))}",
            stopped.signal_number,
        ) from None
    finally:
        observer.ended()
    results = {trial.name: read_result(trial_path(out, trial)) for trial in trials}
    datasets = {fraction: load_dataset(dataset_path(out, fraction)) for fraction in asked.fractions}
    characters = {fraction: len(dataset.splits["train"]) for fraction, dataset in datasets.items()}
    table = table_of(asked, results, characters, padded=padded)
    write_report(out, asked, table)
    return table


def jobs_that_fit(trials: int) -> int:
    """Return how many processes are best to run so many trials with.

    Small networks gain little from a second core, while trials do not wait for each other: one process a core, as far
    as memory goes.  A GPU is not shared.
    """
    start_tensorflow()
    import tensorflow as tf

    if tf.config.list_physical_devices("GPU"):
        return 1
    return max(1, int(min(cores(), trials, physical_bytes() / BYTES_A_JOB)))


def _run_here(
    out: Path,
    asked: SweepFile,
    checkpoint_minutes: float,
    progress: Progress,
    observer: SweepObserver,
    note: Note,
) -> None:
    """Run trials in this process until all are finished, here or elsewhere."""
    start_tensorflow()
    from charlstm.experiments.drain import drain

    drain(out, asked, checkpoint_minutes, observer.training, note, progress.update, waits=True)


def _run_beside(out: Path, jobs: int, checkpoint_minutes: float, progress: Progress, note: Note) -> None:
    """Run trials in other processes until all are finished, there or elsewhere."""
    is_waiting = False
    with stop_requests() as stop_signal:
        while progress.left:
            if free := sum(_is_free(out, trial) for trial in progress.left):
                is_waiting = False
                _run_workers(out, min(jobs, free), checkpoint_minutes, progress, stop_signal)
            elif not is_waiting:
                note(f"Waiting for {len(progress.left):,} trials that other processes work on ...")
                is_waiting = True
            if number := stop_signal():
                raise StoppedError("stopped", number)
            if is_waiting:
                time.sleep(WAIT_SECONDS)
            progress.update()


def _run_workers(
    out: Path, count: int, checkpoint_minutes: float, progress: Progress, stop_signal: Callable[[], int | None]
) -> None:
    """Let some workers run until there is nothing left for them, one of them fails, or a signal asks to stop."""
    threads = max(1, cores() // count)
    with ExitStack() as at_work:
        workers = [at_work.enter_context(Worker(out, threads, checkpoint_minutes)) for _ in range(count)]
        try:
            while any(worker.is_running for worker in workers) and not stop_signal():
                for worker in workers:
                    worker.raise_failure()
                time.sleep(POLL_SECONDS)
                progress.update()
        finally:
            for worker in workers:
                worker.ask_to_stop()
        for worker in workers:
            worker.wait()
            if not stop_signal():
                worker.raise_failure()


def _is_free(out: Path, trial: Trial) -> bool:
    """Tell whether no process works on a trial."""
    path = trial_path(out, trial)
    if not path.exists():
        return True
    try:
        with locked(path):
            return not is_finished(out, trial)
    except LockedError:
        return False
