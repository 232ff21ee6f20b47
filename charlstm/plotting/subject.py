"""What is to be drawn: the trainings of models, or a sweep."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from charlstm.data.vocabulary import Vocabulary
from charlstm.errors import DataError, ModelError, OptionError
from charlstm.plotting import learning_curves, sweep, sweep_bars, sweep_fractions, sweep_heat_map
from charlstm.plotting.names import distinct_names
from charlstm.plotting.style import MOST_LOOKS
from charlstm.plotting.sweep_table import SweepTable, can_be_drawn
from charlstm.store.checkpoints import newest_history
from charlstm.store.history import Evaluation, read_history
from charlstm.store.json_file import read_json
from charlstm.store.model_directory import CONFIG, HISTORY, VOCABULARY, read_config
from charlstm.store.run_file import RUN
from charlstm.store.sweep_file import SWEEP
from charlstm.store.sweep_results import RESULTS_FILE, SweepRow, read_results

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# A figure grows with what it holds, and Matplotlib's images end at 65,535 dots.
MOST_ROWS = 400


@dataclass(frozen=True)
class Subject:
    """What figures show.

    Attributes:
        figures: name of a figure -> what draws it.
        text: draws a small version in Unicode characters, of a width in columns.
    """

    figures: Mapping[str, Callable[[], Figure]]
    text: Callable[[int], str]


def read_subject(paths: Sequence[Path]) -> Subject:
    """Read what directories hold that can be drawn.

    Args:
        paths: model directories and runs that are not finished yet, or one sweep directory; at least one.

    Raises:
        DataError: a dataset directory.
        ModelError: a path is none of these, cannot be read, or has nothing to draw yet.
        OptionError: a sweep beside something else, too many models, or models of characters beside models of words.
    """
    paths = list(dict.fromkeys(paths))
    sweeps = [path for path in paths if _is_sweep(path)]
    if sweeps and len(paths) > 1:
        raise OptionError(f"{sweeps[0]} is a sweep, which is drawn alone: leave the other paths out")
    if sweeps:
        return sweep_subject(_rows_of(sweeps[0]))
    if len(paths) > MOST_LOOKS:
        raise OptionError(f"{len(paths):,} models are too many for one figure: give at most {MOST_LOOKS}")
    histories = dict(zip(distinct_names(paths), map(_history_of, paths), strict=True))
    symbols = {path: _symbol_of(path) for path in paths}
    symbol = symbols[paths[0]]
    if other := next((path for path in paths if symbols[path] != symbol), None):
        raise OptionError(f"{paths[0]} is of {symbol}s and {other} of {symbols[other]}s: their losses do not compare")
    return Subject(
        figures={"learning-curves": lambda: learning_curves.figure_of(histories, symbol)},
        text=lambda width: learning_curves.text_of(histories, width, symbol),
    )


def sweep_subject(rows: Sequence[SweepRow]) -> Subject:
    """Return what is to be drawn of the rows of a sweep, at least one."""
    table = SweepTable(rows)
    figures = {"subsets": lambda: sweep_bars.figure_of(table)}
    if table.bases:
        figures["heat-map"] = lambda: sweep_heat_map.figure_of(table)
    if len(table.fractions) > 1:
        figures["fractions"] = lambda: sweep_fractions.figure_of(table)
    return Subject(figures, lambda width: sweep.text_of(table, width))


def _is_sweep(path: Path) -> bool:
    return any((path / file).exists() for file in (RESULTS_FILE, SWEEP)) and not (path / CONFIG).exists()


def _rows_of(path: Path) -> list[SweepRow]:
    """Return the rows of a sweep, of which a file from a stranger may hold anything."""
    if not (path / RESULTS_FILE).exists():
        raise ModelError(f"{path} is a sweep that is not finished: charlstm sweep --resume -o {path} goes on with it")
    rows = read_results(path / RESULTS_FILE)
    if not rows:
        raise ModelError(f"{path} has no results yet, so there is nothing to draw")
    if len(rows) > MOST_ROWS:
        raise ModelError(f"{path / RESULTS_FILE} has {len(rows):,} rows; at most {MOST_ROWS} can be drawn")
    for number, row in enumerate(rows, start=2):
        if not can_be_drawn(row):
            raise ModelError(f"{path / RESULTS_FILE}, line {number}: the numbers are not those of a training")
    return rows


def _symbol_of(path: Path) -> str:
    """Return what a symbol of a model is: "character" or "word"."""
    file = path / VOCABULARY
    return Vocabulary.from_json(read_json(file, ModelError), ModelError).unit if file.exists() else "character"


def _history_of(path: Path) -> list[Evaluation]:
    """Return the evaluations of a model, or of its run so far."""
    is_unfinished = not (path / CONFIG).exists() and (path / RUN).exists()
    if not is_unfinished and (path / "dataset.json").exists():
        raise DataError(f"{path} is a dataset, of which there is nothing to draw: give the model trained on it")
    if is_unfinished:
        history = newest_history(path)
    else:
        read_config(path)
        history = read_history(path / HISTORY)
        # A run may go on behind the model that an earlier part of it left.
        with contextlib.suppress(ModelError):
            history = max(history, newest_history(path), key=len)
    if not learning_curves.has_losses(history):
        raise ModelError(f"{path} has no evaluation yet, so there is nothing to draw")
    return history
