"""One process at a time on an output directory."""

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
        yield
    finally:
        os.close(handle)
