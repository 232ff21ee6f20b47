"""The figures of a sweep, as the objects that are then written to files."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import QuadMesh
from matplotlib.container import BarContainer, ErrorbarContainer
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from charlstm.plotting import sweep, sweep_bars, sweep_fractions, sweep_heat_map
from charlstm.plotting.figure_file import write_figure
from charlstm.plotting.style import styled
from charlstm.plotting.subject import sweep_subject
from charlstm.plotting.sweep_table import SweepTable, can_be_drawn
from charlstm.store.sweep_results import SweepRow

SUBSETS = {"all": 1.676, "0,2": 1.668, "none": 1.776, "1": 1.70, "0": 1.720, "2": 1.675, "0,1": 1.69, "1,2": 1.669}
ORDER = ["base, untouched", "head only", "0", "1", "2", "0,1", "0,2", "1,2", "all layers"]
SCRATCH = {"scratch 3x256": 1.771, "scratch 2x64": 1.885}
CHARS = 54_631


def row(base: str | None, retrained: str, fraction: float, loss: float, best: float | None) -> SweepRow:
    kind = "untouched" if retrained == "untouched" else "transfer" if base else "scratch"
    return SweepRow(
        base=base,
        retrained=retrained,
        kind=kind,  # type: ignore[arg-type]
        fraction=fraction,
        train_chars=int(CHARS * fraction),
        seeds=1 if kind == "untouched" else 3,
        valid_nats_per_char=loss - 0.01,
        valid_nats_per_char_std=None if kind == "untouched" else 0.003,
        test_nats_per_char=loss,
        test_nats_per_char_std=None if kind == "untouched" else 0.004,
        bits_per_char=loss / np.log(2),
        padded_nats_per_char=None,
        trained_parameters=5,
        parameters=1 if retrained == "scratch 2x64" else 10,
        epochs=20.0,
        training_seconds=40.0,
        train_valid_gap_nats=0.1,
        ratio_to_scratch=None if best is None else loss / best,
        ratio_low=None,
        ratio_high=None,
    )


def rows_of(
    bases: Sequence[str] = ("base",), fractions: Sequence[float] = (0.25, 1.0, 0.5), *, scratch: bool = True
) -> list[SweepRow]:
    """Return a sweep's rows, in an order that no figure should have."""
    rows = []
    for fraction in fractions:
        worse = (1 / fraction - 1) * 0.05
        best = min(SCRATCH.values()) + 3 * worse if scratch else None
        for number, base in enumerate(bases):
            losses = {name: loss + worse + 0.03 * number for name, loss in SUBSETS.items()}
            losses["untouched"] = 2.022 + 0.05 * number
            rows += [row(base, name, fraction, loss, best) for name, loss in losses.items()]
        if scratch:
            rows += [row(None, name, fraction, loss + 3 * worse, best) for name, loss in SCRATCH.items()]
    return rows


def labels(axis_labels: Sequence[Text]) -> list[str]:
    return [label.get_text() for label in axis_labels]


def legend_of(figure: Figure) -> list[str]:
    (legend,) = figure.legends
    return labels(legend.get_texts())


def errorbars(axes: Axes) -> list[ErrorbarContainer]:
    return [container for container in axes.containers if isinstance(container, ErrorbarContainer)]


def ends_of(container: ErrorbarContainer) -> list[tuple[float, float]]:
    """Return the two ends of each error bar, along the only direction it has."""
    (bars,) = container.lines[2]
    spans = [np.asarray(segment) for segment in bars.get_segments()]
    return [tuple(span[:, np.ptp(span, axis=0).argmax()]) for span in spans]


def bars_figure(rows: list[SweepRow]) -> tuple[Figure, Axes]:
    figure = sweep_bars.figure_of(SweepTable(rows))
    return figure, figure.axes[0]


