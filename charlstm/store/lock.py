"""One process at a time on an output directory, finished or in the making."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from charlstm.errors import CharlstmError

try:
    import fcntl
except ImportError:  # Windows, where an open file cannot be opened for writing a second time by default
    fcntl = None  # type: ignore[assignment]

LOCK = ".lock"


class LockedError(CharlstmError):
    """Another process holds the lock."""


@contextlib.contextmanager
def locked(directory: Path, shown: Path | None = None) -> Iterator[None]:
    """Hold the lock of an existing directory; it ends with the process, however that ends.

    Args:
        directory: where the lock file stands.
        shown: the name for the message, if another.

    Raises:
        CharlstmError: its file system knows no locks.
        LockedError: another process holds it.
    """
    handle = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
    try:
        if fcntl is not None:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise LockedError(
                    f"another process is working on {shown or directory}: wait for it, or choose another --out"
                ) from None
            except OSError as problem:
                raise CharlstmError(
                    f"{shown or directory} cannot be locked ({problem.strerror}): choose --out on another file system"
                ) from None
        yield
    finally:
        os.close(handle)


@contextlib.contextmanager
def in_the_making(directory: Path) -> Iterator[None]:
    """Let `is_abandoned` be false of an existing directory during the block, and only as long as the process lives."""
    handle = _held(directory)
    try:
        yield
    finally:
        if handle is not None:
            os.close(handle)


def is_abandoned(directory: Path) -> bool | None:
    """Tell whether the process that was making a directory has ended; None where the system does not tell."""
    try:
        handle = _held(directory)
    except BlockingIOError:
        return False
    if handle is None:
        return None
    os.close(handle)
    return True


def _held(directory: Path) -> int | None:
    """Return a handle of a directory that holds it, None where the system does not know such a thing.

    Raises:
        BlockingIOError: another handle does.
    """
    if fcntl is None:
        return None
    handle = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as problem:
        os.close(handle)
        if isinstance(problem, BlockingIOError):
            raise
        return None  # some network file systems lock nothing that cannot be written to
    return handle
