"""JSON documents on disk, read as if a stranger had written them."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any, NoReturn

from charlstm.errors import CharlstmError, reading
from charlstm.store import atomic

MAX_BYTES = 64 * 1024 * 1024
MAX_DEPTH = 32
# A value takes up to two hundred times the memory of its bytes in the file.
MAX_VALUES = 2_000_000

_STRING_OR_BRACKET = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)


def read_json(path: Path, error: type[CharlstmError]) -> dict[str, Any]:
    """Read the JSON object in the file at `path`.

    Args:
        path: the file; it must be a regular file, not a link.
        error: the class of error to raise (a dataset's or a model's).

    Raises:
        error: the file is missing, a link, not to be read, too large, no valid JSON, too deep, of too many values, or
            holds NaN or infinity.
    """
    with reading(path, error):
        if path.is_symlink():
            raise error(f"{path} is a link; a directory's files must be its own")
        if not path.exists():
            raise error(f"{path} is missing")
        if not path.is_file():
            raise error(f"{path} is not a file")
        if (size := path.stat().st_size) > MAX_BYTES:
            raise error(f"{path} has {size:,} bytes; at most {MAX_BYTES:,} are read")
        content = path.read_bytes()
    if sum(map(content.count, (b",", b"[", b"{"))) > MAX_VALUES:
        raise error(f"{path} holds more than {MAX_VALUES:,} values")
    if _depth(content) > MAX_DEPTH:
        raise error(f"{path} is nested deeper than {MAX_DEPTH} levels")

    def refuse_constant(name: str) -> NoReturn:
        raise ValueError(f"{name} is not allowed")

    try:
        document = json.loads(content.decode("utf-8"), parse_constant=refuse_constant, parse_float=_finite)
    except ValueError as problem:  # JSONDecodeError and UnicodeDecodeError are ValueErrors
        raise error(f"{path} is not valid JSON: {problem}") from None
    if not isinstance(document, dict):
        raise error(f"{path} must hold a JSON object, not {type(document).__name__}")
    return document


def write_json(path: Path, document: dict[str, Any]) -> None:
    """Write `document` to `path` atomically, keys in the given order."""
    atomic.write_bytes(path, encode_json(document))


def encode_json(document: Any) -> bytes:
    """Return the bytes that `write_json` writes."""
    # A file name that is no UTF-8 holds lone surrogates; a backslash escape is also how JSON spells them.
    return dump_json(document).encode("utf-8", "backslashreplace")


def dump_json(document: Any) -> str:
    """Return `document` as indented JSON text; NaN and infinity raise ValueError."""
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _finite(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise ValueError(f"the number {text[:40]} is too large")
    return value


def _depth(content: bytes) -> int:
    """Return a bound on the nesting depth, so that a hostile file cannot exhaust the parser's stack."""
    depth = deepest = 0
    for match in _STRING_OR_BRACKET.finditer(content):
        first = content[match.start()]
        if first in b"[{":
            depth += 1
            deepest = max(deepest, depth)
            if deepest > MAX_DEPTH:
                return deepest
        elif first in b"]}":
            depth -= 1
    return deepest
