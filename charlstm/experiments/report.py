"""report.md: the table of a sweep with its figures, what it says in words, and the commands behind it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from charlstm.experiments.findings import best_transfer, findings
from charlstm.experiments.paths import base_path, dataset_path, model_path
from charlstm.experiments.plan import Trial, trials_of
from charlstm.experiments.settings import training_of
from charlstm.experiments.table import Table, best_scratch
from charlstm.plotting.figure_file import write_figure
from charlstm.plotting.subject import MOST_ROWS, sweep_subject
from charlstm.store import atomic
from charlstm.store.sweep_file import SweepFile
from charlstm.store.sweep_results import RESULTS_FILE, SweepRow, write_results

REPORT = "report.md"

CONVENTIONS = """\
Losses are nats per character of the target's test text, without dropout, means over random seeds; ± is the standard
deviation between seeds. Validation loss chose the weights of each model, the best transfer and the best model from
scratch; the test text only judges. A ratio is a test loss over that of the best model from scratch at the same amount
of text, with a 95 % interval from resampling the test documents, the same for both: where it leaves out 1, the
difference is more than the choice of documents explains. What random seeds explain is what means stay within in 95 % of
cases, by Tukey's studentized range. The gap is validation loss less training loss."""
ANEW = """
What no option says is chosen anew for each amount of text: batch size, sequence length, dropout, weight drop, learning
rate, epochs and patience."""
PADDED = """
"Padded" is the convention of papers that average over padding too, each document padded to the longest; here padding
costs nothing, and a document is read after those before it. It is no measure of how well text is predicted, and only
compares with such papers."""

TOO_MANY = f"A table of more than {MOST_ROWS} rows has no figures."


def write_report(out: Path, sweep: SweepFile, table: Table) -> None:
    """Write results.csv, the figures and report.md into the directory of a sweep."""
    rows = table.rows
    write_results(out / RESULTS_FILE, rows)
    figures = sweep_subject(rows).figures if len(rows) <= MOST_ROWS else {}
    files = {f"{name}.png": draw for name, draw in figures.items()}
    for file, draw in files.items():
        write_figure(draw(), out / file)
    atomic.write_bytes(out / REPORT, report_of(out, sweep, table, list(files)).encode("utf-8", "replace"))


def report_of(out: Path, sweep: SweepFile, table: Table, figures: Sequence[str]) -> str:
    """Return the report in Markdown.

    Args:
        out: the sweep's directory.
        sweep: what was asked for.
        table: what was found.
        figures: names of the files beside the report that hold figures.
    """
    parts = [
        "# What to retrain",
        " ".join([*findings(table), *([] if figures else [TOO_MANY])]),
        *(tables_of(sweep, table)),
        CONVENTIONS
        + (ANEW if len(sweep.fractions) > 1 else "")
        + (PADDED if table.rows[0].padded_nats_per_char is not None else ""),
        *(f"![{Path(name).stem}]({name})" for name in figures),
        "## Commands",
        "```sh\n" + "\n".join(_commands(out, sweep, table)) + "\n```",
    ]
    return "\n\n".join(parts) + "\n"


def tables_of(sweep: SweepFile, table: Table) -> list[str]:
    """Return for each fraction a heading and a table: first all bases beside each other, then each in detail."""
    parts = []
    for fraction in sweep.fractions:
        rows = [row for row in table.rows if row.fraction == fraction]
        parts.append(f"## {rows[0].train_chars:,} characters to learn from")
        if len(sweep.bases) > 1:
            parts.append(_markdown(*side_by_side(rows)))
        parts.append(_markdown(*details(rows)))
    return parts


def details(rows: Sequence[SweepRow]) -> tuple[list[str], list[list[str]]]:
    """Return the columns and cells of a table of all that is known of some rows."""
    bases = {row.base for row in rows} - {None}
    is_padded = any(row.padded_nats_per_char is not None for row in rows)
    has_ratio = any(row.ratio_to_scratch is not None for row in rows)
    columns = [
        *(["base"] if len(bases) > 1 else []),
        *["retrained", "validation", "test", "bits/char"],
        *(["padded"] if is_padded else []),
        *["trained", "epochs", "seconds", "gap"],
        *(["ratio (95 %)"] if has_ratio else []),
    ]
    cells = [
        [
            *([row.base or "-"] if len(bases) > 1 else []),
            row.retrained,
            _mean(row.valid_nats_per_char, row.valid_nats_per_char_std),
            _mean(row.test_nats_per_char, row.test_nats_per_char_std),
            f"{row.bits_per_char:.3f}",
            *([f"{row.padded_nats_per_char:.3f}"] if row.padded_nats_per_char is not None else []),
            f"{row.trained_parameters:,}",
            f"{row.epochs:.1f}",
            f"{row.training_seconds:.1f}",
            f"{row.train_valid_gap_nats:+.3f}",
            *([_ratio(row)] if has_ratio else []),
        ]
        for row in rows
    ]
    return columns, cells


