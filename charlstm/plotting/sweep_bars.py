"""The bars of a sweep: test loss by retrained layers, hanging from the loss of the best scratch model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from charlstm.plotting.style import DASHED, GREY, add_legend, colour_of, hatch_of, new_figure, styled
from charlstm.plotting.sweep_table import LAYERS_LABEL, TEST_LOSS, SweepTable, label_of, size_of
from charlstm.store.sweep_results import SweepRow

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Inches from bar to bar, and the room between two groups in the height of a bar.
BAR_HEIGHT, GAP = 0.2, 0.4
# Inches that the label beside the axes needs.
LEAST_HEIGHT = 2.9


@dataclass(frozen=True)
class Bar:
    """A row of the sweep as a bar.

    Attributes:
        group: what was retrained, as the figure calls it.
        row: the row.
        base: the number of its base; None for a scratch model.
    """

    group: str
    row: SweepRow
    base: int | None


def bars_of(table: SweepTable) -> list[Bar]:
    """Return the bars from the top: what was retrained, each in all bases, then the scratch models."""
    fraction = table.fractions[0]
    bars = []
    for retrained in table.retrained:
        for number, base in enumerate(table.bases):
            row = table.untouched(base) if retrained == "untouched" else table.row(base, retrained, fraction)
            if row is not None:
                bars.append(Bar(label_of(retrained), row, number))
    return bars + [Bar(label_of(row.retrained), row, None) for row in table.scratch(fraction)]


@styled()
def figure_of(table: SweepTable) -> Figure:
    """Return the test losses with the largest amount of text.

    A bar begins at the loss of the best scratch model (or of the base as it was, where there is none), so that its
    length is what the training gained or lost: differences of hundredths of a nat could not be seen from zero.
    """
    bars = bars_of(table)
    positions = _positions(bars)
    figure = new_figure(max(LEAST_HEIGHT, 1.1 + BAR_HEIGHT * (positions[-1] + 1)))
    axes = figure.add_subplot()
    start, start_label = _start(table)
    for bar, position in zip(bars, positions, strict=True):
        _draw_bar(axes, bar, position, start)
    axes.axvline(start, color="black", linewidth=1, linestyle=DASHED)
    axes.set_title("Test loss by retrained layers")
    axes.set_xlabel(_x_label(table))
    axes.set_ylabel(LAYERS_LABEL)
    groups = {
        bar.group: [p for each, p in zip(bars, positions, strict=True) if each.group == bar.group] for bar in bars
    }
    axes.set_yticks([sum(of_group) / len(of_group) for of_group in groups.values()], list(groups))
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.set_ylim(positions[-1] + 0.8, -0.8)
    axes.margins(x=0.04)
    axes.use_sticky_edges = start == 0
    add_legend(figure, _key(table, start_label))
    return figure


def _draw_bar(axes: Axes, bar: Bar, position: float, start: float) -> None:
    loss, deviation = bar.row.test_nats_per_char, bar.row.test_nats_per_char_std
    axes.barh(position, loss - start, left=start, height=0.8, **_look(bar.base))
    if deviation is not None:
        axes.errorbar(loss, position, xerr=deviation, fmt="none", ecolor="black", elinewidth=1)
    number = f"{loss:.4f}" if deviation is None else f"{loss:.4f} ± {deviation:.4f}"
    beside = axes.get_yaxis_transform()  # right of the axes, at the height of the bar
    axes.text(1.01, position, number, transform=beside, va="center", fontsize=7.5)


def _look(base: int | None) -> dict[str, Any]:
    """Return the colour and hatching of the bars of a base, or of scratch models."""
    if base is None:
        return {"facecolor": "white", "edgecolor": GREY, "hatch": "//////"}
    return {"facecolor": colour_of(base), "edgecolor": "white", "hatch": hatch_of(base)}


def _key(table: SweepTable, start_label: str) -> list[Artist]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list[Artist] = [
        Patch(**_look(number), label=f"base model {name}") for number, name in enumerate(table.bases.values())
    ]
    if table.scratch(table.fractions[0]):
        handles.append(Patch(**_look(None), label="from scratch"))
    if start_label:
        handles.append(Line2D([], [], color="black", linewidth=1, linestyle=DASHED, label=start_label))
    return handles


def _start(table: SweepTable) -> tuple[float, str]:
    """Return the loss at which bars begin, and what it is of."""
    if (scratch := table.best_scratch(table.fractions[0])) is not None:
        return scratch.test_nats_per_char, f"best model from scratch, {size_of(scratch)}"
    if len(table.bases) == 1 and (untouched := table.untouched(*table.bases)) is not None:
        return untouched.test_nats_per_char, label_of("untouched")
    return 0.0, ""


def _positions(bars: Sequence[Bar]) -> list[float]:
    """Return the height of each bar, downwards, with gaps between groups."""
    positions, position = [], 0.0
    for number, bar in enumerate(bars):
        if number and bar.group != bars[number - 1].group:
            position += GAP
        positions.append(position)
        position += 1
    return positions


def _x_label(table: SweepTable) -> str:
    chars = table.train_chars(table.fractions[0])
    seeds = f", mean ± standard deviation over {table.seeds} random seeds" if table.seeds > 1 else ""
    return f"{TEST_LOSS}{seeds}\ntrained on {chars:,} characters of the target text"
