"""charlstm sample: text from a model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from charlstm.cli.console import emit_json, warn
from charlstm.cli.group import visible
from charlstm.cli.options import json_option, model_option, random_seed_option
from charlstm.cli.params import ESCAPED_TEXT
from charlstm.cli.standard_input import text_of

if TYPE_CHECKING:
    from charlstm.sampling.device import Device


@click.command()
@model_option("Model directory to sample from.")
@click.option("--seed", default="", metavar="TEXT", help="Text to go on from; `-` reads standard input.")
@click.option("--length", type=click.IntRange(0), default=500, show_default=True, help="Characters to write, at most.")
@click.option(
    "--temperature",
    type=click.FloatRange(0),
    default=0.7,
    show_default=True,
    help="Below 1 more careful, above 1 more daring; 0 always takes the likeliest.",
)
@click.option(
    "--top-k", type=click.IntRange(0), default=0, show_default="off", help="Draw among the K likeliest symbols."
)
@click.option(
    "--top-p",
    type=click.FloatRange(0, 1, min_open=True),
    default=1.0,
    show_default="off",
    help="Draw among the fewest symbols that have this probability together.",
)
@click.option("--num-samples", type=click.IntRange(1, 4096), default=1, show_default=True, help="Texts to write.")
@click.option("--stop", type=ESCAPED_TEXT, help=r"End before this text; \n is a line end.")
@click.option("--strict", is_flag=True, help="Refuse a seed with symbols that the model does not know.")
@click.option("--raw", is_flag=True, help="Print control characters as they are, not made visible.")
@random_seed_option
@click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "gpu"]),
    default="auto",
    show_default=True,
    help="auto takes a GPU for 64 texts or more; the same random seed may give another text there.",
)
@json_option
def command(
    model: Path | None,
    seed: str,
    length: int,
    temperature: float,
    top_k: int,
    top_p: float,
    num_samples: int,
    stop: str | None,
    strict: bool,
    raw: bool,
    random_seed: int,
    device: Device,
    as_json: bool,
) -> None:
    """Write text in the style of a model, streaming it as it comes."""
    from charlstm.config import SamplingConfig
    from charlstm.sampling.device import start_generation
    from charlstm.sampling.seed_text import read_seed
    from charlstm.store.model_directory import load_model
    from charlstm.store.runs import newest_model

    config = SamplingConfig(length, temperature, top_k, top_p, stop, random_seed)
    trained = load_model(model or newest_model())
    seed = text_of(seed, "the seed")
    prompt = read_seed(seed, trained.vocabulary, strict=strict)
    if prompt.folded or prompt.skipped:
        warn(_describe(prompt.folded, prompt.skipped))
    generation = start_generation(trained, num_samples, prompt.ids, config, device)
    show = str if raw else visible
    if as_json:
        for _ in generation:
            pass
        samples = zip(generation.texts, generation.stopped_by, strict=True)
        emit_json([{"seed": seed, "text": text, "stopped_by": reason} for text, reason in samples])
        return
    click.echo(show(seed), nl=False)
    for pieces in generation:
        if pieces[0]:
            click.echo(show(pieces[0]), nl=False)
    click.echo()
    for text in generation.texts[1:]:
        click.echo(f"\n{'-' * 20}\n\n{show(seed)}{show(text)}")


def _describe(folded: tuple[str, ...], skipped: tuple[str, ...]) -> str:
    parts = []
    if folded:
        parts.append(f"replaced by near ones: {' '.join(map(repr, folded))}")
    if skipped:
        parts.append(f"skipped: {' '.join(map(repr, skipped))}")
    return "the seed has symbols that the model does not know; " + "; ".join(parts)
