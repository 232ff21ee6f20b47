"""Small figures made of Unicode characters: curves in Braille dots, values as dots on a common scale."""

from __future__ import annotations

import math
import string
from collections.abc import Sequence
from dataclasses import dataclass

from charlstm.plotting.names import readable

NARROWEST = 40
# Rows of the curves: the heights beside them are written at the first, the last, and two between.
HEIGHT = 13
LETTERS = string.ascii_letters + string.digits
MOST_LETTERS_IN_A_ROW = 6
# A Braille character holds 2 x 4 dots; the bit of each, by column and row.
BRAILLE, DOTS = 0x2800, ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
# Of so many dots of a dashed line one is drawn.
DASH = 3


@dataclass(frozen=True)
class Curve:
    """A line through points.

    Attributes:
        name: what the key calls it.
        xs: where the points are: 0 or more, rising.
        ys: their heights; those that are not finite are left out.
        is_dashed: whether it is drawn lightly.
    """

    name: str
    xs: Sequence[float]
    ys: Sequence[float]
    is_dashed: bool = False

    @property
    def points(self) -> list[tuple[float, float]]:
        """The points that can be drawn."""
        return [(x, y) for x, y in zip(self.xs, self.ys, strict=True) if math.isfinite(y)]


@dataclass(frozen=True)
class Value:
    """A value on a scale, and its standard deviation, None where that is not known."""

    name: str
    value: float
    deviation: float | None = None


def draw_curves(curves: Sequence[Curve], x_label: str, y_label: str, width: int) -> str:
    """Return curves from 0 to the right, each with a letter at its end, and a key of the letters below.

    Args:
        curves: what to draw; at least one has a point.
        x_label: what is counted to the right, with its unit.
        y_label: what is measured upwards, with its unit.
        width: columns of the whole; taken as 40 where it is less.
    """
    points = [point for curve in curves for point in curve.points]
    right, low, high = max(x for x, _ in points), min(y for _, y in points), max(y for _, y in points)
    heights = _heights(low, high)
    margin = max(map(len, heights.values())) + 1
    room = 1 + min(len(curves), MOST_LETTERS_IN_A_ROW)
    columns = max(width, NARROWEST) - margin - 1 - room
    canvas = _Canvas(columns, HEIGHT, right, low, high)
    for curve in curves:
        canvas.line(curve)
    for letter, curve in _lettered(curves):
        canvas.letter(letter, curve, room)
    lines = [y_label]
    for row in range(HEIGHT):
        edge = "┤" if row in heights else "│"
        lines.append(f"{heights.get(row, ''):>{margin - 1}} {edge}{canvas.row(row, room)}".rstrip())
    lines.append(" " * margin + "└" + "─" * columns)
    most = f"{right:,.4g}"
    between = columns - 1 - len(most)
    lines.append(" " * (margin + 1) + "0" + f"{x_label:^{between}}"[:between] + most)
    lines += [f"  {letter}  {readable(curve.name, max(width, NARROWEST) - 5)}" for letter, curve in _lettered(curves)]
    return "\n".join(lines)


def draw_values(values: Sequence[Value], label: str, width: int) -> str:
    """Return a row for each value: its name, a dot on a scale that all share, and the number with its deviation.

    Args:
        values: what to draw, from the top; at least one.
        label: what is measured, with its unit.
        width: columns of the whole; taken as 40 where it is less.
    """
    width = max(width, NARROWEST)
    names = [readable(value.name, 2 * width // 5) for value in values]
    numbers = [
        f"{each.value:.4f}" + (f" ± {each.deviation:.4f}" if each.deviation is not None else "") for each in values
    ]
    margin = max(map(len, names))
    columns = width - margin - max(map(len, numbers)) - 3
    low, high = min(each.value for each in values), max(each.value for each in values)
    lines = [label]
    for name, each, number in zip(names, values, numbers, strict=True):
        position = round((columns - 1) * _share(each.value, low, high))
        lines.append(f" {name:>{margin}} {'·' * position}●{' ' * (columns - 1 - position)} {number}")
    return "\n".join(lines)


class _Canvas:
    """Cells of Braille dots with a scale in each direction, and room for letters at the right."""

    def __init__(self, columns: int, rows: int, right: float, low: float, high: float) -> None:
        self._columns, self._rows = columns, rows
        self._right, self._low, self._high = right, low, high
        self._bits: dict[tuple[int, int], int] = {}
        self._letters: dict[tuple[int, int], str] = {}

    def line(self, curve: Curve) -> None:
        dots = [self._dot(x, y) for x, y in curve.points]
        count = 0
        for (x, y), (next_x, next_y) in zip(dots, [*dots[1:], *dots[-1:]], strict=True):
            steps = max(1, abs(next_x - x), abs(next_y - y))
            for step in range(steps):
                if not curve.is_dashed or count % DASH == 0:
                    self._set(round(x + (next_x - x) * step / steps), round(y + (next_y - y) * step / steps))
                count += 1

    def letter(self, letter: str, curve: Curve, room: int) -> None:
        """Write a letter behind the end of a curve, or as near to it as there is no other letter."""
        if not curve.points:
            return
        x, y = self._dot(*curve.points[-1])
        column, row = x // 2 + 1, y // 4
        cells = [(column + right, row + down) for down in range(-self._rows, self._rows) for right in range(room)]
        cells.sort(key=lambda cell: (abs(cell[1] - row), cell[0]))
        for cell in cells:
            if 0 <= cell[1] < self._rows and cell not in self._letters:
                self._letters[cell] = letter
                return

    def row(self, row: int, room: int) -> str:
        return "".join(self._cell(column, row) for column in range(self._columns + room))

    def _cell(self, column: int, row: int) -> str:
        if letter := self._letters.get((column, row)):
            return letter
        bits = self._bits.get((column, row), 0)
        return chr(BRAILLE + bits) if bits else " "

    def _dot(self, x: float, y: float) -> tuple[int, int]:
        """Return where a point falls, in dots from the left and from the top."""
        across = round((2 * self._columns - 1) * _share(x, 0, self._right))
        return across, round((4 * self._rows - 1) * (1 - _share(y, self._low, self._high)))

    def _set(self, x: int, y: int) -> None:
        cell = (x // 2, y // 4)
        self._bits[cell] = self._bits.get(cell, 0) | DOTS[x % 2][y % 4]


def _share(value: float, low: float, high: float) -> float:
    """Return how far a value is from low to high; 1 where these are the same."""
    return (value - low) / (high - low) if high > low else 1.0


def _heights(low: float, high: float) -> dict[int, str]:
    """Return what is written beside the rows of the curves."""
    if not high > low:
        return {0: _number(high, 0.1)}
    rows = (0, HEIGHT // 3, 2 * (HEIGHT // 3), HEIGHT - 1)
    return {row: _number(high + (low - high) * row / (HEIGHT - 1), high - low) for row in rows}


def _number(value: float, span: float) -> str:
    """Return a number with as many digits as tell values within a span apart."""
    decimals = 2 - math.floor(math.log10(span))
    return f"{value:.{decimals}f}" if 0 <= decimals <= 6 and abs(value) < 1e6 else f"{value:.4g}"


def _lettered(curves: Sequence[Curve]) -> list[tuple[str, Curve]]:
    return [(LETTERS[number % len(LETTERS)], curve) for number, curve in enumerate(curves)]
