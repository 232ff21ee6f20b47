"""How a sweep shows itself: a bar over its trials on a terminal, a line a trial elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from charlstm.cli.console import note, stderr_is_terminal
from charlstm.cli.progress import bar_columns, duration

if TYPE_CHECKING:
    from charlstm.data.vocabulary import Vocabulary
    from charlstm.experiments.plan import Trial
    from charlstm.experiments.progress import SweepObserver
    from charlstm.store.history import Evaluation
    from charlstm.store.model_directory import Weights
    from charlstm.store.trial_result import TrialResult
    from charlstm.training.execution import ObserverFactory
    from charlstm.training.job import Job, Observer, Progress


def sweep_observer() -> SweepObserver:
    """Return what watches a sweep."""
    return _TerminalObserver() if stderr_is_terminal() else _LineObserver()


class _LineObserver:
    """Writes a line a trial."""

    def began(self, total: int, finished: int) -> None:
        self._total, self._finished = total, finished
        if finished < total:
            note(
                f"{total:,} {'trial' if total == 1 else 'trials'}"
                + (f", of which {finished:,} are finished." if finished else ".")
            )

    def training(self, trial: Trial) -> ObserverFactory:  # noqa: ARG002
        return lambda job, vocabulary: _TrainingObserver(lambda progress: None)  # noqa: ARG005

    def finished(self, trial: Trial, result: TrialResult, seconds_left: float | None) -> None:
        self._finished += 1
        note(f"{self._finished:,}/{self._total:,}  {_line(trial, result)}  {_left(seconds_left)}".rstrip())

    def ended(self) -> None:
        pass


class _TerminalObserver:
    """Draws a bar in place, with the finished trials above it."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import MofNCompleteColumn, Progress

        console = Console(stderr=True, highlight=False)
        self._bar = Progress(*bar_columns(console, MofNCompleteColumn()), console=console, transient=True)
        self._left = ""

    def began(self, total: int, finished: int) -> None:
        self._task = self._bar.add_task("trials", total=total, completed=finished)
        if finished < total:
            self._bar.start()

    def training(self, trial: Trial) -> ObserverFactory:
        def stepped(progress: Progress) -> None:
            doing = f"{describe(trial)}: epoch {progress.epoch:.1f}, {progress.nats_per_char:.3f} nats/char"
            self._bar.update(self._task, description=f"{self._left}{doing}")

        def observe(job: Job, vocabulary: Vocabulary) -> Observer:  # noqa: ARG001
            return _TrainingObserver(stepped)

        return observe

    def finished(self, trial: Trial, result: TrialResult, seconds_left: float | None) -> None:
        from rich.text import Text

        self._left = _left(seconds_left)
        self._bar.console.print(Text(_line(trial, result)))
        self._bar.update(self._task, advance=1, description=self._left)

    def ended(self) -> None:
        self._bar.stop()


class _TrainingObserver:
    """Passes on the steps of one training."""

    def __init__(self, stepped: Callable[[Progress], None]) -> None:
        self.stepped = stepped

    def evaluated(self, evaluation: Evaluation, is_best: bool, weights: Callable[[], Weights]) -> None:
        pass

    def ended(self) -> None:
        pass


def _left(seconds: float | None) -> str:
    return "" if seconds is None else f"{duration(seconds)} left  "


def describe(trial: Trial) -> str:
    """Return a trial in a few words."""
    what = trial.retrained if trial.base is None else f"{trial.base} {trial.retrained}"
    if trial.kind == "untouched":
        return what
    return f"{what}, fraction {trial.fraction:g}, seed {trial.random_seed}"


def _line(trial: Trial, result: TrialResult) -> str:
    losses = f"validation {result.valid_nats_per_char:.4f}, test {result.test_nats_per_char:.4f} nats/char"
    effort = f"{result.epochs:.1f} epochs in {duration(result.training_seconds)}"
    return f"{describe(trial)}: {losses}" + ("" if trial.kind == "untouched" else f"; {effort}")
