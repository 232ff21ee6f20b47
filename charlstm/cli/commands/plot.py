"""charlstm plot: figures of trainings and sweeps."""

from __future__ import annotations

from pathlib import Path

import click

from charlstm.cli.options import DIRECTORY, json_option, overwrite_option


@click.command()
@click.argument("paths", nargs=-1, type=DIRECTORY, metavar="[PATH...]")
@click.option(
    "-o",
    "--out",
    type=DIRECTORY,
    show_default="runs/plot-<n>/",
    help="File to make, a .png or .svg; several figures add their names to its.",
)
@click.option("--show", is_flag=True, help="Draw a small version in the terminal; a file only with --out.")
@overwrite_option
@json_option
def command(paths: tuple[Path, ...], out: Path | None, show: bool, overwrite: bool, as_json: bool) -> None:
    """Draw the learning curves of models, or what a sweep found.

    PATHs are model directories, whose curves are laid over each other; runs that are not finished yet, drawn as far
    as their newest checkpoint; or one sweep, of which there are bars, a heat map, and for several amounts of text
    the loss against them. Without PATH, the newest model.
    """
    from charlstm.cli.console import emit_json, emit_text, refuse_unprintable, terminal_columns
    from charlstm.errors import OptionError
    from charlstm.plotting.figure_file import write_figures
    from charlstm.plotting.subject import read_subject
    from charlstm.store.runs import newest_model

    if show and as_json:
        raise OptionError("--show and --json both write to stdout: give one of them")
    subject = read_subject(paths or (newest_model(),))
    drawing = subject.text(terminal_columns()) if show else ""
    refuse_unprintable(drawing)
    files = write_figures(subject.figures, out, overwrite=overwrite) if out or not show else []
    if as_json:
        emit_json({"figures": [str(path) for path in files]})
        return
    if show:
        emit_text(drawing)
    for path in files:
        emit_text(f"Figure {path}")
