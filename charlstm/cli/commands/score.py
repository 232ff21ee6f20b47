"""charlstm score: how well models predict each line, document or file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from charlstm.cli.options import json_option, models_option, scoring_precision_option

if TYPE_CHECKING:
    from charlstm.config import Precision
    from charlstm.evaluation.scores import Scores
    from charlstm.evaluation.units import By


@click.command()
@click.argument("texts", nargs=-1, required=True, metavar="TEXT...")
@models_option("Model directory; several are compared.")
@click.option(
    "--by",
    type=click.Choice(["line", "document", "file"]),
    default="file",
    show_default=True,
    help="What is scored by itself; lines are all those of a file, Project Gutenberg's licence among them; documents "
    "are rows of a table, or parted by two blank lines, or by one where the text nowhere has two.",
)
@click.option("--column", metavar="NAME", show_default="the only one, or text", help="Column that holds the text.")
@click.option("--sort", "is_sorted", is_flag=True, help="What is predicted best comes first.")
@scoring_precision_option
@json_option
def command(
    texts: tuple[str, ...],
    models: tuple[Path, ...],
    by: By,
    column: str | None,
    is_sorted: bool,
    precision: Precision | Literal["auto"],
    as_json: bool,
) -> None:
    """Score texts by line, document or file, with one model or more.

    By bits per character, and which model fits best. A text is anything that `charlstm preprocess` takes. Each line,
    document or file is read as the beginning of a document; only characters that all models know are scored. The model
    with the fewest bits is that of the likeliest author.
    """
    import dataclasses

    from charlstm.model.runtime import keep_products_on_a_core

    keep_products_on_a_core()
    from charlstm.cli.console import emit_json, note
    from charlstm.evaluation.scores import score_texts
    from charlstm.store.runs import newest_model

    scores = score_texts(
        models or [newest_model()], texts, by, note, column=column, is_sorted=is_sorted, precision=precision
    )
    if as_json:
        emit_json(dataclasses.asdict(scores))
    else:
        _emit(scores)


def _emit(scores: Scores) -> None:
    from charlstm.cli.console import emit_table, emit_text

    models = list(scores.bits_per_char)
    many_sources = len({unit.source for unit in scores.units}) > 1
    named = many_sources or scores.by == "file"
    columns = [
        *(["text"] if named else []),
        *([scores.by] if scores.by != "file" else []),
        "characters",
        *(models if len(models) > 1 else ["bits/character"]),
        *(["fits best"] if len(models) > 1 else []),
        "beginning",
    ]
    rows = [
        [
            *([unit.source] if named else []),
            *([f"{unit.number:,}"] if scores.by != "file" else []),
            f"{unit.chars:,}",
            *("-" if bits is None else f"{bits:.3f}" for bits in unit.bits_per_char.values()),
            *([unit.best or "-"] if len(models) > 1 else []),
            " ".join(unit.beginning.split()),
        ]
        for unit in scores.units
    ]
    texts = [place for place, column in enumerate(columns) if column in ("text", "fits best", "beginning")]
    title = f"Bits per character by {scores.by}"
    emit_table(title, columns, rows, texts, spare=("characters",), passages=len(columns) - 1)
    emit_text(_summary(scores))


def _summary(scores: Scores) -> str:
    """Return what all units together cost, in a sentence."""
    of = f"{len(scores.units):,} {scores.by}{'s' if len(scores.units) != 1 else ''}, {scores.chars:,} characters"
    if scores.best is None:
        (bits,) = scores.bits_per_char.values()
        return f"{of}: {bits:.3f} bits per character."
    ranked = sorted(scores.bits_per_char.items(), key=lambda item: item[1])
    listed = ", ".join(f"{bits:.3f} for {model}" for model, bits in ranked)
    wins = ", ".join(f"{model} {scores.fits_best[model]:,}" for model, _ in ranked)
    return f"{of}: {scores.best} fits best, with {listed} (bits per character). Each fits best so many of them: {wins}."
