"""A figure as a PNG or SVG file: the same figure gives the same bytes."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from charlstm.errors import OptionError
from charlstm.plotting.style import styled
from charlstm.store import atomic
from charlstm.store.runs import next_run

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.figure import Figure

SUFFIXES = (".png", ".svg")


def write_figure(figure: Figure, path: Path) -> None:
    """Write a figure to a file, replacing what stands there in one step.

    Raises:
        OptionError: the file's name ends neither in .png nor in .svg.
        OSError: it could not be written; what was there before still stands.
    """
    atomic.write_bytes(path, encode(figure, suffix_of(path)))


def write_figures(figures: Mapping[str, Callable[[], Figure]], out: Path | None, *, overwrite: bool) -> list[Path]:
    """Draw figures and write them to files.

    Args:
        figures: name of a figure -> what draws it.
        out: the .png or .svg file; several figures have their names added to its stem. None for PNG files of the
            figures' names in runs/plot-<n>/.
        overwrite: whether files that exist are replaced.

    Returns:
        The files.

    Raises:
        CharlstmError: a file exists and `overwrite` is false.
        OptionError: the name of `out` ends neither in .png nor in .svg.
    """
    if out is None:
        directory = next_run("plot")
        with atomic.new_directory(directory) as temporary:
            for name, draw in figures.items():
                write_figure(draw(), temporary / f"{name}.png")
        return [directory / f"{name}.png" for name in figures]
    suffix = suffix_of(out)
    files = {name: out.with_name(f"{out.stem}-{name}{out.suffix}") if len(figures) > 1 else out for name in figures}
    for path in files.values():
        atomic.refuse_existing_file(path, overwrite=overwrite)
    contents = {path: encode(figures[name](), suffix) for name, path in files.items()}
    out.parent.mkdir(parents=True, exist_ok=True)
    for path, content in contents.items():
        atomic.write_bytes(path, content)
    return list(files.values())


def suffix_of(path: Path) -> str:
    """Return `.png` or `.svg`.

    Raises:
        OptionError: the name ends in neither.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise OptionError(f"{path}: a figure is a .png or .svg file: let the name end in one of these")
    return suffix


def encode(figure: Figure, suffix: str) -> bytes:
    """Return the bytes of a figure's file, without the date and the random identifiers that Matplotlib would add."""
    buffer = io.BytesIO()
    with styled(), warnings.catch_warnings():
        # A letter of a name that the font does not have is drawn as a box.
        warnings.filterwarnings("ignore", "Glyph .* missing from", UserWarning)
        figure.savefig(buffer, format=suffix[1:], metadata={"Date": None} if suffix == ".svg" else None)
    return buffer.getvalue()
