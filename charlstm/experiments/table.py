"""From the results of trials to the rows of the table."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from charlstm.errors import ModelError
from charlstm.experiments.bootstrap import PairedBootstrap, Ratio
from charlstm.experiments.plan import Trial, trials_of
from charlstm.store.sweep_file import SweepFile
from charlstm.store.sweep_results import SweepRow
from charlstm.store.trial_result import TrialResult

# Resampling fewer documents says nothing of how losses vary between documents.
LEAST_DOCUMENTS = 2


@dataclass(frozen=True)
class Table:
    """What a sweep found.

    Attributes:
        rows: for each fraction, the largest first: the bases in their order with what is retrained of each, the fewest
            layers first; then the models from scratch, the smallest first.
        documents: of the test text.
        ended_by: for each reason why trainings ended, how many models from scratch and how many others it ended.
        bootstrap: compares the test losses of any two rows, by their places; None with too few documents.
        layers_of: how many LSTM layers each base has.
        drops_symbols: whether a base's texts lack the symbols that it never saw.
    """

    rows: tuple[SweepRow, ...]
    documents: int
    ended_by: Mapping[str, tuple[int, int]]
    bootstrap: PairedBootstrap | None
    layers_of: Mapping[str, int]
    drops_symbols: bool

    def ratio(self, row: SweepRow, reference: SweepRow) -> Ratio | None:
        """Return the test loss of one row over that of another; None with too few documents for an interval."""
        if self.bootstrap is None:
            return None
        return self.bootstrap.ratio(self.rows.index(row), self.rows.index(reference))


def table_of(
    sweep: SweepFile, results: Mapping[str, TrialResult], characters: Mapping[float, int], *, padded: bool
) -> Table:
    """Return the table of a sweep whose trials are all finished.

    Args:
        sweep: the sweep.
        results: of its trials, by their names.
        characters: of the part of the training text for each fraction.
        padded: whether the padded loss is reported too.

    Raises:
        ModelError: results that cannot be of one sweep.
    """
    documents = {len(result.test_nats) for result in results.values()}
    if len(documents) > 1:
        raise ModelError(
            f"the results are of {' and '.join(map(str, sorted(documents)))} test documents, not of one text"
        )
    groups = _groups(sweep)
    found = [[results[trial.name] for trial in trials] for _, trials in groups]
    # A loss of a row is the mean of its seeds': so is what it pays for each document.
    nats = np.array([np.mean([each.test_nats for each in of_row], axis=0) for of_row in found])
    chars = np.array([of_row[0].test_chars for of_row in found])
    bootstrap = PairedBootstrap(nats, chars) if nats.shape[1] >= LEAST_DOCUMENTS else None
    rows = [
        _row(sweep, trials[0], fraction, of_row, characters[fraction], padded=padded)
        for (fraction, trials), of_row in zip(groups, found, strict=True)
    ]
    best = {fraction: best_scratch(rows, fraction) for fraction in sweep.fractions}
    places = {fraction: rows.index(row) for fraction, row in best.items() if row is not None}
    compared = [
        _compared(row, place, rows, places[row.fraction], bootstrap) if row.fraction in places else row
        for place, row in enumerate(rows)
    ]
    layers_of = {base.path: len(base.units) for base in sweep.bases}
    drops_symbols = sweep.new_symbols == "drop"
    return Table(tuple(compared), documents.pop(), _ended_by(sweep, results), bootstrap, layers_of, drops_symbols)


def _groups(sweep: SweepFile) -> list[tuple[float, list[Trial]]]:
    """Return, in the order of the rows, the fraction and the trials of each."""
    trials = trials_of(sweep)
    bases = [base.label for base in sweep.bases]

    def place(trial: Trial) -> tuple[int, int, int, tuple[int, ...]]:
        """Return what sorts rows of one fraction."""
        if trial.base is None:
            return len(bases), max(trial.units), len(trial.units), ()
        order = {"untouched": 0, "transfer": 1}[trial.kind]
        return bases.index(trial.base), order, len(trial.layers or ()), trial.layers or ()

    groups: list[tuple[float, list[Trial]]] = []
    for fraction in sweep.fractions:
        # A base that is untouched depends on no fraction; it is compared with what each of them gave.
        of_fraction = [trial for trial in trials if trial.kind == "untouched" or trial.fraction == fraction]
        by_group: dict[tuple[str | None, str], list[Trial]] = {}
        for trial in sorted(of_fraction, key=place):
            by_group.setdefault(trial.group, []).append(trial)
        groups += [(fraction, of_group) for of_group in by_group.values()]
    return groups


def _row(
    sweep: SweepFile, trial: Trial, fraction: float, results: Sequence[TrialResult], characters: int, *, padded: bool
) -> SweepRow:
    """Return the row of some trials that differ in nothing but their random seed, not compared with others yet."""
    valid = [result.valid_nats_per_char for result in results]
    test = [result.test_nats_per_char for result in results]
    paths = {base.label: base.path for base in sweep.bases}
    return SweepRow(
        base=None if trial.base is None else paths[trial.base],
        retrained=trial.retrained,
        kind=trial.kind,
        fraction=fraction,
        train_chars=characters,
        seeds=len(results),
        valid_nats_per_char=statistics.fmean(valid),
        valid_nats_per_char_std=_deviation(valid),
        test_nats_per_char=statistics.fmean(test),
        test_nats_per_char_std=_deviation(test),
        bits_per_char=statistics.fmean(test) / math.log(2),
        padded_nats_per_char=statistics.fmean(result.padded_nats_per_char for result in results) if padded else None,
        trained_parameters=results[0].trained_parameters,
        parameters=results[0].parameters,
        epochs=statistics.fmean(result.epochs for result in results),
        training_seconds=statistics.fmean(result.training_seconds for result in results),
        train_valid_gap_nats=statistics.fmean(
            result.valid_nats_per_char - result.train_nats_per_char for result in results
        ),
        ratio_to_scratch=None,
        ratio_low=None,
        ratio_high=None,
    )


def _compared(
    row: SweepRow, place: int, rows: Sequence[SweepRow], best: int, bootstrap: PairedBootstrap | None
) -> SweepRow:
    """Return a row with its ratio to the best scratch model of its fraction; both also by their places."""
    if bootstrap is None:
        return replace(row, ratio_to_scratch=row.test_nats_per_char / rows[best].test_nats_per_char)
    ratio = bootstrap.ratio(place, best)
    return replace(row, ratio_to_scratch=ratio.value, ratio_low=ratio.low, ratio_high=ratio.high)


def best_scratch(rows: Sequence[SweepRow], fraction: float) -> SweepRow | None:
    """Return the model from scratch with the least validation loss, None where there is none."""
    candidates = [row for row in rows if row.kind == "scratch" and row.fraction == fraction]
    return min(candidates, key=lambda row: row.valid_nats_per_char, default=None)


def _deviation(values: Sequence[float]) -> float | None:
    return statistics.stdev(values) if len(values) > 1 else None


def _ended_by(sweep: SweepFile, results: Mapping[str, TrialResult]) -> dict[str, tuple[int, int]]:
    counts: dict[str, list[int]] = {}
    for trial in trials_of(sweep):
        if trial.kind != "untouched":
            counts.setdefault(results[trial.name].stopped_by, [0, 0])[trial.kind == "transfer"] += 1
    return {reason: (scratch, transfers) for reason, (scratch, transfers) in counts.items()}
