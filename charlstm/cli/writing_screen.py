"""What `sample --interactive` shows: the text with the suggestion, what is likely next, and the keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.console import Console, Group
from rich.layout import Layout
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from charlstm.cli.group import visible

if TYPE_CHECKING:
    from charlstm.sampling.draft import Draft

KEYS = (
    "\u2192 character",
    "Tab word",
    "End/^E line",
    "^G go on",
    "^N another",
    "^Z undo",
    "\u2191\u2193 temperature",
    "^S save",
    "^Q leave",
)
BETWEEN_KEYS = "  "
LIKELIEST_WIDTH = 30
# Below it there is room for the text alone.
WIDTH_FOR_LIKELIEST = 60
BAR_WIDTH = 10
FRAME = 2
# What the text keeps of a low window: below this, first the keys go, then the frame.
FEWEST_ROWS = 3
LEAST_FRAMED_WIDTH = 10


def screen(draft: Draft, message: str, console: Console) -> Layout:
    """Return all of the screen.

    Args:
        draft: the text.
        message: what happened last.
        console: where it is to be shown.
    """
    width, height = (max(1, size) for size in console.size)
    is_framed = height >= 1 + FRAME + FEWEST_ROWS and width >= LEAST_FRAMED_WIDTH
    frame = FRAME if is_framed else 0
    keys = _wrapped_keys(width)[: max(0, height - 1 - frame - FEWEST_ROWS)]
    foot = min(1 + len(keys), height - 1)
    rows = height - foot - frame
    has_likeliest = is_framed and width >= WIDTH_FOR_LIKELIEST
    # A frame has a space on either side of its lines.
    room = width - (2 + FRAME if is_framed else 0) - (LIKELIEST_WIDTH if has_likeliest else 0)
    text = _text(draft, max(1, room), rows)
    upper = Layout(Panel(text, title="charlstm") if is_framed else text)
    if has_likeliest:
        likeliest = Panel(_likeliest(draft, rows), title="likely next")
        left, upper = upper, Layout()
        upper.split_row(left, Layout(likeliest, size=LIKELIEST_WIDTH))
    if not foot:
        return upper
    layout = Layout()
    layout.split_column(upper, Layout(_foot(draft, message, keys, width), size=foot))
    return layout


def wrap(text: str, width: int) -> list[tuple[int, int]]:
    r"""Return where each line of a text begins and ends at a width, in characters; \n is in none.

    Lines end after a space where there is one. No character is left out, so that a cursor on a space that has no more
    room stands at the beginning of the next line.
    """
    lines = []
    start = space = cells = 0
    for place, character in enumerate(text):
        if character == "\n":
            lines.append((start, place))
            start = space = place + 1
            cells = 0
            continue
        cells += cell_len(character)
        if cells > width and place > start:
            end = space if space > start else place
            lines.append((start, end))
            start = space = end
            cells = cell_len(text[start : place + 1])
        if character == " ":
            space = place + 1
    return [*lines, (start, len(text))]


def rows_shown(count: int, cursor: int, rows: int) -> range:
    """Return which lines have room: the end of the text, the line of the cursor always, then the suggestion's.

    Args:
        count: of lines.
        cursor: the line on which it is.
        rows: for which there is room, 1 or more.
    """
    # A text that fills a high window lets the suggestion have some of it.
    after = min(count - 1 - cursor, rows // 4)
    start = max(0, cursor + 1 + after - rows)
    return range(start, min(count, start + rows))


def _text(draft: Draft, width: int, rows: int) -> Text:
    """Return the end of the text that has room, the suggestion dimmed after it, a cursor between them."""
    # More than fills the screen need not be wrapped again after each key.
    written = visible(draft.text[-2 * width * rows :]).expandtabs()
    suggested = visible(draft.suggestion).rstrip("\n") or " "
    whole = (written + suggested).expandtabs()
    text = Text(whole)
    cursor = len(written)
    text.stylize("reverse", cursor, cursor + 1)
    text.stylize("dim", cursor + 1)
    lines = wrap(whole, width)
    line = max(number for number, (start, _) in enumerate(lines) if start <= cursor)
    shown = [text[slice(*lines[number])] for number in rows_shown(len(lines), line, rows)]
    joined = Text("\n").join(shown)
    joined.no_wrap, joined.overflow = True, "crop"
    return joined


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


def _wrapped_keys(width: int) -> list[str]:
    """Return the lines of the help on keys at a width, no key parted."""
    lines = [KEYS[0]]
    for key in KEYS[1:]:
        longer = f"{lines[-1]}{BETWEEN_KEYS}{key}"
        if cell_len(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(key)
    return lines


def _foot(draft: Draft, message: str, keys: list[str], width: int) -> Group:
    status = f"temperature {draft.config.temperature:.1f}   {len(draft.text):,} characters"
    if message:
        whole = f"{status}   {message}"
        status = whole if cell_len(whole) <= width else message
    return Group(Text(status, "bold", no_wrap=True), *(Text(line, "dim", no_wrap=True) for line in keys))


def _name(symbol: str) -> str:
    names = {" ": "space", "\n": "line end", "\t": "tab", "\n\n": "the end"}
    return names.get(symbol, visible(symbol))
