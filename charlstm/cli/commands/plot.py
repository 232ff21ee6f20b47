"""charlstm plot: figures of trainings and sweeps."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from charlstm.cli.method_options import SCHEDULE, refuse_idle, schedule_options
from charlstm.cli.options import DIRECTORY, json_option, overwrite_option
from charlstm.cli.params import GIVEN, RATE

if TYPE_CHECKING:
    from charlstm.plotting.subject import Subject


@click.command()
@click.pass_context
@click.argument("paths", nargs=-1, type=DIRECTORY, metavar="[PATH...]")
@click.option(
    "-o",
    "--out",
    type=DIRECTORY,
    show_default="runs/plot-<n>/",
    help="File to make, a .png or .svg; several figures add their names to its.",
)
@click.option("--show", is_flag=True, help="Draw a small version in the terminal; a file only with --out.")
@click.option("--schedule", type=SCHEDULE, help="Draw this course of the learning rate, and no PATH.")
@click.option("--learning-rate", type=RATE, help="Its highest rate.  [default: 0.003]")
@click.option("--steps", type=click.IntRange(1, 10_000_000), help="Its length in updates.  [default: 1000]")
@click.option(
    "--steps-per-epoch", type=click.IntRange(1, 10_000_000), help="Updates of one of its epochs.  [default: 100]"
)
@schedule_options
@overwrite_option
@json_option
def command(
    context: click.Context,
    paths: tuple[Path, ...],
    out: Path | None,
    show: bool,
    overwrite: bool,
    as_json: bool,
    **schedule: Any,
) -> None:
    """Draw learning curves, what a sweep found, or a schedule.

    PATHs are model directories, whose curves are laid over each other; runs that are not finished yet, drawn as far
    as their newest checkpoint; or one sweep, of which there are bars, a heat map, and for several amounts of text
    the loss against them. Without PATH, the newest model. With --schedule, the learning rate over a run.
    """
    from charlstm.cli.console import emit_json, emit_text, terminal_columns, undrawable
    from charlstm.errors import CharlstmError, OptionError
    from charlstm.plotting.figure_file import write_figures
    from charlstm.plotting.subject import read_subject
    from charlstm.store.runs import newest_model

    if show and as_json:
        raise OptionError("--show and --json both write to stdout: give one of them")
    subject = _schedule(context, schedule, paths) or read_subject(paths or (newest_model(),))
    drawing = subject.text(terminal_columns()) if show else ""
    if why := undrawable(drawing):
        raise CharlstmError(f"{why}: set PYTHONUTF8=1, or omit --show")
    files = write_figures(subject.figures, out, overwrite=overwrite) if out or not show else []
    if as_json:
        emit_json({"figures": [str(path) for path in files]})
        return
    if show:
        emit_text(drawing)
    for path in files:
        emit_text(f"Figure {path}")


def _schedule(context: click.Context, values: dict[str, Any], paths: tuple[Path, ...]) -> Subject | None:
    """Return the schedule that the options name, None where they name none."""
    from charlstm.errors import OptionError
    from charlstm.plotting.schedule import schedule_subject
    from charlstm.training.presets import size_of, training_config
    from charlstm.training.schedules import schedule_of

    name = values["schedule"]
    if name is None:
        if given := [option for option in values if context.get_parameter_source(option) in GIVEN]:
            raise OptionError(f"--{given[0].replace('_', '-')} is of a schedule: give --schedule too")
        return None
    if paths:
        raise OptionError(f"--schedule draws no directory: leave {paths[0]} out")
    if name == "plateau":
        raise OptionError("--schedule plateau follows the validation loss, so there is nothing to draw beforehand")
    refuse_idle(context)
    steps, steps_per_epoch = values.pop("steps") or 1000, values.pop("steps_per_epoch") or 100
    size = size_of(1)
    # At the rate of a usual training, which drops no recurrent weights.
    config = training_config(size, (size.units,), "float32", {"weight_drop": 0.0, **values})
    rate = schedule_of(config, steps_per_epoch)
    # A figure shows no more points than it has dots.
    shown = range(0, steps, max(1, steps // 5000))
    return schedule_subject(name, shown, [rate(step, steps) for step in shown])
