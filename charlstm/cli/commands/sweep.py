"""charlstm sweep: many transfers and trainings from scratch, one table."""

from __future__ import annotations

import dataclasses
import shlex
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from charlstm.cli.method_options import refuse_idle, unfreeze_every_option, unfreeze_option
from charlstm.cli.options import (
    freeze_head_option,
    frozen_cache_option,
    models_option,
    new_symbols_option,
    out_option,
    text_arguments,
    trial_options,
)
from charlstm.cli.params import GIVEN, INTEGERS, NUMBERS, SUBSETS, is_on_command_line
from charlstm.cli.sections import TrainingCommand
from charlstm.cli.training import TRAINING
from charlstm.errors import OptionError

if TYPE_CHECKING:
    from charlstm.experiments.begin import SweepOptions
    from charlstm.experiments.table import Table
    from charlstm.store.sweep_results import SweepRow

BUILT_IN = "ballads"
# Options that go into the sweep as they are.
AS_THEY_ARE = (
    *("overwrite", "resume", "subsets", "scratch", "scratch_units", "scratch_layers", "seeds", "fractions"),
    *("freeze_head", "new_symbols", "preset", "dropout"),
)
# Options that say where and how a sweep is run, or what is compared by other means than their names.
NOT_OF_THE_SWEEP = {
    *("texts", "models", "out", "resume", "overwrite", "jobs", "padded_loss", "checkpoint_minutes", "as_json"),
}
# Columns of the table that a narrow terminal does without, the first to go first; report.md has them all.
SPARE_COLUMNS = ("bits/char", "epochs", "trained", "seconds", "padded", "gap", "validation")


@click.command(cls=TrainingCommand)
@click.pass_context
@text_arguments
@models_option("Base model directory; several become columns.")
@out_option("Directory of the sweep to make.", "sweep")
@click.option(
    "--subsets",
    type=SUBSETS,
    default="all",
    show_default=True,
    help="What to retrain: every subset of layers, head only and the base untouched; or a list such as "
    "'0;2;0,2;all;none;untouched', where all is all layers and none the head only.",
)
@click.option(
    "--scratch", is_flag=True, help="Train models on the target alone too, each until patience or --epochs ends it."
)
@click.option("--scratch-units", type=INTEGERS, default="64,128,256", show_default=True, help="Their units.")
@click.option("--scratch-layers", type=INTEGERS, default="2,3", show_default=True, help="Their LSTM layers.")
@click.option("--seeds", type=click.IntRange(1), default=3, show_default=True, help="Random seeds of each, 1 to this.")
@click.option(
    "--fractions",
    type=NUMBERS,
    default="1",
    show_default=True,
    help="Parts of the training text to learn from; a larger one contains the smaller.",
)
@click.option("--padded-loss", is_flag=True, help="Report the loss as papers that average over padding do, too.")
@click.option(
    "--jobs",
    type=click.IntRange(1, 1024),
    show_default="one a core, or 1 with a GPU",
    help="Processes that run trials beside each other.",
)
@freeze_head_option
@new_symbols_option
@frozen_cache_option
@unfreeze_option
@unfreeze_every_option
@trial_options
def command(
    context: click.Context, texts: tuple[str, ...], models: tuple[Path, ...], as_json: bool, **options: Any
) -> None:
    """Compare what to retrain: many trainings, one table.

    Runs transfers of each base and, with --scratch, trainings from scratch. Give a dataset directory, or texts as
    `charlstm preprocess` takes them; without either, the target is a built-in collection of ballads. The options of a
    training apply to every trial, --unfreeze to those that retrain several parts of a base.

    A trial that is finished is never run again: --resume goes on with a sweep that was stopped, and several processes
    or machines that run the same line with --resume on one shared folder share its trials. The directory also gets
    results.csv, and report.md with the table, figures and what they say in words.
    """
    from charlstm.cli.console import emit_json, note
    from charlstm.cli.sweep_progress import sweep_observer
    from charlstm.experiments.sweep import sweep

    asked = _asked(context, texts, models)
    is_padded = options["padded_loss"]
    table = sweep(asked, options["jobs"], options["checkpoint_minutes"], sweep_observer(), note, padded=is_padded)
    if as_json:
        emit_json([_as_json(row, is_padded=is_padded) for row in table.rows])
    else:
        _emit(asked.out, table)


