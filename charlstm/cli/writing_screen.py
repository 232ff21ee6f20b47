"""What `sample --interactive` shows: the text with the suggestion, what is likely next, and the keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.layout import Layout
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from charlstm.cli.group import visible

if TYPE_CHECKING:
    from charlstm.sampling.draft import Draft

KEYS = (
    "\u2192 a character   Tab a word   End (^E) a line   ^G let it go on   ^N another suggestion\n"
    "^Z undo   \u2191 \u2193 temperature   ^S save   ^Q leave"
)
LIKELIEST_WIDTH = 30
BAR_WIDTH = 10


def screen(draft: Draft, message: str, console: Console) -> Layout:
    """Return all of the screen.

    Args:
        draft: the text.
        message: what happened last.
        console: where it is to be shown.
    """
    width, height = console.size
    foot = 3
    rows = max(1, height - foot - 2)
    layout = Layout()
    layout.split_column(Layout(name="upper"), Layout(_foot(draft, message), size=foot))
    text = Panel(_text(draft, console, max(1, width - LIKELIEST_WIDTH - 4), rows), title="charlstm")
    layout["upper"].split_row(
        Layout(text), Layout(Panel(_likeliest(draft, rows), title="likely next"), size=LIKELIEST_WIDTH)
    )
    return layout


def _text(draft: Draft, console: Console, width: int, rows: int) -> Text:
    """Return the end of the text that has room, the suggestion dimmed after it, a cursor between them."""
    # More than fills the screen need not be wrapped again after each key.
    written = visible(draft.text[-2 * width * rows :])
    suggested = visible(draft.suggestion).rstrip("\n")
    text = Text(written)
    text.append(suggested[:1] or " ", "reverse")
    text.append(suggested[1:], "dim")
    lines = text.wrap(console, width, overflow="fold", no_wrap=False)
    return Text("\n").join(lines[-rows:])


def _likeliest(draft: Draft, rows: int) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 1, 0, 0))
    table.add_column()
    table.add_column(justify="right")
    table.add_column()
    for symbol, probability in draft.likeliest(min(rows, 20)):
        if probability < 0.0005:
            break
        table.add_row(Text(_name(symbol)), f"{probability:.1%}", Text("#" * round(probability * BAR_WIDTH), "green"))
    return table


def _foot(draft: Draft, message: str) -> Group:
    status = f"temperature {draft.config.temperature:.1f}   {len(draft.text):,} characters"
    return Group(Text(f"{status}   {message}" if message else status, "bold", no_wrap=True), Text(KEYS, "dim"))


def _name(symbol: str) -> str:
    names = {" ": "space", "\n": "line end", "\t": "tab", "\n\n": "the end"}
    return names.get(symbol, visible(symbol))