def test_bars_end_at_the_losses_and_begin_at_that_of_the_best_scratch_model() -> None:
    figure, axes = bars_figure(rows_of())
    assert labels(axes.get_yticklabels()) == [*ORDER, "scratch 2x64", "scratch 3x256"]
    patches = [bar.patches[0] for bar in axes.containers if isinstance(bar, BarContainer)]
    ends = [patch.get_x() + patch.get_width() for patch in patches]
    assert ends == pytest.approx([2.022, 1.776, 1.72, 1.7, 1.675, 1.69, 1.668, 1.669, 1.676, 1.885, 1.771])
    assert [patch.get_x() for patch in patches] == pytest.approx([1.771] * 11)
    assert list(axes.lines[-1].get_xdata()) == [1.771, 1.771]
    assert legend_of(figure) == ["base model base", "from scratch", "best model from scratch, 3x256"]
    assert axes.get_title(loc="left") == "Test loss by retrained layers"
    assert axes.get_xlabel() == (
        "test loss (nats per character), mean ± standard deviation over 3 random seeds\n"
        "trained on 54,631 characters of the target text"
    )


def test_bars_have_error_bars_of_a_standard_deviation_and_the_numbers_beside_them() -> None:
    _, axes = bars_figure(rows_of())
    assert len(errorbars(axes)) == 10
    assert ends_of(errorbars(axes)[0])[0] == pytest.approx((1.772, 1.780))
    written = labels(axes.texts)
    assert written[:2] == ["2.0220", "1.7760 ± 0.0040"]
    alone = [replace(each, test_nats_per_char_std=None, seeds=1) for each in rows_of()]
    assert not errorbars(bars_figure(alone)[1])
    assert "deviation" not in bars_figure(alone)[1].get_xlabel()


def test_bars_of_several_bases_stand_side_by_side_and_differ_without_colour_too() -> None:
    figure, axes = bars_figure(rows_of(["runs/a", "runs/b", "runs/c"]))
    patches = [bar.patches[0] for bar in axes.containers if isinstance(bar, BarContainer)]
    assert len(patches) == 3 * 9 + 2
    assert len({(patch.get_facecolor(), patch.get_hatch()) for patch in patches}) == 4
    assert len({patch.get_hatch() for patch in patches}) == 4
    assert labels(axes.get_yticklabels())[:9] == ORDER
    assert axes.get_yticks()[0] == pytest.approx(patches[1].get_y() + patches[1].get_height() / 2)
    assert legend_of(figure)[:3] == ["base model a", "base model b", "base model c"]


def test_without_a_scratch_model_bars_begin_at_the_untouched_base_or_at_zero() -> None:
    for rows, start in ((rows_of(scratch=False), 2.022), (rows_of(["a", "b"], scratch=False), 0.0)):
        _, axes = bars_figure(rows)
        assert {round(patch.get_x(), 6) for patch in axes.patches} == {start}
        assert axes.get_xlim()[0] == 0 or start


def test_the_heat_map_holds_the_ratio_of_each_subset_and_amount() -> None:
    rows = rows_of()
    figure = sweep_heat_map.figure_of(SweepTable(rows))
    axes, bar = figure.axes
    (mesh,) = (each for each in axes.collections if isinstance(each, QuadMesh))
    values = np.asarray(mesh.get_array())
    assert values.shape == (9, 3)
    ratios = {(each.retrained, each.fraction): each.ratio_to_scratch for each in rows}
    assert values[6].tolist() == pytest.approx([ratios["0,2", fraction] for fraction in (1.0, 0.5, 0.25)])
    assert labels(axes.texts)[18:21] == [f"{ratios['0,2', fraction]:.3f}" for fraction in (1.0, 0.5, 0.25)]
    assert labels(axes.get_yticklabels()) == ORDER
    assert labels(axes.get_xticklabels()) == ["54,631\n100\xa0%", "27,315\n50\xa0%", "13,657\n25\xa0%"]
    assert axes.yaxis_inverted()
    assert bar.get_ylabel() == "ratio of test losses (below 1: transfer is better)"
    assert figure.get_supxlabel() == "target text trained on (characters)"


