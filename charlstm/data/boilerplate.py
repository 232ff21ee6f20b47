"""Cutting Project Gutenberg's licence header and footer out of a text that comes in blocks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

# A marker stands on one or two lines: "*** START OF THE PROJECT GUTENBERG EBOOK MOBY DICK ***".
_START = re.compile(
    r"^[ \t]*(?:\*\*\*[ \t]*START OF (?:THE|THIS) PROJECT GUTENBERG[^*]{0,400}\*\*\*[^\n]*\n?"
    r"|\*\*\*[ \t]*START OF (?:THE|THIS) PROJECT GUTENBERG[^\n]*\n?"
    r"|\*END[* ]*THE SMALL PRINT![^\n]*\n?)",
    re.MULTILINE | re.IGNORECASE,
)
_END = re.compile(
    r"^[ \t]*(?:\*\*\*[ \t]*END OF (?:THE|THIS) PROJECT GUTENBERG|End of (?:The |this )?Project Gutenberg)",
    re.MULTILINE | re.IGNORECASE,
)
_HEADER_CHARACTERS = 1 << 16
_LONGEST_MARKER = 1 << 10


def cut_boilerplate(blocks: Iterable[str]) -> Iterator[str]:
    """Yield a text without the parts before and after a Project Gutenberg book; other text stays whole.

    Several books may stand one after the other in one text.

    Args:
        blocks: the text, lines ended by line feeds.
    """
    buffer = ""
    in_book: bool | None = None  # None: still in the first characters, where a header may end
    for block in blocks:
        buffer += block
        if in_book is None:
            if len(buffer) < _HEADER_CHARACTERS + _LONGEST_MARKER:
                continue
            in_book, buffer = _enter(buffer)
        # A marker that has only half arrived must be seen whole: the end of the buffer waits.
        limit = len(buffer) - _LONGEST_MARKER
        limit = buffer.rfind("\n", 0, max(limit, 0)) + 1 or limit
        if limit <= 0:
            continue
        in_book, kept, used = _advance(buffer, limit, in_book)
        buffer = buffer[used:]
        if kept:
            yield kept
    if in_book is None:
        in_book, buffer = _enter(buffer)
    _, kept, _ = _advance(buffer, len(buffer), in_book)
    if kept:
        yield kept


def _enter(buffer: str) -> tuple[bool, str]:
    """Return that a book has begun, and what of the first characters belongs to it."""
    starts = list(_START.finditer(buffer, 0, _HEADER_CHARACTERS + _LONGEST_MARKER))
    # A text of several short books keeps all of them: only the markers before the first end count.
    end = _END.search(buffer)
    before_end = [start for start in starts if end is None or start.end() <= end.start()]
    return True, buffer[before_end[-1].end() :] if before_end else buffer


def _advance(buffer: str, limit: int, in_book: bool) -> tuple[bool, str, int]:
    """Read `buffer` up to `limit`; return whether a book is open, its text, and how much was used."""
    kept, position = [], 0
    while position < limit:
        marker = _find(_END if in_book else _START, buffer, position)
        if marker is None or marker.start() >= limit:
            break
        if in_book:
            kept.append(buffer[position : marker.start()])
        position, in_book = marker.end(), not in_book
    if in_book and position < limit:
        kept.append(buffer[position:limit])
    return in_book, "".join(kept), max(position, limit)


def _find(marker: re.Pattern[str], buffer: str, position: int) -> re.Match[str] | None:
    # Finding a fixed word is ten times as fast as the pattern, and nearly every block is without it.
    if "PROJECT GUTENBERG" in buffer or "Project Gutenberg" in buffer:
        return marker.search(buffer, position)
    return None
