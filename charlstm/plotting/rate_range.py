"""The curve of a rate range test."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from charlstm.plotting.learning_curves import Y_LABEL
from charlstm.plotting.style import STAR, colour_of, new_figure, styled
from charlstm.plotting.terminal import Curve, draw_curves

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@styled()
def figure_of(rates: Sequence[float], losses: Sequence[float], suggestion: float | None, symbol: str) -> Figure:
    """Return the loss over the learning rate, with a star at the rate that is suggested."""
    figure = new_figure(2.8)
    axes = figure.add_subplot()
    axes.plot(rates, losses, color=colour_of(0))
    if suggestion is not None:
        axes.plot([suggestion], [losses[rates.index(suggestion)]], color=colour_of(0), **STAR)
    axes.set_xscale("log")
    axes.set_title("Rate range test")
    axes.set_xlabel("learning rate")
    axes.set_ylabel(Y_LABEL.format(symbol))
    return figure


def text_of(rates: Sequence[float], losses: Sequence[float], width: int, symbol: str) -> str:
    """Return the same in Unicode characters."""
    powers = [math.log10(rate / rates[0]) for rate in rates]
    curve = Curve("training, smoothed", powers, losses)
    x_label = f"learning rate, in powers of ten above {rates[0]:g}"
    return draw_curves([curve], x_label, Y_LABEL.format(symbol), width)
