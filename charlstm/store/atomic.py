"""Files and directories that appear whole or not at all: written beside, synced, then renamed."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from charlstm.errors import CharlstmError
from charlstm.store.lock import LOCK, LockedError, in_the_making, is_abandoned, locked

# What marks a directory as a result of this program, which may be replaced.
RESULTS = ("dataset.json", "config.json", "run.json", "manifest.json", "sweep.json")
# The name of a directory within the one that it is moved aside into.
ASIDE = "old"
# It can only be read by setting it, for all threads: once, before there are several.
_UMASK = os.umask(0o77)
os.umask(_UMASK)


def write_bytes(path: Path, content: bytes) -> None:
    """Replace the file at `path` with `content` in one step; a reader sees the old or the new bytes.

    Raises:
        OSError: the disk is full, or the folder cannot be written; the old file is untouched.
    """
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        make_readable(Path(name))
        os.replace(name, path)
    except BaseException as problem:
        with contextlib.suppress(OSError):
            os.unlink(name)
        if isinstance(problem, OSError):
            problem.filename, problem.filename2 = str(path), None  # the name that a person knows
        raise
    sync_directory(path.parent)


def make_readable(path: Path) -> None:
    """Let a file that was made private, as temporary ones are, be as readable as any other new file."""
    os.chmod(path, 0o666 & ~_UMASK)


@contextlib.contextmanager
def new_directory(path: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Give an empty temporary directory that becomes `path` when the block ends without an error.

    What others left behind that were killed while they made the same is removed; what they had moved aside for it,
    where they could not exchange the two, is brought back before.

    Args:
        path: where the directory is to appear; its parents are made.
        overwrite: whether an existing directory at `path` is replaced.

    Raises:
        CharlstmError: `path` exists and `overwrite` is false, or another process is making it, or is at work in it.
    """
    _clear_the_way(path)
    refuse_existing(path, overwrite=overwrite)
    with contextlib.ExitStack() as held:
        # Who works in a directory, or on a trial of a sweep, holds a lock there.
        for lock in sorted(path.rglob(LOCK)):
            held.enter_context(locked(lock.parent, path))
        yield held.enter_context(_becoming(path, overwrite=overwrite))


@contextlib.contextmanager
def _becoming(path: Path, *, overwrite: bool) -> Iterator[Path]:
    made = [parent for parent in path.parents if not parent.exists()]
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent))
    try:
        with in_the_making(temporary):
            os.chmod(temporary, 0o777 & ~_UMASK)
            yield temporary
            sync_tree(temporary)
            replace_directory(temporary, path, overwrite=overwrite)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        for parent in made:
            with contextlib.suppress(OSError):
                parent.rmdir()
        raise


def refuse_existing(path: Path, *, overwrite: bool) -> None:
    """Raise a CharlstmError where `path` exists and may not be replaced."""
    if not os.path.lexists(path):
        return
    if not overwrite:
        raise CharlstmError(f"{path} exists already: choose another --out, or give --overwrite to replace it")
    if path.is_symlink() or not path.is_dir():
        raise CharlstmError(f"{path} is not a directory, so --overwrite does not replace it: choose another --out")
    is_empty = not any(each.name != LOCK for each in path.iterdir())
    if not is_empty and not any((path / name).exists() for name in RESULTS):
        raise CharlstmError(
            f"{path} holds no result of charlstm, so --overwrite does not replace it: choose another --out"
        )


def refuse_to_replace(path: Path, needed: Iterable[Path]) -> None:
    """Raise a CharlstmError where the directory `path` is, or holds, something that is read when it is replaced."""
    replaced = Path(os.path.realpath(path))
    for each in needed:
        if replaced.is_dir() and Path(os.path.realpath(each)).is_relative_to(replaced):
            raise CharlstmError(f"{each} is read by the run that would replace {path}: choose another --out")


def refuse_existing_file(path: Path, *, overwrite: bool) -> None:
    """Raise a CharlstmError where something stands at `path` that a file may not replace."""
    if not os.path.lexists(path):
        return
    if not overwrite:
        raise CharlstmError(f"{path} exists already: choose another --out, or give --overwrite to replace it")
    if path.is_symlink() or not path.is_file():
        raise CharlstmError(f"{path} is not a file, so --overwrite does not replace it: choose another --out")


def replace_directory(temporary: Path, path: Path, *, overwrite: bool) -> None:
    """Rename `temporary` to `path`; an old directory there is exchanged with it, or moved aside first, and removed."""
    aside = None
    if overwrite and path.exists():
        if _exchange(temporary, path):
            sync_directory(path.parent)
            shutil.rmtree(temporary, ignore_errors=True)
            return
        aside = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".old", dir=path.parent))
        os.replace(path, aside / ASIDE)
    try:
        os.rename(temporary, path)
    except OSError as problem:
        if aside is not None:
            _bring_back(aside, path)
        if problem.errno in (errno.ENOTEMPTY, errno.EEXIST):  # another process was a moment faster
            refuse_existing(path, overwrite=False)
        raise
    sync_directory(path.parent)
    if aside is not None:
        shutil.rmtree(aside, ignore_errors=True)


def remove_leftovers(directory: Path) -> None:
    """Remove what writers in `directory` left behind that were killed; none may be at work there."""
    for path in directory.glob(".*.tmp"):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):
                path.unlink()


def sync_tree(directory: Path) -> None:
    """Flush every file below `directory`, and the directories, to the disk."""
    for folder, _, files in os.walk(directory):
        for name in files:
            handle = os.open(os.path.join(folder, name), os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
        sync_directory(Path(folder))


def sync_directory(directory: Path) -> None:
    """Flush a directory's entries, where the system allows that."""
    if os.name != "posix":
        return
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as problem:  # some network file systems flush no directories
        if problem.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(handle)


def _exchange(one: Path, other: Path) -> bool:
    """Let two names change places in one step; False where the system cannot do that."""
    renameat2 = getattr(ctypes.CDLL(None), "renameat2", None) if os.name == "posix" else None
    if renameat2 is None:
        return False
    here, exchange = -100, 2  # AT_FDCWD and RENAME_EXCHANGE of Linux
    return int(renameat2(here, os.fsencode(one), here, os.fsencode(other), exchange)) == 0


def _clear_the_way(path: Path) -> None:
    """Remove what was to become `path` once and was abandoned, and bring back what stood there before.

    Raises:
        LockedError: another process is making it.
    """
    if not path.parent.is_dir():
        return
    # As mkdtemp names them.
    name = re.compile(re.escape(f".{path.name}.") + r"[a-z0-9_]{8}\.(tmp|old)")
    left = [each for each in path.parent.iterdir() if name.fullmatch(each.name)]
    left = [each for each in left if not each.is_symlink() and each.is_dir()]
    for each in left:
        if each.suffix != ".tmp":
            continue
        with contextlib.suppress(FileNotFoundError):  # it may just have been finished
            if (abandoned := is_abandoned(each)) is False:
                raise LockedError(f"another process is making {path}: wait for it, or choose another --out")
            if abandoned:
                shutil.rmtree(each, ignore_errors=True)
    for each in left:
        if each.suffix == ".old":
            if (each / ASIDE).is_dir() and not os.path.lexists(path):
                _bring_back(each, path)
            else:
                shutil.rmtree(each, ignore_errors=True)


def _bring_back(aside: Path, path: Path) -> None:
    os.replace(aside / ASIDE, path)
    aside.rmdir()
