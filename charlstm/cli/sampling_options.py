"""The options of sampling: where a text begins and ends, and how its symbols are drawn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from charlstm.cli.params import ESCAPED_TEXT, NUMBERS

LENGTH = 500
# Where something else is to end the text, the length only keeps it from going on for ever.
LENGTH_UNTIL_AN_END = 10_000

# How a symbol is drawn, which a search for the likeliest text does not do.
DRAWING = (
    "temperature",
    "word_start_temperature",
    "top_k",
    "top_p",
    "min_p",
    "repetition_penalty",
    "repetition_window",
)

_OPTIONS = (
    click.option("--seed", default="", metavar="TEXT", help="Text to go on from; `-` reads standard input."),
    click.option("--seeds", metavar="FILE", help="Texts to go on from, one a line; `-` reads standard input."),
    click.option(
        "--length",
        type=click.IntRange(0),
        show_default=f"{LENGTH}; {LENGTH_UNTIL_AN_END:,} with --lines, --words or --until-document-end",
        help="Characters to write, at most; or words, by a model of words.",
    ),
    click.option("--lines", type=click.IntRange(0), default=0, show_default="off", help="End after so many lines."),
    click.option("--words", type=click.IntRange(0), default=0, show_default="off", help="End after so many words."),
    click.option("--until-document-end", is_flag=True, help="End where the model ends the document."),
    click.option("--stop", type=ESCAPED_TEXT, help=r"End before this text; \n is a line end."),
    click.option(
        "--temperature",
        type=NUMBERS,
        default="0.7",
        show_default=True,
        help="Below 1 more careful, above 1 more daring; 0 always takes the likeliest. Several are taken in turn.",
    ),
    click.option(
        "--word-start-temperature",
        type=click.FloatRange(0),
        show_default="the same",
        help="Temperature outside of words and for their first letter; --temperature is for the others then.",
    ),
    click.option(
        "--top-k", type=click.IntRange(0), default=0, show_default="off", help="Draw among the K likeliest symbols."
    ),
    click.option(
        "--top-p",
        type=click.FloatRange(0, 1, min_open=True),
        default=1.0,
        show_default="off",
        help="Draw among the fewest symbols that have this probability together.",
    ),
    click.option(
        "--min-p",
        type=click.FloatRange(0, 1),
        default=0.0,
        show_default="off",
        help="Draw among symbols with at least this part of the likeliest one's probability.",
    ),
    click.option(
        "--repetition-penalty",
        type=click.FloatRange(1, 1e6),
        default=1.0,
        show_default="off",
        help="Divide by this the probability of symbols that were written lately.",
    ),
    click.option(
        "--repetition-window",
        type=click.IntRange(1, 1_000_000),
        default=64,
        show_default=True,
        help="How many symbols back that is.",
    ),
    click.option("--forbid", type=ESCAPED_TEXT, default="", metavar="CHARS", help="Characters never to write."),
    click.option(
        "--beam",
        type=click.IntRange(0, 1024),
        default=0,
        show_default="off",
        help="Look for the likeliest text with this many beginnings beside each other, instead of drawing one.",
    ),
    click.option(
        "--num-samples",
        type=click.IntRange(1, 4096),
        show_default="1; one for each --temperature",
        help="Texts to write, for each seed.",
    ),
)


def sampling_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give all of them, in this order in the help page; most are named as a field of `SamplingConfig`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
