"""Text that is given as an option's value, or on standard input."""

from __future__ import annotations

import sys

from charlstm.errors import DataError


def text_of(value: str, what: str) -> str:
    """Return the text that an option names: its value, or for `-` all of standard input.

    Args:
        value: of the option.
        what: the text is, in an error.

    Raises:
        DataError: standard input is not UTF-8.
    """
    if value != "-":
        return value
    try:
        return sys.stdin.buffer.read().decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise DataError(f"{what} on standard input is not UTF-8 at byte {problem.start}") from None
