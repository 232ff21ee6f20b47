"""What a model or sweep is called in a figure."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

LONGEST = 40


def distinct_names(paths: Sequence[Path]) -> list[str]:
    """Return the last part of each path, with as many of the parts before it as it takes to tell them all apart."""
    parts = [Path(os.path.abspath(path)).parts for path in paths]
    count = 1
    while len({each[-count:] for each in parts}) < len(set(parts)):
        count += 1
    names: list[str] = []
    for each in parts:
        name = shown = readable("/".join(each[-count:]))
        number = 2
        while name in names:  # they differ in what was left out
            name, number = f"{shown} ({number})", number + 1
        names.append(name)
    return names


def readable(name: str, longest: int = LONGEST) -> str:
    """Return a name that can be drawn: what cannot be printed as a replacement character, the middle left out."""
    shown = "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in name)
    if len(shown) <= longest:
        return shown
    kept = longest - 1
    return f"{shown[: kept // 2]}\N{HORIZONTAL ELLIPSIS}{shown[len(shown) - (kept - kept // 2) :]}"