def test_the_colours_of_the_heat_map_part_at_1() -> None:
    (axes, _) = sweep_heat_map.figure_of(SweepTable(rows_of())).axes
    (mesh,) = (each for each in axes.collections if isinstance(each, QuadMesh))
    low, high = mesh.get_clim()
    assert low is not None
    assert high is not None
    assert (low + high) / 2 == pytest.approx(1)
    blue, white, red = (mesh.to_rgba(np.array([value]))[0] for value in (low, 1.0, high))
    assert blue[2] > blue[0]
    assert red[0] > red[2]
    assert min(white[:3]) > 0.95


def test_the_heat_map_has_a_panel_for_each_base_or_a_column_where_there_is_one_amount() -> None:
    *panels, _ = sweep_heat_map.figure_of(SweepTable(rows_of(["x/a", "y/a"]))).axes
    assert [axes.get_title() for axes in panels] == ["x/a", "y/a"]
    one_amount = sweep_heat_map.figure_of(SweepTable(rows_of(["x/a", "y/a"], [0.5])))
    axes, _ = one_amount.axes
    assert labels(axes.get_xticklabels()) == ["x/a", "y/a"]
    assert one_amount.get_supxlabel() == "base model"


def test_without_ratios_the_heat_map_holds_the_losses_and_a_dash_where_nothing_was_run() -> None:
    rows = [each for each in rows_of(scratch=False) if (each.retrained, each.fraction) != ("none", 0.5)]
    axes, bar = sweep_heat_map.figure_of(SweepTable(rows)).axes
    assert bar.get_ylabel() == "test loss (nats per character)"
    assert labels(axes.texts)[:6] == ["2.022", "2.022", "2.022", "1.776", "–", "1.926"]  # noqa: RUF001


def test_losses_are_drawn_against_the_characters_of_target_text() -> None:
    figure = sweep_fractions.figure_of(SweepTable(rows_of()))
    (axes,) = figure.axes
    transferred, scratch = errorbars(axes)
    chars = [13.657, 27.315, 54.631]
    assert list(transferred.lines[0].get_xdata()) == chars
    assert list(transferred.lines[0].get_ydata()) == pytest.approx([1.818, 1.718, 1.668])
    assert list(scratch.lines[0].get_ydata()) == pytest.approx([2.221, 1.921, 1.771])
    assert ends_of(scratch)[2] == pytest.approx((1.767, 1.775))
    assert axes.get_xscale() == "log"
    assert labels(axes.get_xticklabels()) == ["54.6", "27.3", "13.7"]
    assert axes.get_xlabel().splitlines()[0] == "target text trained on (thousands of characters)"
    assert "standard deviation over 3 random seeds" in axes.get_xlabel()
    assert axes.get_ylabel() == "test loss (nats per character)"
    assert legend_of(figure) == ["transferred from base", "from scratch", "base model base, untouched"]
    assert list(axes.lines[-1].get_ydata()) == [2.022, 2.022]
    assert sorted(labels(axes.texts)) == ["0,2"] * 3 + ["3x256"] * 3


def test_the_best_is_chosen_by_validation_loss() -> None:
    rows = [
        replace(each, valid_nats_per_char=1.0) if each.retrained == "none" or each.retrained.endswith("64") else each
        for each in rows_of(fractions=[1.0])
    ]
    table = SweepTable(rows)
    assert [line.rows[0].retrained for line in sweep_fractions.lines_of(table)] == ["none", "scratch 2x64"]
    assert list(bars_figure(rows)[1].lines[-1].get_xdata()) == [1.885, 1.885]


