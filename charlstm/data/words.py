"""Words as the symbols of a text: where each ends, and how they are written side by side again."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from charlstm.data.documents import END_MARK

# What text that is tokenised already has in place of rare words.
UNKNOWN_WORD = "<unk>"
LINE_END = "\n"
# Anything longer is cut into words of this length at most, so that no word fills the memory.
LONGEST_WORD = 256

_APOSTROPHES = "'\N{RIGHT SINGLE QUOTATION MARK}"
CLITICS = frozenset(
    clitic.replace("'", mark) for clitic in ("'s", "'m", "'re", "'ve", "'ll", "'d", "n't") for mark in _APOSTROPHES
)
STRAIGHT_QUOTES = frozenset("\"'")
_CLOSING_QUOTES = "\N{RIGHT SINGLE QUOTATION MARK}\N{RIGHT DOUBLE QUOTATION MARK}"
_OPENING_QUOTES = "\N{LEFT SINGLE QUOTATION MARK}\N{LEFT DOUBLE QUOTATION MARK}\N{DOUBLE LOW-9 QUOTATION MARK}"
CLOSING = frozenset(
    [*",.;:!?)]}%/\N{HORIZONTAL ELLIPSIS}\N{RIGHT-POINTING DOUBLE ANGLE QUOTATION MARK}", *_CLOSING_QUOTES, "...", "''"]
)
OPENING = frozenset([*"([{$\N{POUND SIGN}/\N{LEFT-POINTING DOUBLE ANGLE QUOTATION MARK}", *_OPENING_QUOTES, "``"])

_TOKENIZED = re.compile(rf"\n|\0|[^\s\0]{{1,{LONGEST_WORD}}}")
_UNKNOWN_ALONE = re.compile(rf"(?<![^\s\0]){UNKNOWN_WORD}(?![^\s\0])")
_LETTER_CODES = 0x30000
_LONGEST_CARRY = 1 << 16


def is_tokenized(text: str) -> bool:
    """Tell whether a text is tokenised already: the unknown word stands in it by itself."""
    return _UNKNOWN_ALONE.search(text) is not None


def word_pattern(*, tokenized: bool) -> re.Pattern[str]:
    """Return what matches a word, a line end or END_MARK, one after the other.

    Text that is tokenised is parted at white space only.  Of other text, a word is of letters and digits with
    apostrophes and hyphens inside (o'clock, well-known), points and commas within numbers (10,000.5), points after
    initials (U.S.), or an apostrophe for what an old word has lost ('tis); and each other sign is a word of its own,
    but for dashes and points in a row.
    """
    return _TOKENIZED if tokenized else _plain_pattern()


def words_of(text: str, *, tokenized: bool | None = None) -> list[str]:
    """Return the words of a whole text, line ends among them.

    Args:
        text: any characters.
        tokenized: whether it is tokenised already; None for what the text tells.
    """
    return word_pattern(tokenized=is_tokenized(text) if tokenized is None else tokenized).findall(text)


def whole_word_blocks(blocks: Iterable[str], pattern: re.Pattern[str]) -> Iterator[str]:
    """Yield a text in blocks that cut no word, whatever the blocks are in which it comes.

    Args:
        blocks: the text.
        pattern: of its words.
    """
    carry = ""
    for block in blocks:
        text = carry + block
        cut = max(text.rfind("\n"), text.rfind(" "), text.rfind(END_MARK)) + 1
        if cut == 0 and len(text) > _LONGEST_CARRY:
            cut = _last_word_end(text, pattern)
        carry = text[cut:]
        if cut:
            yield text[:cut]
    if carry:
        yield carry


class Joint(NamedTuple):
    """What of the text before a word decides how it is written.

    Attributes:
        is_tight: whether no space goes before the word.
        open_quotes: the straight quotes that are open.
        is_line_start: whether the word begins a line.
    """

    is_tight: bool = True
    open_quotes: str = ""
    is_line_start: bool = True


START = Joint()


def joined(word: str, before: Joint) -> tuple[str, Joint]:
    """Return a word as it stands in a text, a space before it or not, and what it leaves to the word after it.

    No space is at a line end, before closing and after opening punctuation, and before what Penn Treebank parts from
    a word ('s, n't).  Straight quotes open and close in turn; an apostrophe is closed by the line end at the latest,
    other quotes by an empty line.
    """
    is_tight, quotes, is_line_start = before
    if word == LINE_END:
        return word, Joint(True, "" if is_line_start else quotes.replace("'", ""), True)
    if word in STRAIGHT_QUOTES:
        if word in quotes and not is_line_start:
            return word, Joint(False, quotes.replace(word, ""), False)
        return word if is_tight else f" {word}", Joint(True, quotes.replace(word, "") + word, False)
    follows = word in CLOSING or word.lower() in CLITICS
    return word if is_tight or follows else f" {word}", Joint(word in OPENING, quotes, False)


@functools.cache
def _plain_pattern() -> re.Pattern[str]:
    letter = character_class(_is_letter)
    # Each part has a bound, so that all of a match lies within LONGEST_WORD characters.
    within = r"(?:['\u2019\-\u2010\u2011]|(?<=\d)[.,](?=\d))"
    return re.compile(
        rf"\n|\0|{UNKNOWN_WORD}"
        rf"|(?:[^\W\d_]\.){{2,12}}"
        rf"|{letter}{{1,40}}(?:{within}{letter}{{1,40}}){{0,5}}"
        rf"|['\u2019](?i:tis|twas|twere|twill|twould|em)(?!{letter})"
        r"|-{2,8}|\.{2,8}|[^\s\0]"
    )


def character_class(holds: Callable[[str], bool]) -> str:
    """Return the class of the letters, digits and marks of all scripts for which something holds, for a pattern."""
    codes = [code for code in range(_LETTER_CODES) if holds(chr(code))]
    ranges: list[list[int]] = []
    for code in codes:
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    return "[" + "".join(rf"\U{first:08x}-\U{last:08x}" for first, last in ranges) + "]"


def is_mark(character: str) -> bool:
    """Tell whether a character goes with the letter before it; `\\w` leaves it out."""
    return unicodedata.category(character).startswith("M")


def _is_letter(character: str) -> bool:
    return character.isalnum() or is_mark(character)


def _last_word_end(text: str, pattern: re.Pattern[str]) -> int:
    """Return the last place after a word that no text to come can change."""
    end = 0
    for match in pattern.finditer(text):
        if match.end() > len(text) - LONGEST_WORD - 2:
            break
        end = match.end()
    return end
