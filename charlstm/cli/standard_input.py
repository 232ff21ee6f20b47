"""Text that is given as an option's value, in a file, or on standard input."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import BinaryIO

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


def lines_of(name: str, what: str) -> Iterator[str]:
    """Yield the lines of a file, or for `-` of standard input, without their ends, as they are asked for.

    Args:
        name: of the file.
        what: the lines are, in an error.

    Raises:
        DataError: there is no such file, no line in it, or one that is not UTF-8.
    """
    number = 0
    where = "standard input" if name == "-" else name
    with contextlib.nullcontext(sys.stdin.buffer) if name == "-" else _opened(name, what) as file:
        for number, line in enumerate(file, 1):
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as problem:
                raise DataError(
                    f"{what} in {where} are not UTF-8 at byte {problem.start + 1} of line {number:,}"
                ) from None
            yield text.removesuffix("\n").removesuffix("\r")
    if not number:
        raise DataError(f"{where} is empty: {what} are to be in it, one a line")


def _opened(name: str, what: str) -> BinaryIO:
    try:
        return open(name, "rb")
    except OSError as problem:
        raise DataError(f"{what} cannot be read from {name}: {problem.strerror}") from None
