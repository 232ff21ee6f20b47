"""A learning rate over the updates of a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from charlstm.plotting.style import colour_of, new_figure, styled
from charlstm.plotting.subject import Subject
from charlstm.plotting.terminal import Curve, draw_curves

if TYPE_CHECKING:
    from matplotlib.figure import Figure

X_LABEL, Y_LABEL = "updates", "learning rate"


def schedule_subject(name: str, steps: Sequence[int], rates: Sequence[float]) -> Subject:
    """Return a schedule as what can be drawn.

    Args:
        name: of the schedule.
        steps: some of the updates, rising.
        rates: the learning rate of each.
    """
    return Subject(
        figures={"schedule": lambda: figure_of(name, steps, rates)},
        text=lambda width: draw_curves([Curve(name, steps, rates)], X_LABEL, Y_LABEL, width),
    )


@styled()
def figure_of(name: str, steps: Sequence[int], rates: Sequence[float]) -> Figure:
    """Return the figure of a schedule."""
    figure = new_figure(2.4)
    axes = figure.add_subplot()
    axes.plot(steps, rates, color=colour_of(0))
    axes.set_title(f"Schedule {name}")
    axes.set_xlabel(X_LABEL)
    axes.set_ylabel(Y_LABEL)
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    return figure
