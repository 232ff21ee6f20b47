"""The heat map of a sweep: test loss relative to the best scratch model, by retrained layers and amount of text."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from charlstm.plotting.style import WIDTH, new_figure, styled
from charlstm.plotting.sweep_table import LAYERS_LABEL, TEST_LOSS, SweepTable, label_of
from charlstm.store.sweep_results import SweepRow

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable
    from matplotlib.figure import Figure

# Inches: of a cell, and of what stands beside all of them.
CELL_HEIGHT, LEAST_CELL_WIDTH, MOST_CELL_WIDTH, BESIDE_CELLS = 0.36, 0.44, 1.1, 2.4
NARROWEST = 4.5
# Inches that the labels beside the cells and the colours need.
LEAST_HEIGHT = 3.2
CHARACTERS_AN_INCH = 14
FONT, SMALL_FONT = 8, 7
# The least difference from 1 that has the full colour, so that noise does not look like a result.
LEAST_RANGE = 0.02
# How much red, green and blue add to the lightness of a colour (ITU-R BT.601).
LIGHTNESS = np.array([0.299, 0.587, 0.114])


@dataclass(frozen=True)
class Panel:
    """One grid of cells.

    Attributes:
        title: the base, where several bases have a panel each.
        columns: what stands below the columns.
        cells: for each subset of layers the row of the sweep in each column, None where it was not run.
    """

    title: str
    columns: list[str]
    cells: list[list[SweepRow | None]]


@styled()
def figure_of(table: SweepTable) -> Figure:
    """Return the ratios to the best scratch model, or the test losses of a sweep without one.

    Rows are retrained layers; columns are amounts of text, in a panel for each base, or bases where there is only one
    amount.
    """
    panels = _panels(table)
    count = sum(len(panel.columns) for panel in panels)
    cell_width = min(MOST_CELL_WIDTH, max(LEAST_CELL_WIDTH, (WIDTH - BESIDE_CELLS) / count))
    height = max(LEAST_HEIGHT, 1.3 + CELL_HEIGHT * len(table.retrained))
    figure = new_figure(height, max(NARROWEST, BESIDE_CELLS + cell_width * count))
    widths = [len(panel.columns) for panel in panels]
    grid = figure.subplots(1, len(panels), sharey=True, squeeze=False, width_ratios=widths)
    value_of, colours = _scale([row for panel in panels for cells in panel.cells for row in cells if row is not None])
    for axes, panel in zip(grid[0], panels, strict=True):
        _draw_panel(axes, panel, value_of, colours, cell_width)
    first = grid[0][0]
    first.set_yticks([n + 0.5 for n in range(len(table.retrained))], [label_of(each) for each in table.retrained])
    first.set_ylabel(LAYERS_LABEL)
    first.invert_yaxis()
    is_ratio = value_of is _ratio
    figure.suptitle(
        "Test loss relative to the best model from scratch" if is_ratio else "Test loss", x=0.02, ha="left", fontsize=10
    )
    figure.supxlabel("target text trained on (characters)" if len(table.fractions) > 1 else "base model", fontsize=8.5)
    bar = figure.colorbar(colours, ax=list(grid[0]), pad=0.02)
    bar.set_label("ratio of test losses (below 1: transfer is better)" if is_ratio else TEST_LOSS)
    bar.outline.set_visible(False)
    return figure


def _panels(table: SweepTable) -> list[Panel]:
    if len(table.fractions) == 1:
        (fraction,) = table.fractions
        cells = [[table.row(base, each, fraction) for base in table.bases] for each in table.retrained]
        return [Panel("", list(table.bases.values()), cells)]
    columns = [
        f"{table.train_chars(fraction):,}\n{100 * fraction:.3g}\N{NO-BREAK SPACE}%" for fraction in table.fractions
    ]
    return [
        Panel(
            name if len(table.bases) > 1 else "",
            columns,
            [[table.row(base, each, fraction) for fraction in table.fractions] for each in table.retrained],
        )
        for base, name in table.bases.items()
    ]


def _draw_panel(
    axes: Axes, panel: Panel, value_of: Callable[[SweepRow], float], colours: ScalarMappable, cell_width: float
) -> None:
    font = SMALL_FONT if cell_width < 2 * LEAST_CELL_WIDTH else FONT
    values = [[math.nan if row is None else value_of(row) for row in cells] for cells in panel.cells]
    axes.pcolormesh(values, cmap=colours.cmap, norm=colours.norm, edgecolors="white", linewidth=1.5)  # type: ignore[arg-type]
    for y, in_row in enumerate(values):
        for x, (value, colour) in enumerate(zip(in_row, colours.to_rgba(np.array(in_row)), strict=True)):
            shown = "\N{EN DASH}" if math.isnan(value) else f"{value:.3f}"
            is_dark = not math.isnan(value) and colour[:3] @ LIGHTNESS < 0.5
            ink = "white" if is_dark else "black"
            axes.text(x + 0.5, y + 0.5, shown, ha="center", va="center", color=ink, fontsize=font)
    width = max(6, int(cell_width * CHARACTERS_AN_INCH))
    labels = ["\n".join(textwrap.fill(line, width) for line in column.split("\n")) for column in panel.columns]
    axes.set_xticks([n + 0.5 for n in range(len(labels))], labels, fontsize=font)
    axes.set_title(textwrap.fill(panel.title, width * len(labels)), fontsize=FONT, loc="center")
    axes.tick_params(length=0)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)


def _scale(rows: Sequence[SweepRow]) -> tuple[Callable[[SweepRow], float], ScalarMappable]:
    """Return what is shown of a row, and its colours: blue below 1, white at 1 and red above, or light to dark."""
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    ratios = [row.ratio_to_scratch for row in rows if row.ratio_to_scratch is not None]
    if ratios:
        reach = max(LEAST_RANGE, *(abs(ratio - 1) for ratio in ratios))
        return _ratio, ScalarMappable(Normalize(1 - reach, 1 + reach), colormaps["RdBu_r"])
    losses = [row.test_nats_per_char for row in rows]
    return _loss, ScalarMappable(Normalize(min(losses, default=0), max(losses, default=1)), colormaps["cividis"])


def _ratio(row: SweepRow) -> float:
    return math.nan if row.ratio_to_scratch is None else row.ratio_to_scratch


def _loss(row: SweepRow) -> float:
    return row.test_nats_per_char
