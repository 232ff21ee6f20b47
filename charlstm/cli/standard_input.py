"""Text that is given as an option's value, in a file, or on standard input."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import BinaryIO

from charlstm.errors import DataError

# Bytes of a text, or of a line: more than anybody gives, and a bound for what never ends.
LONGEST_TEXT = 1 << 24


def text_of(value: str, what: str) -> str:
    """Return the text that an option names: its value, or for `-` all of standard input.

    Args:
        value: of the option.
        what: the text is, in an error.

    Raises:
        DataError: standard input is not UTF-8, or too long.
    """
    if value != "-":
        return value
    content = sys.stdin.buffer.read(LONGEST_TEXT + 1)
    if len(content) > LONGEST_TEXT:
        raise DataError(f"{what} on standard input has over {LONGEST_TEXT:,} bytes: give a shorter one")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise DataError(f"{what} on standard input is not UTF-8 at byte {problem.start}") from None


def lines_of(name: str, what: str) -> Iterator[str]:
    """Yield the lines of a file, or for `-` of standard input, without their ends, as they are asked for.

    Args:
        name: of the file.
        what: the lines are, in an error.

    Raises:
        DataError: there is no such file, no line in it, or one that is not UTF-8 or too long.
    """
    number = 0
    where = "standard input" if name == "-" else name
    with contextlib.nullcontext(sys.stdin.buffer) if name == "-" else _opened(name, what) as file:
        for number, line in enumerate(iter(lambda: file.readline(LONGEST_TEXT + 1), b""), 1):
            if len(line) > LONGEST_TEXT:
                raise DataError(f"{where}, line {number:,}: has over {LONGEST_TEXT:,} bytes, too many for {what}")
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as problem:
                raise DataError(
                    f"{what} in {where} are not UTF-8 at byte {problem.start + 1} of line {number:,}"
                ) from None
            yield from text.removesuffix("\n").removesuffix("\r").split("\r")
    if not number:
        raise DataError(f"{where} is empty: {what} are to be in it, one a line")


def _opened(name: str, what: str) -> BinaryIO:
    try:
        return open(name, "rb")
    except OSError as problem:
        raise DataError(f"{what} cannot be read from {name}: {problem.strerror}") from None
