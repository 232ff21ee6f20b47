"""Where results go without --out: runs/<command>-<n>/, and runs/latest for the newest model."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from charlstm.errors import ModelError, OptionError

RUNS = Path("runs")
LATEST = RUNS / "latest"


def next_run(command: str) -> Path:
    """Return the first free directory name runs/<command>-<n> below the current directory."""
    number = 1
    while os.path.lexists(RUNS / f"{command}-{number}"):
        number += 1
    return RUNS / f"{command}-{number}"


def newest_model() -> Path:
    """Return the newest model below the current directory.

    Raises:
        ModelError: there is none.
    """
    if not LATEST.exists():
        raise ModelError("there is no runs/latest here: give -m MODEL, or train one with charlstm pretrain")
    name = os.readlink(LATEST) if LATEST.is_symlink() else os.fsdecode(LATEST.read_bytes()).strip()
    if Path(name).name != name or name in ("", "..") or "\0" in name:
        raise ModelError(f"{LATEST} must name a directory beside it, not {name[:60]!r}")
    return RUNS / name


def directory_of(path: Path) -> Path:
    """Return the directory that a path leads to: a link, as runs/latest is, leads to another one later."""
    while path.is_symlink() and path.exists():
        path = path.parent / os.readlink(path)
    return path


def check_out(out: Path) -> None:
    """Raise an OptionError where what is to be made at `out` would take the place of runs/latest."""
    if out.name == LATEST.name and out.parent.resolve() == RUNS.resolve() and not out.exists():
        raise OptionError(f"--out {out}: names the newest model, whichever that is: choose another")


def name_newest(model: Path) -> None:
    """Make runs/latest name `model`, where it stands in runs/."""
    if model.parent.resolve() != RUNS.resolve():
        return
    temporary = RUNS / f".latest-{os.getpid()}.tmp"
    with contextlib.suppress(FileNotFoundError):
        temporary.unlink()
    try:
        try:
            temporary.symlink_to(model.name, target_is_directory=True)
        except OSError:  # a system or file system without links
            temporary.write_bytes(os.fsencode(model.name))
        os.replace(temporary, LATEST)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
