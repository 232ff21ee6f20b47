"""Made-up sweeps, results and rows for the tests of experiments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from charlstm.experiments.bootstrap import Ratio
from charlstm.experiments.table import Table
from charlstm.store.sweep_file import SweepBase, SweepFile
from charlstm.store.sweep_results import Kind, SweepRow
from charlstm.store.trial_result import TrialResult

BASE = SweepBase("books", "models/books", "0" * 64, (8, 8, 8))


def sweep_file(**changes: Any) -> SweepFile:
    """Return a sweep of one base with three layers, changed in some fields."""
    given: dict[str, Any] = {
        "command": "charlstm sweep",
        "texts": ("poems",),
        "fingerprint": "f",
        "bases": (BASE,),
        "subsets": ("0", "untouched"),
        "scratch": False,
        "scratch_units": (8,),
        "scratch_layers": (1,),
        "seeds": 2,
        "fractions": (1.0,),
        "freeze_head": False,
        "new_symbols": "extend",
        "preset": "default",
        "dropout": None,
        "training": {"precision": "float32"},
    }
    return SweepFile(**{**given, **changes})


def result(test_nats: Sequence[float], *, valid: float = 2.0, train: float = 1.5, **changes: Any) -> TrialResult:
    """Return the result of a trial whose test documents have ten symbols each."""
    given: dict[str, Any] = {
        "train_nats_per_char": train,
        "valid_nats_per_char": valid,
        "test_nats": tuple(test_nats),
        "test_chars": (10,) * len(test_nats),
        "padded_nats_per_char": 1.0,
        "parameters": 20,
        "trained_parameters": 10,
        "epochs": 4.0,
        "training_seconds": 2.0,
        "stopped_by": "patience",
    }
    return TrialResult(**{**given, **changes})


def row(retrained: str, test: float, **changes: Any) -> SweepRow:
    """Return a row with a test loss, the validation loss 0.1 less, and three random seeds."""
    kind: Kind = "scratch" if retrained.startswith("scratch") else "transfer"
    if retrained == "untouched":
        kind = "untouched"
    given: dict[str, Any] = {
        "base": None if kind == "scratch" else "books",
        "retrained": retrained,
        "kind": kind,
        "fraction": 1.0,
        "train_chars": 50_000,
        "seeds": 3,
        "valid_nats_per_char": test - 0.1,
        "valid_nats_per_char_std": 0.01,
        "test_nats_per_char": test,
        "test_nats_per_char_std": 0.01,
        "bits_per_char": 1.4427 * test,
        "padded_nats_per_char": None,
        "trained_parameters": 10,
        "parameters": 20,
        "epochs": 4.0,
        "training_seconds": 2.0,
        "train_valid_gap_nats": 0.2,
        "ratio_to_scratch": None,
        "ratio_low": None,
        "ratio_high": None,
    }
    return SweepRow(**{**given, **changes})


def table(rows: Sequence[SweepRow], documents: int, ended_by: Mapping[str, tuple[int, int]]) -> Table:
    """Return a table of rows that nothing compares."""
    return Table(tuple(rows), documents, ended_by, None, {"books": 3}, drops_symbols=False)


def within(margin: float) -> Any:
    """Return what compares two rows, with an interval that reaches so far to both sides of the ratio."""

    def compare(one: SweepRow, other: SweepRow) -> Ratio:
        value = one.test_nats_per_char / other.test_nats_per_char
        return Ratio(value, value - margin, value + margin)

    return compare
