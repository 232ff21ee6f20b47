"""history.csv: one row an evaluation."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from charlstm.errors import ModelError
from charlstm.store import atomic

MAX_BYTES = 32 * 1024 * 1024
MAX_COUNT = 2**63 - 1


@dataclass(frozen=True)
class Evaluation:
    """What is known at one evaluation.

    Attributes:
        step: updates so far.
        epoch: how much of the training text was read so far, in passes.
        chars: characters, or words, trained on so far.
        seconds: time spent in training steps so far.
        learning_rate: at this step.
        train_nats_per_char: the mean training loss, dropout on, since the evaluation before; of words, for each word.
        valid_nats_per_char: the validation loss; of words, for each word.
    """

    step: int
    epoch: float
    chars: int
    seconds: float
    learning_rate: float
    train_nats_per_char: float
    valid_nats_per_char: float


COLUMNS = tuple(field.name for field in fields(Evaluation))


def write_history(path: Path, evaluations: Sequence[Evaluation]) -> None:
    """Replace the file at `path` by these rows; numbers are written so that they read back the same."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([repr(value) for value in astuple(evaluation)] for evaluation in evaluations)
    atomic.write_bytes(path, text.getvalue().encode())


def read_history(path: Path) -> list[Evaluation]:
    """Read the rows back.

    Raises:
        ModelError: the file is missing, too large, or not of this form.
    """
    if path.is_symlink() or not path.is_file():
        raise ModelError(f"{path} is missing or not a regular file")
    if path.stat().st_size > MAX_BYTES:
        raise ModelError(f"{path} is larger than {MAX_BYTES:,} bytes")
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = csv.reader(file)
            if tuple(next(rows, ())) != COLUMNS:
                raise ModelError(f"{path} must begin with the columns {','.join(COLUMNS)}")
            types = (int, float, int, float, float, float, float)
            evaluations = [Evaluation(*(kind(cell) for kind, cell in zip(types, row, strict=True))) for row in rows]
    except (ValueError, csv.Error) as problem:
        raise ModelError(f"{path} is damaged: {problem}") from None
    if not all(0 <= count <= MAX_COUNT for evaluation in evaluations for count in (evaluation.step, evaluation.chars)):
        raise ModelError(f"{path} is damaged: a count in it is below 0 or above {MAX_COUNT:,}")
    return evaluations
