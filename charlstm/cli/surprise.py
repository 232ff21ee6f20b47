"""How surprise is shown: as colours behind the characters on a terminal, as a line a character elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from charlstm.cli.console import stdout_console
from charlstm.cli.group import visible

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from charlstm.evaluation.surprise import Surprise

# Below how many bits a character has which name and style.  It is paper that grows darker: alike on dark and on light
# terminals, and in an order that can be seen without telling colours apart.
LEVELS = (
    (0.5, "below ½", "color(16) on color(231)"),
    (1.0, "½ to 1", "color(16) on color(229)"),
    (2.0, "1 to 2", "color(16) on color(221)"),
    (4.0, "2 to 4", "color(16) on color(208)"),
    (8.0, "4 to 8", "color(231) on color(160)"),
    (float("inf"), "8 or more", "color(231) on color(53)"),
)
NOT_SCORED = "strike dim"
# What stands for characters that leave no place for a colour.
SIGNS = {"\n": "↵\n", "\t": "→"}


def emit_surprises(characters: list[Surprise], unit: str) -> None:
    """Print what each character, or word, of a text costs to stdout, and the mean over those that are scored."""
    bits = [each.bits for each in characters if each.bits is not None]
    mean, count = sum(bits) / len(bits), f"{len(bits):,} {unit}{'s' if len(bits) > 1 else ''}"
    console = stdout_console()
    if console.is_terminal and console.color_system is not None and not console.no_color:
        _emit_colours(console, characters, unit)
        console.print(f"mean of {count}: {mean:.3f} bits")
        return
    for each in characters:
        click.echo(f"{'-' if each.bits is None else f'{each.bits:.3f}':>8}  {each.character!r}")
    click.echo(f"{mean:8.3f}  mean of {count}")


def _emit_colours(console: Console, characters: list[Surprise], unit: str) -> None:
    from rich.text import Text

    text = Text()
    for each in characters:
        text.append(SIGNS.get(each.character) or visible(each.character), _style(each.bits))
    # The terminal breaks the lines: Rich would swallow spaces where it does.
    console.print(text, soft_wrap=True)
    console.print()
    console.print(_legend(unit, with_unscored=any(each.bits is None for each in characters)))


def _legend(unit: str, *, with_unscored: bool) -> Text:
    from rich.text import Text

    legend = Text(f"bits per {unit}:")
    for _, label, style in LEVELS:
        legend.append(" ").append(f" {label} ", style)
    if with_unscored:
        legend.append("  ").append("not scored", NOT_SCORED)
    return legend


def _style(bits: float | None) -> str:
    if bits is None:
        return NOT_SCORED
    return next(style for below, _, style in LEVELS if bits < below)
