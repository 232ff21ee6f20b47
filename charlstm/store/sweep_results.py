"""results.csv: one row for each way of training that a sweep compares."""

from __future__ import annotations

import csv
import io
import math
import types
import typing
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any, Literal

from charlstm.errors import ModelError
from charlstm.store import atomic

RESULTS_FILE = "results.csv"
MAX_BYTES = 32 * 1024 * 1024

Kind = Literal["transfer", "untouched", "scratch"]


@dataclass(frozen=True)
class SweepRow:
    """One way of training, over its random seeds.

    Attributes:
        base: the base model as it was named; None for a model trained on the target alone.
        retrained: the retrained layers ("0,2", "none" for the head only, "all"), "untouched" for the base as it is,
            or "scratch 2x64" for layers x units.
        kind: which of these it is.
        fraction: the part of the target's training text that was trained on, above 0 and at most 1.
        train_chars: the characters of that part; a base that is untouched was not trained on them.
        seeds: the random seeds over which means and deviations are taken; 1 for an untouched base.
        valid_nats_per_char: the loss over the validation text, mean over seeds.
        valid_nats_per_char_std: its standard deviation (n - 1); None for a single seed.
        test_nats_per_char: the loss over the test text, mean over seeds.
        test_nats_per_char_std: its standard deviation (n - 1); None for a single seed.
        bits_per_char: the test loss in bits.
        padded_nats_per_char: the test loss where padding to the longest document counts too; None if not asked for.
        trained_parameters: weights that were trained.
        parameters: all weights.
        epochs: passes over the training text, mean over seeds.
        training_seconds: spent in training steps, mean over seeds.
        train_valid_gap_nats: validation loss less training loss, both without dropout, mean over seeds.
        ratio_to_scratch: test loss over that of the best scratch model at the same fraction; None without one.
        ratio_low: where the ratio's 95 % interval over documents begins; None without one.
        ratio_high: where it ends; None without one.
    """

    base: str | None
    retrained: str
    kind: Kind
    fraction: float
    train_chars: int
    seeds: int
    valid_nats_per_char: float
    valid_nats_per_char_std: float | None
    test_nats_per_char: float
    test_nats_per_char_std: float | None
    bits_per_char: float
    padded_nats_per_char: float | None
    trained_parameters: int
    parameters: int
    epochs: float
    training_seconds: float
    train_valid_gap_nats: float
    ratio_to_scratch: float | None
    ratio_low: float | None
    ratio_high: float | None


COLUMNS = tuple(field.name for field in fields(SweepRow))


def write_results(path: Path, rows: Sequence[SweepRow]) -> None:
    """Replace the file at `path` by these rows, numbers such that they read back the same; None is an empty cell."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([_to_cell(value) for value in astuple(row)] for row in rows)
    atomic.write_bytes(path, text.getvalue().encode("utf-8", "surrogateescape"))


def read_results(path: Path) -> list[SweepRow]:
    """Read the rows back.

    Raises:
        ModelError: the file is missing, too large, or not of this form.
    """
    if path.is_symlink() or not path.is_file():
        raise ModelError(f"{path} is missing or not a regular file")
    if path.stat().st_size > MAX_BYTES:
        raise ModelError(f"{path} is larger than {MAX_BYTES:,} bytes")
    hints = [typing.get_type_hints(SweepRow)[name] for name in COLUMNS]
    try:
        with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
            rows = csv.reader(file)
            if tuple(next(rows, ())) != COLUMNS:
                raise ModelError(f"{path} must begin with the columns {','.join(COLUMNS)}")
            return [SweepRow(*(_from_cell(cell, hint) for cell, hint in zip(row, hints, strict=True))) for row in rows]
    except (ValueError, csv.Error) as problem:
        raise ModelError(f"{path} is damaged: {problem}") from None


def _to_cell(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else repr(value)


def _from_cell(cell: str, hint: Any) -> Any:
    """Return the value of a cell as the type `hint`, one of those that SweepRow uses."""
    if isinstance(hint, types.UnionType):
        return _from_cell(cell, typing.get_args(hint)[0]) if cell else None
    if hint == Kind:
        if cell not in typing.get_args(Kind):
            raise ValueError(f"{cell[:40]!r} is none of {', '.join(typing.get_args(Kind))}")
        return cell
    if hint is float and not math.isfinite(float(cell)):
        raise ValueError(f"{cell[:40]!r} is not a finite number")
    return hint(cell)
