"""charlstm transfer: a trained stack carried over to another text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from charlstm.cli.options import model_option, out_option, text_arguments, training_options
from charlstm.cli.params import LAYERS
from charlstm.cli.training import emit_report, run_options

BUILT_IN = "ballads"


@click.command()
@click.pass_context
@text_arguments
@model_option("Base model directory.")
@out_option("Model directory to make.", "transfer")
@click.option("--retrain", type=LAYERS, default="all", show_default=True, help="LSTM layers to train, 0 at the bottom.")
@click.option("--freeze-head", is_flag=True, help="Keep the softmax head as it is too.")
@click.option(
    "--new-symbols",
    type=click.Choice(["extend", "drop", "error"]),
    default="extend",
    show_default=True,
    help="Symbols that the base never saw are added, left out, or refused.",
)
@click.option(
    "--frozen-cache-gb",
    type=click.FloatRange(0),
    show_default="4.0, or 0 with --batching documents",
    help="Disk for outputs of frozen layers at the bottom, computed only once where they are without dropout.",
)
@training_options
def command(
    context: click.Context,
    texts: tuple[str, ...],
    model: Path | None,
    retrain: tuple[int, ...] | str,
    freeze_head: bool,
    new_symbols: str,
    as_json: bool,
    **training: Any,  # noqa: ARG001
) -> None:
    """Carry a trained stack over to a small text, training only the named layers.

    Give a dataset directory, or texts as `charlstm preprocess` takes them; without either, the target is a built-in
    collection of ballads.
    """
    from charlstm.model.runtime import start_tensorflow

    start_tensorflow()
    from charlstm.cli.console import note
    from charlstm.cli.progress import observer_for
    from charlstm.store.runs import newest_model
    from charlstm.training.runs import transfer

    options = run_options(context, texts, BUILT_IN)
    if model is None and not options.is_begun:
        model = newest_model()
    report = transfer(options, model, retrain, freeze_head, new_symbols, observer_for, note)  # type: ignore[arg-type]
    emit_report(report, as_json=as_json)
