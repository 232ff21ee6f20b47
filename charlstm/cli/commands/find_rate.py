"""charlstm find-rate: a learning rate for a text and a network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from charlstm.cli.method_options import REGULARIZER_OPTIONS, embedding_option, target_offset_option, tie_weights_option
from charlstm.cli.options import (
    DIRECTORY,
    STEP_OPTIONS,
    json_option,
    layers_option,
    overwrite_option,
    random_seed_option,
    text_arguments,
    units_option,
)
from charlstm.cli.params import RATE
from charlstm.cli.sections import TrainingCommand
from charlstm.cli.training import pretraining


def _step_options(command: Any) -> Any:
    for option in reversed((*STEP_OPTIONS, *REGULARIZER_OPTIONS)):
        command = option(command)
    return command


@click.command(cls=TrainingCommand)
@click.pass_context
@text_arguments
@click.option("-o", "--out", type=DIRECTORY, help="Figure to make as well, a .png or .svg.")
@click.option("--lowest", type=RATE, default=1e-5, show_default=True, help="Rate to begin with.")
@click.option("--highest", type=RATE, default=10.0, show_default=True, help="Rate to end with.")
@click.option("--steps", type=click.IntRange(2, 1_000_000), default=200, show_default=True, help="Updates, at most.")
@layers_option
@units_option
@embedding_option
@tie_weights_option
@target_offset_option
@_step_options
@random_seed_option
@overwrite_option
@json_option
def command(
    context: click.Context,
    texts: tuple[str, ...],
    out: Path | None,
    lowest: float,
    highest: float,
    steps: int,
    overwrite: bool,
    as_json: bool,
    **training: Any,  # noqa: ARG001
) -> None:
    """Find a learning rate: let it grow until the loss does.

    Trains for a moment, draws the loss over the rate and suggests the rate at which it falls fastest; no model is made
    or changed. The texts and the network are those of `charlstm pretrain`.
    """
    from charlstm.errors import OptionError

    if highest <= lowest:
        raise OptionError(f"--highest {highest:g}: must be above --lowest, {lowest:g}")
    from charlstm.plotting.figure_file import suffix_of
    from charlstm.store import atomic

    if out is not None:
        suffix_of(out)
        atomic.refuse_existing_file(out, overwrite=overwrite)
    from charlstm.model.runtime import start_tensorflow

    start_tensorflow()
    from charlstm.cli.console import emit_json, emit_text, note, terminal_columns, undrawable
    from charlstm.plotting import rate_range
    from charlstm.plotting.figure_file import write_figures
    from charlstm.training.rate_range import find_rate

    found = find_rate(*pretraining(context, texts), lowest, highest, steps, note)
    figure = {"rates": lambda: rate_range.figure_of(found.rates, found.losses, found.suggestion, found.unit)}
    if out is not None:
        write_figures(figure, out, overwrite=overwrite)
    if as_json:
        briefly = "char" if found.unit == "character" else found.unit
        emit_json({"suggestion": found.suggestion, "rates": found.rates, f"nats_per_{briefly}": found.losses})
        return
    drawing = rate_range.text_of(found.rates, found.losses, terminal_columns(), found.unit)
    if why := undrawable(drawing):
        note(f"{why}: set PYTHONUTF8=1, or give --out")
    else:
        emit_text(drawing)
    if found.suggestion is None:
        emit_text("The loss never fell: try a smaller --lowest, or more --steps.")
    else:
        emit_text(f"The loss falls fastest at --learning-rate {found.suggestion:.2g}")
