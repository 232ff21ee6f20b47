"""What a sweep found, as text."""

from __future__ import annotations

from charlstm.plotting.style import in_units
from charlstm.plotting.sweep_bars import bars_of
from charlstm.plotting.sweep_fractions import lines_of, x_label
from charlstm.plotting.sweep_table import TEST_LOSS, SweepTable
from charlstm.plotting.terminal import Curve, Value, draw_curves, draw_values


def text_of(table: SweepTable, width: int) -> str:
    """Return the losses by retrained layers, and against the amount of text if there are several, in Unicode."""
    names = list(table.bases.values())
    values = []
    for bar in bars_of(table):
        of_base = f", {names[bar.base]}" if bar.base is not None and len(names) > 1 else ""
        values.append(Value(bar.group + of_base, bar.row.test_nats_per_char, bar.row.test_nats_per_char_std))
    text = draw_values(values, TEST_LOSS, width)
    if len(table.fractions) == 1 or not (lines := lines_of(table)):
        return text
    divisor, unit = in_units(table.train_chars(table.fractions[0]))
    curves = [
        Curve(
            line.name,
            [row.train_chars / divisor for row in line.rows],
            [row.test_nats_per_char for row in line.rows],
            is_dashed=line.base is None,
        )
        for line in lines
    ]
    return f"{text}\n\n{draw_curves(curves, x_label(unit), TEST_LOSS, width)}"
