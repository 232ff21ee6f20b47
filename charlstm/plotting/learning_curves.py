"""Learning curves: training and validation loss over the characters read."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from charlstm.plotting.style import (
    DASHED,
    GREY,
    STAR,
    add_legend,
    colour_of,
    in_units,
    marker_of,
    new_figure,
    styled,
)
from charlstm.plotting.terminal import Curve, draw_curves
from charlstm.store.history import Evaluation

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

Histories = Mapping[str, Sequence[Evaluation]]
Y_LABEL = "loss (nats per {})"
# A larger loss is none of a training, whose numbers are float32; the axes would overflow.
LARGEST_LOSS = 1e38
MARKERS_ON_A_LINE = 12


def has_losses(history: Sequence[Evaluation]) -> bool:
    """Tell whether there is anything to draw."""
    losses = _Losses.of("", history, 1.0)
    return not all(map(math.isnan, [*losses.train, *losses.valid]))


@styled()
def figure_of(histories: Histories, symbol: str = "character") -> Figure:
    """Return the learning curves of one or several models, whose symbols are characters or words.

    Training losses are dashed, validation losses drawn through and marked; the best of these has a star.
    """
    divisor, unit = _unit_of(histories)
    models = [_Losses.of(name, history, divisor) for name, history in histories.items()]
    figure = new_figure(3.3)
    axes = figure.add_subplot()
    for number, model in enumerate(models):
        _draw_model(axes, model, number)
    axes.set_title("Learning curves" if len(models) > 1 else f"Learning curves of {models[0].name}")
    axes.set_xlabel(_x_label(unit, symbol))
    axes.set_ylabel(Y_LABEL.format(symbol))
    axes.set_xlim(left=0)
    add_legend(figure, _key(models))
    return figure


def text_of(histories: Histories, width: int, symbol: str = "character") -> str:
    """Return the learning curves in Unicode characters; of several models the validation losses only."""
    divisor, unit = _unit_of(histories)
    models = [_Losses.of(name, history, divisor) for name, history in histories.items()]
    is_one = len(models) == 1
    curves = []
    for model in models:
        if model.best is not None:
            best = f"best {model.valid[model.best]:.4f} after {model.chars[model.best]:,.4g} {unit}".rstrip()
            curves.append(Curve(f"{'validation' if is_one else model.name}, {best}", model.chars, model.valid))
        if model.best is None or is_one:
            name = "training" if is_one else f"{model.name}, training"
            curves.append(Curve(f"{name} (dotted)", model.chars, model.train, is_dashed=True))
    y_label = Y_LABEL.format(symbol)
    return draw_curves(curves, _x_label(unit, symbol), y_label if is_one else f"validation {y_label}", width)


@dataclass(frozen=True)
class _Losses:
    """The losses of a model in nats per symbol, NaN where there is none that can be drawn.

    Attributes:
        name: of the model.
        chars: the symbols read at each evaluation, in the unit of the axis.
        train: the training losses.
        valid: the validation losses.
        best: the number of the evaluation with the best validation loss; None where none has one.
    """

    name: str
    chars: list[float]
    train: list[float]
    valid: list[float]
    best: int | None

    @classmethod
    def of(cls, name: str, history: Sequence[Evaluation], divisor: float) -> _Losses:
        valid = [_drawable(evaluation.valid_nats_per_char) for evaluation in history]
        return cls(
            name=name,
            chars=[evaluation.chars / divisor for evaluation in history],
            train=[_drawable(evaluation.train_nats_per_char) for evaluation in history],
            valid=valid,
            best=min((n for n, loss in enumerate(valid) if not math.isnan(loss)), key=valid.__getitem__, default=None),
        )


def _draw_model(axes: Axes, model: _Losses, number: int) -> None:
    colour, marker = colour_of(number), marker_of(number)
    axes.plot(model.chars, model.train, color=colour, linestyle=DASHED, linewidth=1)
    if len(model.chars) == 1:  # a line through one point cannot be seen
        axes.plot(model.chars, model.train, color=colour, marker="_", markersize=10)
    # Markers of different models begin at different points, so that they do not hide each other.
    every = math.ceil(len(model.chars) / MARKERS_ON_A_LINE)
    axes.plot(model.chars, model.valid, color=colour, marker=marker, markevery=(number % every, every))
    if model.best is not None:
        axes.plot(model.chars[model.best], model.valid[model.best], color=colour, **STAR)


def _key(models: Sequence[_Losses]) -> list[Line2D]:
    """Return what stands in the legend: each of several models, and each kind of line."""
    from matplotlib.lines import Line2D

    is_one = len(models) == 1
    best = ["" if model.best is None else f"{model.valid[model.best]:.4f}" for model in models]
    lines = []
    if not is_one:
        for number, model in enumerate(models):
            label = f"{model.name} (best {best[number]})" if best[number] else model.name
            lines.append(Line2D([], [], color=colour_of(number), marker=marker_of(number), label=label))
    colour, marker = (colour_of(0), marker_of(0)) if is_one else (GREY, "")
    if any(best):
        lines.append(Line2D([], [], color=colour, marker=marker, label="validation"))
    lines.append(Line2D([], [], color=colour, linestyle=DASHED, linewidth=1, label="training"))
    if any(best):
        lines.append(
            Line2D([], [], color=colour, label=f"best validation, {best[0]}" if is_one else "best validation", **STAR)
        )
    return lines


def _unit_of(histories: Histories) -> tuple[float, str]:
    return in_units(max(evaluation.chars for history in histories.values() for evaluation in history))


def _drawable(loss: float) -> float:
    return loss if abs(loss) < LARGEST_LOSS else math.nan


def _x_label(unit: str, symbol: str) -> str:
    return f"{symbol}s read ({unit}s)" if unit else f"{symbol}s read"
