"""The rows of a sweep, as figures ask for them: by base, retrained layers and amount of text, in a sensible order."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from charlstm.plotting.names import distinct_names, readable
from charlstm.store.sweep_results import SweepRow

TEST_LOSS = "test loss (nats per character)"
LAYERS_LABEL = "retrained layers (0 is next to the input)"
LONGEST_LABEL = 28
MOST_CHARS, MOST_SEEDS, MOST_NATS, MOST_RATIO = 2**63 - 1, 1_000_000, 10_000.0, 10_000.0
LABELS = {"none": "head only", "all": "all layers", "untouched": "base, untouched"}


class SweepTable:
    """The rows of a sweep.

    Args:
        rows: as in results.csv; at least one.
    """

    def __init__(self, rows: Sequence[SweepRow]) -> None:
        self._rows = rows

    @cached_property
    def bases(self) -> dict[str, str]:
        """Each base model as it was named -> what it is called in a figure."""
        named = list(dict.fromkeys(row.base for row in self._rows if row.base is not None))
        return dict(zip(named, distinct_names([Path(base.replace("\0", "")) for base in named]), strict=True))

    @cached_property
    def retrained(self) -> list[str]:
        """What was retrained in any base, beginning with nothing and ending with all."""
        return sorted({row.retrained for row in self._rows if row.base is not None}, key=_order)

    @cached_property
    def fractions(self) -> list[float]:
        """The parts of the target text that were trained on, the largest first."""
        trained = {row.fraction for row in self._rows if row.kind != "untouched"}
        return sorted(trained or {row.fraction for row in self._rows}, reverse=True)

    @cached_property
    def seeds(self) -> int:
        """The most random seeds that a mean is taken over."""
        return max(row.seeds for row in self._rows)

    def train_chars(self, fraction: float) -> int:
        """Return the characters of a part of the target text."""
        return max(row.train_chars for row in self._rows if row.fraction == fraction)

    def row(self, base: str, retrained: str, fraction: float) -> SweepRow | None:
        """Return the row of a base; None where it was not run."""
        of_base = (row for row in self._rows if row.base == base and row.retrained == retrained)
        return next((row for row in of_base if row.fraction == fraction), None)

    def untouched(self, base: str) -> SweepRow | None:
        """Return the row of a base as it is, whose loss depends on no amount of text."""
        return next((row for row in self._rows if row.base == base and row.kind == "untouched"), None)

    def scratch(self, fraction: float) -> list[SweepRow]:
        """Return the rows of models that were trained on the target alone, the smallest first."""
        rows = [row for row in self._rows if row.kind == "scratch" and row.fraction == fraction]
        return sorted(rows, key=lambda row: row.parameters)

    def best_scratch(self, fraction: float) -> SweepRow | None:
        """Return the row of the scratch model with the best validation loss."""
        return min(self.scratch(fraction), key=_validation_loss, default=None)

    def best_transfer(self, base: str, fraction: float) -> SweepRow | None:
        """Return the row of the transfer from a base with the best validation loss."""
        rows = (row for row in self._rows if row.base == base and row.kind == "transfer" and row.fraction == fraction)
        return min(rows, key=_validation_loss, default=None)


def can_be_drawn(row: SweepRow) -> bool:
    """Tell whether a row that was read is one that a sweep may have written."""
    losses = (row.valid_nats_per_char, row.test_nats_per_char, row.test_nats_per_char_std or 0.0)
    return (
        (row.base is None) == (row.kind == "scratch")
        and (row.retrained == "untouched") == (row.kind == "untouched")
        and 0 < row.fraction <= 1
        and 0 < row.train_chars <= MOST_CHARS
        and 0 < row.seeds <= MOST_SEEDS
        and all(0 <= loss <= MOST_NATS for loss in losses)
        and 0 <= (row.ratio_to_scratch or 0.0) <= MOST_RATIO
    )


def label_of(retrained: str) -> str:
    """Return what a figure calls the layers that were retrained."""
    return LABELS.get(retrained) or readable(retrained, LONGEST_LABEL)


def size_of(scratch: SweepRow) -> str:
    """Return what a figure calls the size of a model that was trained from scratch."""
    return label_of(scratch.retrained.removeprefix("scratch "))


def _validation_loss(row: SweepRow) -> float:
    return row.valid_nats_per_char


def _order(retrained: str) -> tuple[int, int, str]:
    """Return what sorts subsets of layers: few before many, all last, then what is no subset."""
    if retrained in ("untouched", "none", "all"):
        return {"untouched": 0, "none": 1, "all": 3}[retrained], 0, ""
    layers = retrained.split(",")
    if all(layer.isdecimal() for layer in layers):
        return 2, len(layers), ",".join(layer.rjust(4) for layer in layers)
    return 4, 0, retrained
