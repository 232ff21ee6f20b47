"""Where documents end: a mark after each of them, in a text that comes in blocks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

# Decoding refuses NUL, so no text contains it: it stands for the end of a document until ids are made.
END_MARK = "\0"

_BLANK = " \t\n"
_LONGEST_BLANK = 1 << 20


@dataclass(frozen=True)
class Boundary:
    """What parts two documents.

    Attributes:
        name: how a person is told about it.
        pattern: matches what stands between two documents; None where only END_MARK parts them.
        literal: text that parts documents just as `pattern` does, where no line is of white space alone.
        hold: how many characters at the end of a block may be the beginning of a boundary.
    """

    name: str
    pattern: re.Pattern[str] | None
    literal: str
    hold: int = 0


WHOLE = Boundary("file or row", None, END_MARK)
LINE = Boundary("line", re.compile(r"\n|\0"), "\n")
BLANK_LINES = Boundary("two or more blank lines", re.compile(r"\n(?:[ \t]*\n){2,}|\0"), "\n\n\n")
SINGLE_BLANK_LINE = Boundary("blank line", re.compile(r"\n(?:[ \t]*\n)+|\0"), "\n\n")


def delimiter(text: str) -> Boundary:
    """Return the boundary that is a literal text."""
    return Boundary(f"delimiter {text!r}", re.compile(re.escape(text) + r"|\0"), text, len(text) - 1)


def mark_documents(blocks: Iterable[str], boundary: Boundary) -> Iterator[str]:
    """Yield a text with END_MARK after every document, and nothing else between documents.

    Blank lines around a document and white space at its end are cut, the indentation of its first line
    stays, and a document without anything but white space vanishes.

    Args:
        blocks: the text of one source; END_MARK in it parts documents too (the rows of a table).
        boundary: what else parts documents.
    """
    carry = ""
    begun = False  # whether some of the current document was yielded already
    for block in blocks:
        buffer = carry + block
        *ended, rest = _split(buffer, boundary)
        marked = ""
        if ended:
            marked = _mark(ended, begun)
            begun = False
        head, carry = _hold_back(rest, boundary.hold)
        if not begun:
            head = _without_leading_blank_lines(head)
            if not head.strip(_BLANK):
                # Nothing of the document has come yet but, perhaps, the indentation of its first line, or line ends
                # that a boundary begins with.
                waiting = head + carry
                kept = max(len(_without_leading_blank_lines(waiting)), boundary.hold)
                head, carry = "", waiting[max(0, len(waiting) - kept) :]
                if len(carry) > _LONGEST_BLANK and not carry.strip(_BLANK):
                    carry = ""
        begun = begun or head != ""
        if marked or head:
            yield marked + head
    if last := _mark([carry], begun):
        yield last


def _split(text: str, boundary: Boundary) -> list[str]:
    if boundary.pattern is None or (END_MARK not in text and (boundary.hold or not _has_white_lines(text))):
        # Ten times as fast as the pattern; a third newline too many is cut with the blank lines around documents.
        return text.split(boundary.literal)
    return boundary.pattern.split(text)


def _has_white_lines(text: str) -> bool:
    """Tell whether some line has nothing but spaces and tabs in it; lines that only end in them are few."""
    for end in (" \n", "\t\n"):
        position = text.find(end)
        while position >= 0:
            start = text.rfind("\n", 0, position) + 1
            if not text[start:position].strip(_BLANK):
                return True
            position = text.find(end, position + 1)
    return False


def _mark(texts: list[str], begun: bool) -> str:
    """Return the texts as documents; the first is the rest of one that has begun, if `begun`."""
    documents = []
    for text in texts:
        stripped = text.rstrip(_BLANK)
        if begun:
            begun = False
        elif not stripped:
            continue
        elif stripped[0] in _BLANK:
            stripped = _without_leading_blank_lines(stripped)
        documents.append(stripped)
    return END_MARK.join([*documents, ""])


def _hold_back(text: str, hold: int) -> tuple[str, str]:
    """Part a text before what may turn out to be the end of a document, or part of a boundary."""
    of_no_boundary = text[: max(0, len(text) - hold)]
    cut = len(of_no_boundary.rstrip(_BLANK))
    if len(of_no_boundary) - cut > _LONGEST_BLANK:
        cut = len(of_no_boundary)  # a million blanks are text, lest they fill the memory
    return text[:cut], text[cut:]


def _without_leading_blank_lines(text: str) -> str:
    blank = len(text) - len(text.lstrip(_BLANK))
    return text[text.rfind("\n", 0, blank) + 1 :]
