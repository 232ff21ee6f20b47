"""charlstm transfer: a trained stack carried over to another text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from charlstm.cli.method_options import (
    unfreeze_every_option,
    unfreeze_option,
)
from charlstm.cli.options import (
    freeze_head_option,
    frozen_cache_option,
    model_option,
    new_symbols_option,
    out_option,
    text_arguments,
    training_options,
)
from charlstm.cli.params import LAYERS
from charlstm.cli.recipe import follow_recipe, print_recipe
from charlstm.cli.sections import TrainingCommand
from charlstm.cli.training import emit_report, run_options

BUILT_IN = "ballads"


@click.command(cls=TrainingCommand)
@click.pass_context
@text_arguments
@model_option("Base model directory.")
@out_option("Model directory to make.", "transfer")
@click.option(
    "--retrain",
    type=LAYERS,
    default="all",
    show_default=True,
    help="LSTM layers to train, 0 at the bottom; none for the head alone.",
)
@freeze_head_option
@new_symbols_option
@frozen_cache_option
@unfreeze_option
@unfreeze_every_option
@training_options("transfer")
def command(
    context: click.Context,
    texts: tuple[str, ...],
    model: Path | None,
    retrain: tuple[int, ...] | str,
    freeze_head: bool,
    new_symbols: str,
    dry_run: bool,
    as_json: bool,
    **training: Any,  # noqa: ARG001
) -> None:
    """Carry a trained stack over to a small text.

    Only the layers that --retrain names are trained. Give a dataset directory, or texts as `charlstm preprocess` takes
    them; without either, the target is a built-in collection of ballads.
    """
    follow_recipe(context)
    if dry_run:
        print_recipe(context, as_json=as_json)
        return
    from charlstm.model.runtime import start_tensorflow

    start_tensorflow()
    from charlstm.cli.console import note
    from charlstm.cli.progress import observer_for
    from charlstm.judging.closeness import closeness_after_transfer
    from charlstm.store.runs import newest_model
    from charlstm.training.runs import transfer

    options = run_options(context, texts, BUILT_IN)
    if model is None and not options.is_begun:
        model = newest_model()
        note(f"From {model}.")
    report = transfer(options, model, retrain, freeze_head, new_symbols, observer_for, note)  # type: ignore[arg-type]
    emit_report(report, closeness_after_transfer(Path(report.model)), as_json=as_json)