@pytest.mark.parametrize(
    "rows",
    [
        rows_of(),
        rows_of(["base-of-a-rather-long-name-as-people-give-them", "short", "models/pretrain-3x512"]),
        rows_of(["a-very-long-name-" * 5, "b"], [1.0]),
        *([*rows_of(["a", "b"], [1.0])[:count], *rows_of()[-1:]] for count in (1, 2, 3)),
        *(rows_of(["base"], [1.0], scratch=False)[:count] for count in (1, 2, 5)),
        [*rows_of(), row("base", "0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19", 1.0, 1.7, 1.771)],
    ],
)
@pytest.mark.parametrize("module", [sweep_bars, sweep_heat_map, sweep_fractions])
def test_no_text_is_cut_off_or_hides_another(module: object, rows: list[SweepRow]) -> None:
    figure: Figure = module.figure_of(SweepTable(rows))  # type: ignore[attr-defined]
    with styled():
        FigureCanvasAgg(figure).draw()  # lays it out
    boxes = [(text.get_text(), text.get_window_extent()) for text in visible_texts(figure)]
    assert len(boxes) > 10
    for text, box in boxes:
        inside = Bbox.intersection(box, figure.bbox)
        assert inside is not None, text
        assert inside.width * inside.height >= 0.99 * box.width * box.height, text
    for (text, box), (other, other_box) in itertools.combinations(boxes, 2):
        shared = Bbox.intersection(box, other_box)
        assert shared is None or min(shared.width, shared.height) < 2, (text, other)


def visible_texts(figure: Figure) -> list[Text]:
    """Return all texts but the ticks that lie outside of the axes."""
    found = [text for text in figure.findobj(Text) if isinstance(text, Text) and text.get_text() and text.get_visible()]
    ticks = {
        label
        for axes in figure.axes
        for axis, (low, high) in ((axes.xaxis, sorted(axes.get_xlim())), (axes.yaxis, sorted(axes.get_ylim())))
        for tick in axis.get_major_ticks()
        for label in (tick.label1, tick.label2)
        if not (low <= tick.get_loc() <= high and label.get_visible())
    }
    shared = {label for axes in figure.axes[1:-1] for label in axes.get_yticklabels()}
    return [text for text in found if text not in ticks | shared]


@pytest.mark.parametrize("rows", [rows_of(), rows_of(["a", "b"], [1.0], scratch=False)[:1], rows_of([])])
def test_files_are_written_for_whole_sweeps_and_for_scraps(tmp_path: Path, rows: list[SweepRow]) -> None:
    subject = sweep_subject(rows)
    for name, draw in subject.figures.items():
        write_figure(draw(), tmp_path / f"{name}.svg")
        assert (tmp_path / f"{name}.svg").stat().st_size > 1000
    assert ("heat-map" in subject.figures) == any(each.base for each in rows)
    assert subject.text(80)


def test_the_terminal_shows_bars_and_the_losses_against_the_text() -> None:
    text = sweep.text_of(SweepTable(rows_of(["a", "b"])), 80)
    lines = text.splitlines()
    assert max(map(len, lines)) <= 80
    assert any(line.split() == ["0,2,", "a", "●", "1.6680", "±", "0.0040"] for line in lines)
    assert lines[-3:] == ["  a  transferred from a", "  b  transferred from b", "  c  from scratch"]
    assert "target text" not in sweep.text_of(SweepTable(rows_of(fractions=[1.0])), 80)


@pytest.mark.parametrize(
    "change",
    [
        {"fraction": 0.0},
        {"fraction": 1.5},
        {"train_chars": 0},
        {"train_chars": 10**400},
        {"seeds": 0},
        {"test_nats_per_char": -1.0},
        {"valid_nats_per_char": 1e300},
        {"test_nats_per_char_std": -0.1},
        {"ratio_to_scratch": -0.5},
        {"base": None},
        {"kind": "scratch"},
        {"kind": "untouched"},
        {"retrained": "untouched"},
    ],
)
def test_rows_that_no_sweep_writes_cannot_be_drawn(change: dict[str, object]) -> None:
    good = row("base", "0,2", 1.0, 1.668, 1.771)
    assert can_be_drawn(good)
    assert not can_be_drawn(replace(good, **change))  # type: ignore[arg-type]
