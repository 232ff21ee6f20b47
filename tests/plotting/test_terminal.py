from __future__ import annotations

import math

import pytest

from charlstm.plotting.terminal import BRAILLE, HEIGHT, Curve, Value, draw_curves, draw_values


def plot_rows(text: str) -> list[str]:
    """Return what stands right of the axis, from the top."""
    rows = [line for line in text.splitlines() if "┤" in line or "│" in line]
    return [row.replace("│", "┤").split("┤", 1)[1] for row in rows]


def dots(rows: list[str]) -> set[tuple[int, int]]:
    """Return the cells that hold Braille dots, as (column, row)."""
    return {
        (column, row)
        for row, text in enumerate(rows)
        for column, character in enumerate(text)
        if BRAILLE < ord(character) < BRAILLE + 256
    }


def columns_of(rows: list[str], row: int) -> list[int]:
    return sorted(column for column, each in dots(rows) if each == row)


def test_the_highest_point_is_in_the_top_row_and_the_lowest_in_the_bottom_row() -> None:
    rows = plot_rows(draw_curves([Curve("a", [1, 2, 3, 4], [2.0, 5.0, 1.0, 3.0])], "x", "y", 80))
    assert len(rows) == HEIGHT
    top, bottom = columns_of(rows, 0), columns_of(rows, HEIGHT - 1)
    width = max(column for column, _ in dots(rows)) + 1
    assert sum(top) / len(top) == pytest.approx(width * 2 / 4, abs=2)
    assert sum(bottom) / len(bottom) == pytest.approx(width * 3 / 4, abs=2)


def test_a_falling_curve_falls_and_is_not_broken() -> None:
    rows = plot_rows(draw_curves([Curve("a", [0, 10], [9.0, 0.0])], "x", "y", 60))
    middles = [sum(columns_of(rows, row)) / len(columns_of(rows, row)) for row in range(HEIGHT)]
    assert middles == sorted(middles)
    assert {column for column, _ in dots(rows)} == set(range(max(columns_of(rows, HEIGHT - 1)) + 1))


def test_a_dashed_curve_has_fewer_dots_in_the_same_cells_or_next_to_them() -> None:
    def bits(is_dashed: bool) -> int:
        text = draw_curves([Curve("a", [0, 10], [0.0, 9.0], is_dashed)], "x", "y", 60)
        return sum((ord(character) - BRAILLE).bit_count() for character in text if ord(character) > BRAILLE)

    assert bits(False) * 0.25 < bits(True) < bits(False) * 0.45


def test_each_curve_has_its_letter_at_its_end_and_in_the_key() -> None:
    curves = [Curve("first", [0, 5], [4.0, 3.0]), Curve("second", [0, 10], [4.0, 0.0])]
    text = draw_curves(curves, "x", "y", 60)
    rows = plot_rows(text)
    ((first_row, first_column),) = [(n, row.index("a")) for n, row in enumerate(rows) if "a" in row]
    ((second_row, second_column),) = [(n, row.index("b")) for n, row in enumerate(rows) if "b" in row]
    assert first_row == 3
    assert second_row == HEIGHT - 1
    assert second_column == pytest.approx(2 * first_column, abs=2)
    assert text.splitlines()[-2:] == ["  a  first", "  b  second"]


def test_letters_of_curves_that_end_together_do_not_hide_each_other() -> None:
    text = draw_curves([Curve(str(n), [0, 1], [1.0, 0.0]) for n in range(30)], "x", "y", 80)
    drawn = "".join(plot_rows(text))
    assert all(drawn.count(letter) == 1 for letter in "abcdefghijklmnopqrstuvwxyzABCD")


@pytest.mark.parametrize("width", [40, 80, 131])
def test_no_line_is_wider_than_asked_for(width: int) -> None:
    curves = [Curve("name " * 60, [0, 5e9], [4e-5, 3.0]), Curve("b", [0, 10], [1e37, 0.0])]
    assert max(map(len, draw_curves(curves, "characters read " * 9, "y", width).splitlines())) <= width
    values = [Value("name " * 60, 1.5, 0.01), Value("b", 2.5)]
    assert max(map(len, draw_values(values, "y", width).splitlines())) <= width


def test_heights_are_written_beside_the_axis_with_the_digits_that_tell_them_apart() -> None:
    text = draw_curves([Curve("a", [0, 1], [1.5655, 1.5535])], "x", "y", 80)
    labels = [line.split("┤")[0].strip() for line in text.splitlines() if "┤" in line]
    assert labels == ["1.5655", "1.5615", "1.5575", "1.5535"]


def test_points_that_are_no_number_are_left_out() -> None:
    odd = Curve("a", [0, 1, 2, 3], [math.nan, 2.0, math.inf, 1.0])
    assert draw_curves([odd], "x", "y", 80) == draw_curves([Curve("a", [1, 3], [2.0, 1.0])], "x", "y", 80)
    assert "b  none" in draw_curves([odd, Curve("none", [1], [math.nan])], "x", "y", 80)


@pytest.mark.parametrize(("xs", "ys"), [([0], [0.0]), ([3], [2.0]), ([0, 0], [1.0, 2.0]), ([0, 9], [2.0, 2.0])])
def test_a_point_or_a_level_line_can_be_drawn(xs: list[float], ys: list[float]) -> None:
    rows = plot_rows(draw_curves([Curve("a", xs, ys)], "x", "y", 80))
    assert (0 in {row for _, row in dots(rows)}) or rows[0].strip() == "a"


def test_values_are_dots_on_a_common_scale() -> None:
    label, *lines = draw_values(
        [Value("low", 1.0, 0.01), Value("middle", 1.5), Value("high", 2.0)], "y", 80
    ).splitlines()
    assert label == "y"
    low, middle, high = (line.index("●") for line in lines)
    assert low < middle < high
    assert middle == pytest.approx((low + high) / 2, abs=1)
    assert lines[0].endswith("1.0000 ± 0.0100")
    assert lines[1].rstrip().endswith("1.5000")
    assert "●" in draw_values([Value("alone", 1.0)], "y", 80)
