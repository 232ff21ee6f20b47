"""How a training shows itself: a bar that moves on a terminal, plain lines elsewhere."""

from __future__ import annotations

import math
import textwrap
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from charlstm.cli.console import note, stderr_is_terminal, terminal_columns
from charlstm.cli.group import visible
from charlstm.config import SamplingConfig

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import ProgressColumn

    from charlstm.data.vocabulary import Vocabulary
    from charlstm.store.history import Evaluation
    from charlstm.store.model_directory import Weights
    from charlstm.training.job import Job, Observer, Progress

SAMPLE_LENGTH, SAMPLE_WORDS = 70, 14
SECONDS_BETWEEN_LINES = 30.0
# What the state of a training takes of a line; the bar before it gets what is left, if that is enough for one.
STATUS_COLUMNS = 80
SHORTEST_BAR, LONGEST_BAR = 6, 30


def observer_for(job: Job, vocabulary: Vocabulary) -> Observer:
    """Announce a training and return what watches it."""
    units = "x".join(map(str, job.model.units))
    layers = "LSTM layer" if job.model.layers == 1 else "LSTM layers"
    unit = vocabulary.unit
    announcement = (
        f"Training {job.model.parameters:,} parameters ({layers} {units}, {job.model.vocabulary_size} symbols) "
        f"on {len(job.train):,} {unit}s, {job.training.precision}, "
        f"batch {job.training.batch_size} x {job.training.sequence_length}"
        f"{' of whole documents' if job.training.batching == 'documents' else ''}."
    )
    note(textwrap.fill(announcement, terminal_columns()) if stderr_is_terminal() else announcement)

    length = SAMPLE_LENGTH if unit == "character" else SAMPLE_WORDS

    def sample(weights: Weights, random_seed: int) -> str:
        from charlstm.sampling.delayed import stepping_network
        from charlstm.sampling.generate import Generation
        from charlstm.sampling.growing_texts import alike

        network = stepping_network(job.model, weights)
        generation = Generation(network, vocabulary, alike(1), SamplingConfig(length=length, random_seed=random_seed))
        for _ in generation:
            pass
        return visible(" ".join(generation.texts[0].split()))

    return _TerminalObserver(sample, unit) if stderr_is_terminal() else _LineObserver(sample, unit)


class _LineObserver:
    """Writes a line an evaluation, and one now and then between them."""

    def __init__(self, sample: Callable[[Weights, int], str], unit: str) -> None:
        self._sample = sample
        self._unit = unit
        self._last_line = time.monotonic()

    def stepped(self, progress: Progress) -> None:
        if time.monotonic() - self._last_line >= SECONDS_BETWEEN_LINES:
            self._last_line = time.monotonic()
            note(_status(progress, self._unit))

    def evaluated(self, evaluation: Evaluation, is_best: bool, weights: Callable[[], Weights]) -> None:
        self._last_line = time.monotonic()
        note(describe_evaluation(evaluation, is_best, self._unit))
        note(f"    {self._sample(weights(), evaluation.step)}")

    def ended(self) -> None:
        pass


class _TerminalObserver:
    """Draws a bar in place, with the evaluations above it."""

    def __init__(self, sample: Callable[[Weights, int], str], unit: str) -> None:
        from rich.console import Console
        from rich.progress import Progress

        self._sample = sample
        self._unit = unit
        console = Console(stderr=True, highlight=False)
        self._bar = Progress(*bar_columns(console), console=console, transient=True)
        self._task = self._bar.add_task("compiling", total=None)
        self._bar.start()

    def stepped(self, progress: Progress) -> None:
        self._bar.update(
            self._task, total=progress.total_steps, completed=progress.step, description=_status(progress, self._unit)
        )

    def evaluated(self, evaluation: Evaluation, is_best: bool, weights: Callable[[], Weights]) -> None:
        from rich.text import Text

        self._bar.console.print(
            Text(describe_evaluation(evaluation, is_best, self._unit)), style="bold" if is_best else None
        )
        self._bar.console.print(
            Text(f"    {self._sample(weights(), evaluation.step)}"), style="dim", overflow="ellipsis"
        )

    def ended(self) -> None:
        self._bar.stop()


def bar_columns(console: Console, *between: ProgressColumn) -> list[ProgressColumn]:
    """Return what a line of progress consists of: a bar where there is room for one, what comes between, the state."""
    from rich.progress import BarColumn, TextColumn
    from rich.table import Column

    room = min(LONGEST_BAR, console.width - STATUS_COLUMNS)
    bar = [BarColumn(bar_width=room)] if room >= SHORTEST_BAR else []
    return [*bar, *between, TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True))]


def describe_evaluation(evaluation: Evaluation, is_best: bool, unit: str = "character") -> str:
    """Return one evaluation as a line, short enough for 80 columns."""
    valid = evaluation.valid_nats_per_char
    line, train = f"epoch {evaluation.epoch:6.2f}", evaluation.train_nats_per_char
    if math.isnan(valid):
        return f"{line}  training {loss(train, unit)}"
    return f"{line}  training {train:.4f}  validation {loss(valid, unit)}{'  best' if is_best else ''}"


def loss(nats_per_char: float, unit: str = "character") -> str:
    """Return a loss in nats and in bits per character, or in nats and as the perplexity per word."""
    if unit == "word":
        return f"{nats_per_char:.4f} nats (perplexity {math.exp(min(nats_per_char, 700.0)):.2f})"
    return f"{nats_per_char:.4f} nats ({nats_per_char / math.log(2):.3f} bits)"


def duration(seconds: float) -> str:
    """Return a time as m:ss or h:mm:ss."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _status(progress: Progress, unit: str) -> str:
    briefly = "char" if unit == "character" else unit
    left = "" if progress.seconds_left is None else f"  {duration(progress.seconds_left)} left"
    return (
        f"step {progress.step:,}/{progress.total_steps:,}  epoch {progress.epoch:.2f}  "
        f"{progress.nats_per_char:.4f} nats/{briefly}  {progress.chars_per_second:,.0f} {briefly}/s{left}"
    )
