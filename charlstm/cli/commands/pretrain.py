"""charlstm pretrain: a stack from scratch."""

from __future__ import annotations

from typing import Any

import click

from charlstm.cli.method_options import (
    embedding_option,
    gradual_option,
    phase_dropout_option,
    phase_epochs_option,
    target_offset_option,
    tie_weights_option,
)
from charlstm.cli.options import (
    layers_option,
    out_option,
    text_arguments,
    training_options,
    units_option,
)
from charlstm.cli.recipe import follow_recipe, print_recipe
from charlstm.cli.sections import TrainingCommand
from charlstm.cli.training import emit_report, pretraining


@click.command(cls=TrainingCommand)
@click.pass_context
@text_arguments
@out_option("Model directory to make.", "pretrain")
@layers_option
@units_option
@embedding_option
@tie_weights_option
@target_offset_option
@gradual_option
@phase_epochs_option
@phase_dropout_option
@training_options("pretrain")
def command(
    context: click.Context,
    texts: tuple[str, ...],
    dry_run: bool,
    as_json: bool,
    **training: Any,  # noqa: ARG001
) -> None:
    """Train a stack of LSTM layers from scratch.

    Give a dataset directory, or texts as `charlstm preprocess` takes them; without either, a small stack learns English
    from Python's own manual.
    """
    follow_recipe(context)
    if dry_run:
        print_recipe(context, as_json=as_json)
        return
    from charlstm.model.runtime import start_tensorflow

    start_tensorflow()
    from charlstm.cli.console import note
    from charlstm.cli.progress import observer_for
    from charlstm.training.runs import pretrain

    report = pretrain(*pretraining(context, texts), observer_for, note)
    emit_report(report, as_json=as_json)
