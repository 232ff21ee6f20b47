"""charlstm report: a model judged by what it writes."""

from __future__ import annotations

from pathlib import Path

import click

from charlstm.cli.options import DIRECTORY, json_option, model_option, random_seed_option


@click.command()
@model_option("Model directory to judge.")
@click.option(
    "--against",
    type=DIRECTORY,
    metavar="DATASET",
    show_default="that in the model's directory, of one trained on texts",
    help="Dataset whose training text it is judged by.",
)
@click.option(
    "--base",
    type=DIRECTORY,
    metavar="MODEL",
    help="Model that it was transferred from, to say which of the two its text is closer to: dataset or base.",
)
@click.option(
    "--length",
    type=click.IntRange(100, 1_000_000),
    default=20_000,
    show_default=True,
    help="Characters to write, in texts of a thousand.",
)
@click.option(
    "--temperature", type=click.FloatRange(0), default=0.7, show_default=True, help="As in `charlstm sample`."
)
@random_seed_option
@json_option
def command(
    model: Path | None,
    against: Path | None,
    base: Path | None,
    length: int,
    temperature: float,
    random_seed: int,
    as_json: bool,
) -> None:
    """Let a model write, and judge its text.

    By its words, distributions, repetition and copying. Beside it stands as much text of the dataset that is not for
    training, where there is some: what a person would get. What the text copies from the training text is marked in a
    sample.
    """
    from charlstm.cli.console import emit_json
    from charlstm.cli.judgement import document_of, emit_model_report
    from charlstm.judging.report import report
    from charlstm.store.runs import newest_model

    found = report(model or newest_model(), against, base, length, temperature, random_seed)
    if as_json:
        emit_json(document_of(found))
    else:
        emit_model_report(found)
