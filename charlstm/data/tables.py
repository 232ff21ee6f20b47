"""The text column of CSV, TSV and JSONL files, row by row."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from charlstm.errors import DataError

# The longest row that is read; without a bound, one stray quote would take a whole file for one field.
MAX_ROW_CHARACTERS = 1 << 26
_DEFAULT_COLUMN = "text"

Where = tuple[tuple[str, str], ...]


def delimited_rows(blocks: Iterable[str], name: str, delimiter: str, column: str | None, where: Where) -> Iterator[str]:
    """Yield the text of each row of a CSV or TSV file; the first that is not empty names the columns.

    Args:
        blocks: the file's text.
        name: what to call the file in an error.
        delimiter: what stands between two fields.
        column: the column that holds the text; None for the only one, or the one named "text".
        where: the values that other columns of a row must have.

    Raises:
        DataError: a missing column, or a row that cannot be read.
    """
    csv.field_size_limit(MAX_ROW_CHARACTERS)
    reader = csv.reader(_lines(blocks, name), delimiter=delimiter, strict=True)
    lines_read = 0
    try:
        header = next((row for row in reader if any(map(str.strip, row))), None)
        if header is None:
            return
        position = _position(_choose(column, header, name), header, name)
        conditions = [(_position(key, header, name), value) for key, value in where]
        lines_read = reader.line_num
        for row in reader:
            if all(place < len(row) and row[place] == value for place, value in conditions) and position < len(row):
                yield row[position]
            lines_read = reader.line_num
    except csv.Error as problem:
        # The line in which the row begins: a quote without an end is there, and read on to the end of the file.
        raise DataError(f"{name}, line {lines_read + 1:,}: is not valid CSV ({problem})") from None


def json_rows(blocks: Iterable[str], name: str, column: str | None, where: Where) -> Iterator[str]:
    """Yield the text of each row of a JSONL file: an object, or a string.

    Args:
        blocks: the file's text.
        name: what to call the file in an error.
        column: the key of the text; None for the only one, or the one named "text".
        where: the values that other keys of a row must have.

    Raises:
        DataError: a missing key, or a line that is no JSON object or holds no text.
    """
    for number, line in enumerate(_lines(blocks, name), 1):
        if not line.strip():
            continue
        place = f"{name}, line {number:,}"
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as problem:
            raise DataError(f"{place}: is not valid JSON ({problem})") from None
        if isinstance(row, str) and column is None and not where:
            yield _sound(row, place)
            continue
        if not isinstance(row, dict):
            raise DataError(f"{place}: is not a JSON object, but {type(row).__name__}")
        key = _choose(column, list(row), place)
        for wanted in (key, *(condition for condition, _ in where)):
            if wanted not in row:
                raise _missing(wanted, list(row), place)
        if not all(_as_text(row[condition]) == value for condition, value in where) or row[key] is None:
            continue
        if not isinstance(row[key], str):
            raise DataError(f"{place}: the key {key!r} holds {repr(row[key])[:40]}, which is no text")
        yield _sound(row[key], place)


def _lines(blocks: Iterable[str], name: str) -> Iterator[str]:
    # Only "\n" ends a line here; str.splitlines would also cut at form feeds and Unicode's own separators.
    parts: list[str] = []
    waiting = 0
    for block in blocks:
        *lines, rest = block.split("\n")
        if lines:
            yield "".join([*parts, lines[0], "\n"])
            for line in lines[1:]:
                yield line + "\n"
            parts, waiting = [], 0
        parts.append(rest)
        waiting += len(rest)
        if waiting > MAX_ROW_CHARACTERS:
            raise DataError(f"{name} has a line of over {MAX_ROW_CHARACTERS:,} characters: it is not a table")
    if last := "".join(parts):
        yield last


def _choose(column: str | None, columns: Sequence[str], place: str) -> str:
    if column is not None:
        return column
    if not columns:
        raise DataError(f"{place}: has no column")
    if len(columns) == 1:
        return columns[0]
    if _DEFAULT_COLUMN in columns:
        return _DEFAULT_COLUMN
    raise DataError(f"{place} has several columns ({_listed(columns)}): say with --column which one holds the text")


def _position(column: str, columns: Sequence[str], name: str) -> int:
    if column not in columns:
        raise _missing(column, columns, name)
    return columns.index(column)


def _missing(column: str, columns: Sequence[str], place: str) -> DataError:
    return DataError(f"{place}: has no column {column!r}; it has {_listed(columns)}")


def _listed(columns: Sequence[str]) -> str:
    more = ", ..." if len(columns) > 12 else ""
    return ", ".join(column[:40] for column in columns[:12]) + more if columns else "none"


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _sound(text: str, place: str) -> str:
    """Return a text from JSON, whose escapes can make what no file can hold."""
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as problem:
            code = ord(text[problem.start])
            raise DataError(f"{place}: holds the lone surrogate U+{code:04X}, which is no character") from None
    if "\0" in text:
        raise DataError(f"{place}: holds a NUL character")
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text
