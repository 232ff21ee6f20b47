"""JSON documents made wrong in ways that a stranger, a bad disk or a later version could make them wrong."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

_RAW = "@raw@"
# Text that stands in the file just so; json.dumps could not write it.
_RAW_VALUES = (
    *("NaN", "Infinity", "-Infinity", "1e999", "-1e999", "1e308", "-0.0", "1" * 400, "-" + "9" * 4299, "1" * 5000),
    *("[" * 31 + "]" * 31, "[" * 40 + "]" * 40, "[" * 100_000, '{"a":' * 5000 + "1" + "}" * 5000, "tru", "'x'", ""),
    *('"\\ud800"', '"\\udfff\\ud800"', '"\\u0000"', '"\\x"', '"\t"', '"unended', "{,}", "[1,]", "0x10", "01", "+1"),
    *("[" + "0," * 50_000 + "0]", "{" + ",".join(f'"k{n}":{n}' for n in range(5000)) + "}", '"' + "x" * 200_000 + '"'),
)
_VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2, 3, 17, 255, 256, 65_536, 10**9, 2**31, 2**53, 2**63, 2**64, 10**30, -(10**30)),
    *(
        0.0,
        0.5,
        1.0,
        2.0,
        -1.5,
        1e-320,
        1e300,
        1e305,
        "",
        "0",
        "x",
        "../..",
        "/etc/passwd",
        "a\0b",
        "\x1b[2J\x1b]0;x\7",
    ),
    *("\u202e\U0010ffff", "\udc80", "nan", "1e999", "float32", [], {}, [[]], [{}], [None], [[1, 2], [3]], {"": None}),
    *([65_536] * 64 for _ in range(1)),
    *([10**9, 10**9], [1] * 65, [0, 0], [3, -2], ["3", "2"], [0.1, "x"], [0.1, 5.0], [[0.1]], {"a": {"b": {"c": []}}}),
)
_KEYS = (
    "",
    "x",
    "format_version",
    "model",
    "../x",
    "__class__",
    "self",
    "cls",
    "kind",
    "\x1b[31m",
    "\ud800",
    "k" * 5000,
)


def mutated(document: Any, source: random.Random) -> bytes:
    """Return the bytes of a document after one to four changes."""
    changed = copy.deepcopy(document)
    raw: list[str] = []
    for _ in range(source.choice((1, 1, 1, 2, 3, 4))):
        changed = _change(changed, source, raw)
    text = json.dumps(changed, ensure_ascii=source.random() < 0.5, indent=source.choice((None, 2)))
    for number, piece in enumerate(raw):
        text = text.replace(f'"{_RAW}{number}"', piece)
    content = text.encode("utf-8", source.choice(("surrogatepass", "backslashreplace")))
    return _damaged(content, source) if source.random() < 0.1 else content


def _change(document: Any, source: random.Random, raw: list[str]) -> Any:
    places = list(_places(document))
    if not places:
        return _value(source)
    holder, key = source.choice(places)
    kind = source.randrange(9)
    if kind == 0:
        del holder[key]
    elif kind == 1 and isinstance(holder, dict):
        holder[source.choice(_KEYS)] = holder.pop(key)
    elif kind == 2 and isinstance(holder, dict):
        holder[source.choice(_KEYS)] = _value(source)
    elif kind == 3:
        raw.append(source.choice(_RAW_VALUES))
        holder[key] = f"{_RAW}{len(raw) - 1}"
    elif kind == 4:
        holder[key] = [holder[key]] * source.choice((1, 2, 64))
    elif kind == 5:
        other_holder, other_key = source.choice(places)
        value = copy.deepcopy(other_holder[other_key])
        holder[key] = value
    elif kind == 6 and isinstance(holder, dict):
        # The same key twice: a second one is written behind the first.
        raw.append(f"{json.dumps(holder[key])},{json.dumps(key)}:{json.dumps(_value(source))}")
        holder[key] = f"{_RAW}{len(raw) - 1}"
    elif kind == 7 and isinstance(holder[key], int | float):
        holder[key] = holder[key] * source.choice((-1, 0, 2, 10**6, 10**12)) + source.choice((-1, 0, 1, 0.5))
    else:
        holder[key] = _value(source)
    return document


def _places(value: Any) -> Any:
    """Yield every (container, key or index) of a document."""
    items = (
        list(value.items()) if isinstance(value, dict) else list(enumerate(value)) if isinstance(value, list) else []
    )
    for key, inner in items:
        yield value, key
        yield from _places(inner)


def _damaged(content: bytes, source: random.Random) -> bytes:
    """Return bytes with a piece cut off, changed or put in."""
    at = source.randrange(len(content) + 1)
    return source.choice(
        (
            content[:at],
            content[at:],
            content[:at] + bytes([source.randrange(256)]) + content[at + 1 :],
            content[:at] + source.randbytes(4) + content[at:],
            b"\xef\xbb\xbf" + content,
            content + content,
            content.decode("utf-8", "replace").encode("utf-16"),
        )
    )


def _value(source: random.Random) -> Any:
    # A copy: what is put into a document may itself be changed.
    return copy.deepcopy(source.choice(_VALUES))