def side_by_side(rows: Sequence[SweepRow]) -> tuple[list[str], list[list[str]]]:
    """Return the columns and cells of a table with a column for each base: validation and test loss."""
    bases = list(dict.fromkeys(row.base for row in rows if row.base is not None))
    found = {(row.retrained, row.base): row for row in rows}
    cells = []
    for retrained in dict.fromkeys(row.retrained for row in rows if row.base is not None):
        of_bases = [found.get((retrained, base)) for base in bases]
        cells.append([retrained, *("-" if row is None else _losses(row) for row in of_bases)])
    scratch = best_scratch(rows, rows[0].fraction)
    if scratch is not None:
        cells.append([f"best {scratch.retrained}", *(_losses(scratch) for _ in bases)])
    return ["retrained", *(f"{base}: validation / test" for base in bases)], cells


def _commands(out: Path, sweep: SweepFile, table: Table) -> list[str]:
    """Return the commands that made the sweep, go on with it, and use its best transfer."""
    # Whether to report the padded loss is said anew each time.
    padded = [] if table.rows[0].padded_nats_per_char is None else ["--padded-loss"]
    begun = [part for part in shlex.split(sweep.command) if part != "--padded-loss"] + padded
    again = shlex.join(["charlstm", "sweep", "--resume", "-o", str(out), *padded])
    lines = [shlex.join(begun), f"{again}  # go on, or print the table again"]
    best = best_transfer([row for row in table.rows if row.fraction == max(sweep.fractions)])
    if best is None:
        return lines
    labels = {base.path: base.label for base in sweep.bases}
    trial = next(
        trial
        for trial in trials_of(sweep)
        if trial.group == (labels[str(best.base)], best.retrained) and trial.fraction == best.fraction
    )
    by_hand = ["transfer", str(dataset_path(out, trial.fraction)), "-m", str(base_path(out, str(trial.base)))]
    by_hand += ["--retrain", best.retrained, "--random-seed", str(trial.random_seed), *_given(sweep, trial)]
    return [
        *lines,
        f"charlstm {shlex.join(by_hand)}  # the best transfer by hand, its first seed",
        f"charlstm {shlex.join(['sample', '-m', str(model_path(out, trial))])}",
    ]


def _given(sweep: SweepFile, trial: Trial) -> list[str]:
    """Return the options of a transfer of the sweep as they are given on a command line."""
    trained = {name: sweep.training[name] for name in training_of(sweep, trial, 0) if name in sweep.training}
    given = {"preset": sweep.preset, "new_symbols": sweep.new_symbols, **trained}
    if sweep.dropout is not None:
        given["dropout"] = ",".join(f"{rate:g}" for rate in sweep.dropout)
    options = [part for name, value in given.items() for part in _option("--" + name.replace("_", "-"), value)]
    return [*options, *(["--freeze-head"] if sweep.freeze_head else [])]


def _option(name: str, value: Any) -> list[str]:
    if value is True:
        return [name]
    return [name, ",".join(map(str, value)) if isinstance(value, list) else str(value)]


def _markdown(columns: Sequence[str], cells: Sequence[Sequence[str]]) -> str:
    rule = ["---", *["---:"] * (len(columns) - 1)]
    return "\n".join(f"| {' | '.join(_escaped(cell) for cell in line)} |" for line in (columns, rule, *cells))


def _escaped(cell: str) -> str:
    return cell.replace("|", "\\|").replace("\n", " ")


def _losses(row: SweepRow) -> str:
    return f"{row.valid_nats_per_char:.3f} / {row.test_nats_per_char:.3f}"


def _mean(value: float, deviation: float | None) -> str:
    return f"{value:.3f}" + ("" if deviation is None else f" ± {deviation:.3f}")


def _ratio(row: SweepRow) -> str:
    if row.ratio_to_scratch is None:
        return "-"
    if row.ratio_low is None or row.ratio_high is None:
        return f"{row.ratio_to_scratch:.3f}"
    return f"{row.ratio_to_scratch:.3f} ({row.ratio_low:.3f}-{row.ratio_high:.3f})"
