"""The amount of text in a sweep: test loss against it, transferred and from scratch."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from charlstm.plotting.style import DASHED, DOTTED, add_legend, colour_of, in_units, marker_of, new_figure, styled
from charlstm.plotting.sweep_table import TEST_LOSS, SweepTable, label_of, size_of
from charlstm.store.sweep_results import SweepRow

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.container import ErrorbarContainer
    from matplotlib.figure import Figure

BLACK = "#000000"
# Of the length of the axis: amounts that are nearer to each other than this have one number below them.
LEAST_DISTANCE = 0.06


@dataclass(frozen=True)
class Line:
    """The losses of one way of training with each amount of text.

    Attributes:
        name: what the figure calls it.
        rows: the best row by validation loss with each amount, the smallest amount first.
        base: the number of its base; None for scratch models.
    """

    name: str
    rows: list[SweepRow]
    base: int | None


def lines_of(table: SweepTable) -> list[Line]:
    """Return a line for each base, and one for the scratch models."""
    fractions = table.fractions[::-1]
    lines = [
        Line(f"transferred from {name}", _found(table.best_transfer(base, each) for each in fractions), number)
        for number, (base, name) in enumerate(table.bases.items())
    ]
    lines.append(Line("from scratch", _found(table.best_scratch(each) for each in fractions), None))
    return [line for line in lines if line.rows]


@styled()
def figure_of(table: SweepTable) -> Figure:
    """Return the test losses of the best transfer from each base, and of the best scratch model, with each amount.

    What is best is chosen by validation loss; beside the points stands what it was, where there is room.
    """
    lines = lines_of(table)
    divisor, unit = in_units(table.train_chars(table.fractions[0]))
    amounts = [table.train_chars(fraction) / divisor for fraction in table.fractions]
    figure = new_figure(3.6)
    axes = figure.add_subplot()
    axes.set_xscale("log")
    handles: list[Any] = [_draw_line(axes, line, divisor) for line in lines]
    if len(table.bases) == 1:
        for line in lines:
            _name_points(axes, line, divisor)
    for number, (base, name) in enumerate(table.bases.items()):
        if (row := table.untouched(base)) is not None:
            ends, loss = [amounts[0], amounts[-1]], row.test_nats_per_char
            look = {**_look(number), "linestyle": DOTTED, "markerfacecolor": "white", "zorder": 1}
            handles += axes.plot(ends, [loss, loss], label=f"base model {name}, untouched", **look)
    shown = _apart(amounts)
    axes.set_xticks(shown, [f"{amount:,.0f}" if amount >= 100 else f"{amount:.3g}" for amount in shown])
    axes.minorticks_off()
    axes.margins(x=0.08, y=0.12)
    axes.set_title("Test loss by amount of target text")
    axes.set_xlabel(f"{x_label(unit)}\n{_what_is_shown(table)}")
    axes.set_ylabel(TEST_LOSS)
    add_legend(figure, handles)
    return figure


def x_label(unit: str) -> str:
    """Return what is counted to the right."""
    return f"target text trained on ({unit + 's of ' if unit else ''}characters)"


def _draw_line(axes: Axes, line: Line, divisor: float) -> ErrorbarContainer:
    chars = [row.train_chars / divisor for row in line.rows]
    losses = [row.test_nats_per_char for row in line.rows]
    deviations = [math.nan if row.test_nats_per_char_std is None else row.test_nats_per_char_std for row in line.rows]
    return axes.errorbar(chars, losses, yerr=deviations, label=line.name, **_look(line.base))


def _name_points(axes: Axes, line: Line, divisor: float) -> None:
    """Write what was retrained below the points of a base, and the size of scratch models above theirs."""
    look = _look(line.base)
    is_scratch = line.base is None
    for row in line.rows:
        axes.annotate(
            size_of(row) if is_scratch else label_of(row.retrained),
            (row.train_chars / divisor, row.test_nats_per_char),
            xytext=(0, 7 if is_scratch else -7),
            textcoords="offset points",
            ha="center",
            va="bottom" if is_scratch else "top",
            color=look["color"],
            fontsize=7,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},
        )


def _look(base: int | None) -> dict[str, Any]:
    """Return the colour, marker and line of a base, or of scratch models."""
    if base is None:
        return {"color": BLACK, "marker": "X", "linestyle": DASHED}
    return {"color": colour_of(base), "marker": marker_of(base), "linestyle": "-"}


def _what_is_shown(table: SweepTable) -> str:
    """Return what the points, the words beside them and the error bars are."""
    place = "beside" if len(table.bases) == 1 else "at"
    deviation = f"\nerror bars: standard deviation over {table.seeds} random seeds" if table.seeds > 1 else ""
    return f"{place} each point: what had the best validation loss{deviation}"


def _found(rows: Iterable[SweepRow | None]) -> list[SweepRow]:
    return [row for row in rows if row is not None]


def _apart(amounts: Sequence[float]) -> list[float]:
    """Return the amounts, the largest first, without those whose numbers would touch on a logarithmic axis."""
    shown: list[float] = []
    for amount in amounts:
        least = LEAST_DISTANCE * math.log(amounts[0] / amounts[-1])
        if not shown or math.log(shown[-1] / amount) > least:
            shown.append(amount)
    return shown
