"""JSON documents on disk, read as if a stranger had written them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, NoReturn

from charlstm.errors import CharlstmError
from charlstm.store import atomic

MAX_BYTES = 64 * 1024 * 1024
MAX_DEPTH = 32


def read_json(path: Path, error: type[CharlstmError], *, max_bytes: int = MAX_BYTES) -> dict[str, Any]:
    """Read the JSON object in the file at `path`.

    Args:
        path: the file; it must be a regular file, not a link.
        error: the class of error to raise (a dataset's or a model's).
        max_bytes: larger files are refused before they are read.

    Raises:
        error: the file is missing, a link, too large, no valid JSON, too deep, or holds NaN or infinity.
    """
    if path.is_symlink():
        raise error(f"{path} is a link; a directory's files must be its own")
    if not path.exists():
        raise error(f"{path} is missing")
    if not path.is_file():
        raise error(f"{path} is not a file")
    if (size := path.stat().st_size) > max_bytes:
        raise error(f"{path} has {size:,} bytes; at most {max_bytes:,} are read")
    content = path.read_bytes()
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
    atomic.write_bytes(path, dump_json(document).encode("utf-8"))


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
    in_string = escaped = False
    for byte in content:
        if in_string:
            if escaped:
                escaped = False
            elif byte == 0x5C:
                escaped = True
            elif byte == 0x22:
                in_string = False
        elif byte == 0x22:
            in_string = True
        elif byte in b"[{":
            depth += 1
            deepest = max(deepest, depth)
            if deepest > MAX_DEPTH:
                return deepest
        elif byte in b"]}":
            depth -= 1
    return deepest
