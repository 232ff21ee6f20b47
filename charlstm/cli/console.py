"""What the terminal shows: results on stdout, progress and messages on stderr."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from charlstm.cli.group import visible

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

# Columns of a terminal that a passage of text in a table is cut to, at least.
LEAST_PASSAGE = 20


def emit_json(document: Any) -> None:
    """Print one JSON document to stdout: the whole output of a command under --json."""
    click.echo(json.dumps(document, indent=2, ensure_ascii=True, allow_nan=False))


def emit_facts(title: str, facts: Mapping[str, str]) -> None:
    """Print a two-column table of facts to stdout."""
    _table_console().print(
        _table(title, ("", ""), ([visible(name), visible(value)] for name, value in facts.items()), (0, 1))
    )


def emit_table(
    title: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    texts: Sequence[int] = (0,),
    *,
    spare: Sequence[str] = (),
    passages: int | None = None,
) -> None:
    """Print a table to stdout.

    Args:
        title: of the table.
        columns: their names.
        rows: a cell for each column.
        texts: the places of columns that read from the left; the others are numbers.
        spare: columns that a terminal too narrow for all does without, the first to go first.
        passages: the place of a column of text that is cut to what the others leave of a line.
    """
    from rich.cells import cell_len, set_cell_size

    console = _table_console()
    cells = [[visible(cell) for cell in row] for row in rows]
    widths = [
        max(map(cell_len, (visible(column), *(row[place] for row in cells)))) for place, column in enumerate(columns)
    ]
    if passages is not None:
        widths[passages] = min(widths[passages], LEAST_PASSAGE)
    kept, left_out = list(range(len(columns))), []
    for name in spare:
        if _line(widths[place] for place in kept) <= console.width:
            break
        if name in columns:
            kept.remove(columns.index(name))
            left_out.append(name)
    if passages is not None:
        most = LEAST_PASSAGE + max(0, console.width - _line(widths[place] for place in kept))
        for row in cells:
            if cell_len(row[passages]) > most:
                row[passages] = set_cell_size(row[passages], most)
    table = _table(
        title,
        [columns[place] for place in kept],
        ([row[place] for place in kept] for row in cells),
        [place for place, before in enumerate(kept) if before in texts],
        f"A wider terminal also shows: {', '.join(left_out)}." if left_out else None,
    )
    console.print(table)


def emit_text(text: str) -> None:
    """Print text to stdout."""
    click.echo(visible(text))


def undrawable(drawing: str) -> str | None:
    """Return why stdout cannot show a drawing, None where it can."""
    encoding = sys.stdout.encoding or "utf-8"
    try:
        drawing.encode(encoding)
    except UnicodeEncodeError:
        return f"{encoding} has no characters to draw with"
    return None


def terminal_columns() -> int:
    """Return the width of the terminal, 80 where there is none."""
    return shutil.get_terminal_size().columns


def stdout_console(width: int | None = None) -> Console:
    """Return what prints with Rich to stdout, of the terminal's width unless another is given."""
    from rich.console import Console

    class Stdout(Console):
        def on_broken_pipe(self) -> None:
            """Leave a pipe that nobody reads any more to the error boundary, as `click.echo` does."""
            raise BrokenPipeError from None

    return Stdout(highlight=False, width=width)


def note(message: str) -> None:
    """Print a message to stderr."""
    click.echo(visible(message), err=True)


def warn(message: str) -> None:
    """Print a warning to stderr."""
    note(f"Warning: {message}")


def stderr_is_terminal() -> bool:
    """Tell whether progress may be drawn in place."""
    return sys.stderr.isatty()


def _table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], texts: Sequence[int], caption: str | None = None
) -> Table:
    # Rich takes 50 ms to import, which a command that prints no table should not pay.
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(
        title=Text(visible(title)),
        title_justify="left",
        title_style="bold",
        caption=caption,
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        show_header=any(columns),
    )
    for position, column in enumerate(columns):
        name = Text(visible(column))
        table.add_column(name, justify="left" if position in texts else "right", overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    return table


def _line(widths: Iterable[int]) -> int:
    """Return the width of a table whose columns have these: Rich puts three spaces between two and one more beside."""
    return 1 + sum(width + 3 for width in widths)


def _table_console() -> Console:
    # Without a terminal there is no width to keep to: a table in a file or a pipe is never wrapped.
    return stdout_console(width=None if sys.stdout.isatty() else 200)
