"""The error tree: every expected failure is a CharlstmError and carries its exit code.

The text of an error *is* the message a person reads: one sentence that says what, where, the
offending value, and what to do.  ``cli.group`` prints it and exits with ``exit_code``.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path


class CharlstmError(Exception):
    """An expected failure that has no exit code of its own."""

    exit_code = 1


class OptionError(CharlstmError):
    """Options that are wrong or do not fit together."""

    exit_code = 2


class DataError(CharlstmError):
    """Input text or a dataset directory that cannot be used."""

    exit_code = 4


class ModelError(CharlstmError):
    """A model directory or checkpoint that cannot be used."""

    exit_code = 5


class DivergedError(CharlstmError):
    """Training diverged; the last good model is kept."""

    exit_code = 6


class StoppedError(CharlstmError):
    """A signal ended the work, after what there was of it had been saved."""

    def __init__(self, message: str, signal_number: int) -> None:
        super().__init__(message)
        self.signal_number = signal_number
        self.exit_code = 128 + signal_number


@contextlib.contextmanager
def reading(path: Path, error: type[CharlstmError]) -> Iterator[None]:
    """Raise, in place of what the system refuses in the block, an error of the class of what is read.

    Args:
        path: what is read.
        error: the class of error to raise (a dataset's or a model's).
    """
    try:
        yield
    except OSError as problem:
        raise error(f"{problem.filename or path} cannot be read: {problem.strerror or problem}") from None