def _asked(context: click.Context, texts: tuple[str, ...], models: tuple[Path, ...]) -> SweepOptions:
    """Return the sweep that the command line asks for."""
    from charlstm.experiments.begin import SweepOptions
    from charlstm.store.runs import directory_of, newest_model, next_run

    values = context.params
    given = {name for name in values if context.get_parameter_source(name) in GIVEN} - NOT_OF_THE_SWEEP
    if values["resume"] and values["overwrite"]:
        raise OptionError("--resume goes on with what stands at --out, --overwrite replaces it: give one of them")
    if values["resume"] and values["out"] is None:
        raise OptionError("--resume needs the directory of the sweep: -o DIR")
    if not values["scratch"] and (sizes := given & {"scratch_units", "scratch_layers"}) and not values["resume"]:
        raise OptionError(f"--{sorted(sizes)[0].replace('_', '-')} is of the models that --scratch adds: give that too")
    options = SweepOptions(
        texts=texts,
        bases=models,
        out=values["out"] or next_run("sweep"),
        command=_command_line(context, models),
        training={name: values[name] for name in values if name in TRAINING},
        given=given,
        **{name: values[name] for name in AS_THEY_ARE},
    )
    if options.is_begun:
        # What the environment says is for sweeps to come.
        return dataclasses.replace(options, given={name for name in given if is_on_command_line(context, name)})
    refuse_idle(context)
    bases = tuple(map(directory_of, models)) or (newest_model(),)
    return dataclasses.replace(options, texts=texts or (BUILT_IN,), bases=bases, command=_command_line(context, bases))


def _command_line(context: click.Context, bases: tuple[Path, ...]) -> str:
    """Return the command line, as far as it says what the sweep is, with bases as they are called later too."""
    parts = ["charlstm", "sweep", *context.params["texts"], *(part for base in bases for part in ("-m", str(base)))]
    for option in context.command.params:
        value = context.params[str(option.name)]
        if option.name in ("texts", "models") or context.get_parameter_source(str(option.name)) not in GIVEN:
            continue
        name = max(option.opts, key=len)
        if value is True:
            parts.append(name)
        elif value is False:
            parts.append(option.secondary_opts[0])
        elif option.name == "subsets":
            parts += [name, "all" if value == ("every",) else ";".join(value)]
        elif isinstance(value, tuple):
            parts += [name, ",".join(f"{each:.12g}" for each in value)]
        else:
            parts += [name, str(value)]
    return shlex.join(parts)


def _as_json(row: SweepRow, *, is_padded: bool) -> dict[str, Any]:
    document = dataclasses.asdict(row)
    if not is_padded:
        del document["padded_nats_per_char"]
    return document


def _emit(out: Path, table: Table) -> None:
    """Print a table for each amount of text, and what they say."""
    from charlstm.cli.console import emit_table, emit_text, terminal_columns
    from charlstm.experiments.findings import findings
    from charlstm.experiments.report import REPORT, details, side_by_side

    for fraction in dict.fromkeys(row.fraction for row in table.rows):
        rows = [row for row in table.rows if row.fraction == fraction]
        title = f"{rows[0].train_chars:,} characters to learn from"
        has_several = len({row.base for row in rows} - {None}) > 1
        if has_several:
            emit_table(title, *side_by_side(rows))
        texts = (0, 1) if has_several else (0,)
        emit_table(f"{title}: nats per character", *details(rows), texts=texts, spare=SPARE_COLUMNS)
    emit_text(textwrap.fill(" ".join(findings(table)), terminal_columns(), break_on_hyphens=False))
    emit_text(f"\nReport {out / REPORT}")
