"""What a sweep found, as three figures and as text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from charlstm.plotting.figure_file import write_figure
from charlstm.plotting.style import in_units
from charlstm.plotting.sweep_bars import bars_of
from charlstm.plotting.sweep_bars import figure_of as subsets_figure
from charlstm.plotting.sweep_fractions import figure_of as fractions_figure
from charlstm.plotting.sweep_fractions import lines_of, x_label
from charlstm.plotting.sweep_heat_map import figure_of as heat_map_figure
from charlstm.plotting.sweep_table import TEST_LOSS, SweepTable
from charlstm.plotting.terminal import Curve, Value, draw_curves, draw_values
from charlstm.store.sweep_results import SweepRow


def draw_subsets(rows: Sequence[SweepRow], path: Path) -> None:
    """Draw the test losses by retrained layers into a .png or .svg file, as bars with error bars.

    Args:
        rows: of a sweep, at least one; of several amounts of text, the largest is drawn.
        path: the file.

    Raises:
        OptionError: the file's name ends neither in .png nor in .svg.
    """
    write_figure(subsets_figure(SweepTable(rows)), path)


def draw_heat_map(rows: Sequence[SweepRow], path: Path) -> None:
    """Draw the test losses relative to the best scratch model's, by retrained layers and amount of text or base.

    Args:
        rows: of a sweep, at least one.
        path: the .png or .svg file.

    Raises:
        OptionError: the file's name ends neither in .png nor in .svg.
    """
    write_figure(heat_map_figure(SweepTable(rows)), path)


def draw_fractions(rows: Sequence[SweepRow], path: Path) -> None:
    """Draw the test losses against the amount of target text, transferred and from scratch.

    Args:
        rows: of a sweep, at least one.
        path: the .png or .svg file.

    Raises:
        OptionError: the file's name ends neither in .png nor in .svg.
    """
    write_figure(fractions_figure(SweepTable(rows)), path)


def text_of(table: SweepTable, width: int) -> str:
    """Return the losses by retrained layers, and against the amount of text if there are several, in Unicode."""
    names = list(table.bases.values())
    values = []
    for bar in bars_of(table):
        of_base = f", {names[bar.base]}" if bar.base is not None and len(names) > 1 else ""
        values.append(Value(bar.group + of_base, bar.row.test_nats_per_char, bar.row.test_nats_per_char_std))
    text = draw_values(values, TEST_LOSS, width)
    if len(table.fractions) == 1 or not (lines := lines_of(table)):
        return text
    divisor, unit = in_units(table.train_chars(table.fractions[0]))
    curves = [
        Curve(
            line.name,
            [row.train_chars / divisor for row in line.rows],
            [row.test_nats_per_char for row in line.rows],
            is_dashed=line.base is None,
        )
        for line in lines
    ]
    return f"{text}\n\n{draw_curves(curves, x_label(unit), TEST_LOSS, width)}"
