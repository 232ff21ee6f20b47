"""How every figure looks: colours for the colour-blind, markers that read in grey, a size that fits a page."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.figure import Figure

# Okabe and Ito, "Color Universal Design" (2008), without the yellow, which is too light for a line on white.
BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"
_COLOURS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, "#000000")
# One more than there are colours, so that a colour that comes again has another marker, or another hatching.
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "p")
_HATCHES = ("", "////", "....", "xxxx", "----", "oo", "++++", "\\\\\\\\")
# So many things no two of which look alike.
MOST_LOOKS = len(_COLOURS) * len(_MARKERS)
GREY = "#666666"
DASHED, DOTTED = (0, (4, 2)), (0, (1, 1.5))
STAR: dict[str, Any] = {"marker": "*", "markersize": 11, "markeredgecolor": "white", "linestyle": "none", "zorder": 4}
# Inches: the text of an A4 or letter page between its margins.
WIDTH = 6.5
# Of a legend: what fits beside each other, and the height of a row in inches.
CHARACTERS_AN_INCH = 15
LEGEND_ROW = 0.18

_STYLE = {
    "font.family": "DejaVu Sans",  # comes with Matplotlib, so that a figure is the same everywhere
    "font.size": 8.5,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.titlepad": 8,
    "axes.labelsize": 8.5,
    "legend.fontsize": 8,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": "black",
    "ytick.labelcolor": "black",
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#E3E3E3",
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.4,
    "lines.markersize": 4,
    "errorbar.capsize": 2.5,
    "hatch.linewidth": 0.6,
    "legend.frameon": False,
    "legend.handlelength": 2.6,
    "figure.constrained_layout.h_pad": 0.06,
    "figure.constrained_layout.w_pad": 0.06,
    "savefig.dpi": 300,
    "svg.hashsalt": "charlstm",  # else the identifiers in an SVG file are drawn at random
    "text.parse_math": False,  # a dollar in the name of a model is a dollar
}


@contextlib.contextmanager
def styled() -> Iterator[None]:
    """Let what is drawn in the block look as all figures do, whatever a user's matplotlibrc says.

    Matplotlib reads some settings when a part is made and others when it is drawn, so both belong in such a block.
    """
    import matplotlib.style

    with matplotlib.style.context(_STYLE, after_reset=True):
        yield


def new_figure(height: float, width: float = WIDTH) -> Figure:
    """Return an empty figure of a size in inches that lays out its parts so that none overlap."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def colour_of(number: int) -> str:
    """Return the colour of the so-manieth of several things that are compared."""
    return _COLOURS[number % len(_COLOURS)]


def marker_of(number: int) -> str:
    """Return the marker of the so-manieth of several things that are compared."""
    return _MARKERS[number % len(_MARKERS)]


def hatch_of(number: int) -> str:
    """Return the hatching of the so-manieth of several bars that are compared."""
    return _HATCHES[number % len(_HATCHES)]


def add_legend(figure: Figure, handles: Sequence[Artist]) -> None:
    """List what is drawn below the axes, in as many columns as the longest label leaves room for.

    The figure grows by the height of the list, so that its axes keep theirs.
    """
    longest = max(len(str(handle.get_label())) for handle in handles)
    columns = max(1, min(3, int(figure.get_figwidth() * CHARACTERS_AN_INCH) // (longest + 8)))
    figure.legend(handles=handles, loc="outside lower center", ncols=columns)
    figure.set_figheight(figure.get_figheight() + LEGEND_ROW * math.ceil(len(handles) / columns))


def in_units(largest: float) -> tuple[float, str]:
    """Return what to divide counts up to `largest` by, and the name of that unit; ones have none."""
    for divisor, unit in ((1e9, "billion"), (1e6, "million"), (1e3, "thousand")):
        if largest >= divisor / 2:
            return divisor, unit
    return 1.0, ""
