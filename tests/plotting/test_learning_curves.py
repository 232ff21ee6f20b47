from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from charlstm.plotting.figure_file import encode
from charlstm.plotting.learning_curves import figure_of, has_losses, text_of
from charlstm.store.history import Evaluation

TRAIN, VALID = [3.0, 2.2, 1.9, 1.7], [2.8, 2.1, 1.95, 2.0]


def history(
    valid: Sequence[float] = VALID, train: Sequence[float] = TRAIN, chars_between: int = 400_000
) -> list[Evaluation]:
    return [
        Evaluation(10 * n, float(n), n * chars_between, 1.0, 1e-3, *losses)
        for n, losses in enumerate(zip(train, valid, strict=True), start=1)
    ]


def axes_of(figure: Figure) -> Axes:
    (axes,) = figure.axes
    return axes


def legend_of(figure: Figure) -> list[str]:
    (legend,) = figure.legends
    return [text.get_text() for text in legend.get_texts()]


def points(line: Line2D) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in zip(*line.get_data(), strict=True)]


def test_both_losses_are_drawn_over_the_characters_read() -> None:
    figure = figure_of({"poet": history()})
    training, validation, best = axes_of(figure).lines
    assert points(training) == list(zip([0.4, 0.8, 1.2, 1.6], TRAIN, strict=True))
    assert points(validation) == list(zip([0.4, 0.8, 1.2, 1.6], VALID, strict=True))
    assert points(best) == [(1.2, 1.95)]
    assert best.get_marker() == "*"
    assert training.get_linestyle() != validation.get_linestyle()
    assert axes_of(figure).get_title(loc="left") == "Learning curves of poet"
    assert axes_of(figure).get_xlabel() == "characters read (millions)"
    assert axes_of(figure).get_ylabel() == "loss (nats per character)"
    assert legend_of(figure) == ["validation", "training", "best validation, 1.9500"]


def test_models_differ_by_colour_and_by_marker_and_are_named_with_their_best() -> None:
    models = {f"model-{n}": history([loss + n for loss in VALID]) for n in range(10)}
    figure = figure_of(models)
    validation = axes_of(figure).lines[1::3]
    assert len({(line.get_color(), line.get_marker()) for line in validation}) == 10
    assert len({line.get_marker() for line in validation[:8]}) == 8
    assert legend_of(figure)[:2] == ["model-0 (best 1.9500)", "model-1 (best 2.9500)"]
    assert legend_of(figure)[10:] == ["validation", "training", "best validation"]


def test_a_long_legend_makes_the_figure_higher_and_leaves_the_axes_their_height() -> None:
    one, many = figure_of({"a": history()}), figure_of({f"model number {n}" * 3: history() for n in range(12)})
    heights = []
    for figure in (one, many):
        encode(figure, ".png")  # lays it out
        heights.append(axes_of(figure).get_window_extent().height / figure.dpi)
    assert many.get_figheight() > one.get_figheight() + 1
    assert heights[1] == pytest.approx(heights[0], abs=0.3)


def test_names_are_drawn_as_they_are() -> None:
    names = ["_hidden", "$x^2$", "$broken\\", "100%", "\N{CJK UNIFIED IDEOGRAPH-6587}"]
    figure = figure_of({name: history() for name in names})
    assert [label.split(" (")[0] for label in legend_of(figure)[:5]] == names
    assert encode(figure, ".png")


@pytest.mark.parametrize(("chars", "unit"), [(10, ""), (1_000, " (thousands)"), (2_000_000_000, " (billions)")])
def test_the_unit_fits_the_amount_of_text(chars: int, unit: str) -> None:
    assert axes_of(figure_of({"a": history(chars_between=chars)})).get_xlabel() == f"characters read{unit}"


def test_without_a_validation_text_only_the_training_loss_is_drawn() -> None:
    figure = figure_of({"a": history([math.nan] * 4)})
    assert legend_of(figure) == ["training"]
    assert len(axes_of(figure).lines) == 2
    assert legend_of(figure_of({"a": history([math.nan] * 4), "b": history()}))[:2] == ["a", "b (best 1.9500)"]


def test_losses_that_are_no_number_leave_a_gap() -> None:
    figure = figure_of({"a": history([2.8, math.inf, 1e300, 2.5], [math.nan, 2.0, -math.inf, 1.5])})
    training, validation, best = axes_of(figure).lines
    np.testing.assert_array_equal(np.isnan(training.get_ydata()), [True, False, True, False])
    np.testing.assert_array_equal(np.isnan(validation.get_ydata()), [False, True, True, False])
    assert points(best) == [(1.6, 2.5)]
    assert encode(figure, ".svg")


def test_one_evaluation_can_be_seen() -> None:
    lines = axes_of(figure_of({"a": history([2.0], [2.5])})).lines
    seen = {(float(line.get_ydata()[0]), line.get_marker()) for line in lines if line.get_marker() != "None"}
    assert {(2.5, "_"), (2.0, "*")} <= seen


def test_has_losses() -> None:
    assert has_losses(history())
    assert has_losses(history([math.nan] * 4))
    assert not has_losses([])
    assert not has_losses(history([math.nan, math.inf], [-math.inf, 1e39]))


def test_in_the_terminal_one_model_has_two_curves_and_several_have_one_each() -> None:
    one = text_of({"poet": history()}, 80)
    assert "a  validation, best 1.9500 after 1.2 million" in one
    assert "b  training (dotted)" in one
    assert one.splitlines()[0] == "loss (nats per character)"
    assert "characters read (millions)" in one
    two = text_of({"poet": history(), "blind": history([math.nan] * 4)}, 80)
    assert "a  poet, best 1.9500 after 1.2 million" in two
    assert "b  blind, training (dotted)" in two
    assert two.splitlines()[0] == "validation loss (nats per character)"
