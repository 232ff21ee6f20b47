"""Unicode normal forms, folding to ASCII and lower-casing of text that comes in blocks."""

# ruff: noqa: RUF001 -- the look-alikes of ASCII are what this file is about
from __future__ import annotations

import functools
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Literal, cast

import numpy as np
from numpy.typing import NDArray

from charlstm.config import Normalize
from charlstm.data.vocabulary import code_points

# What NFKD leaves and a plain letter or sign is near to.
_NEAREST_ASCII = str.maketrans(
    {
        **dict.fromkeys("‘’‚‛′‹›ʼ", "'"),
        **dict.fromkeys("“”„‟″«»", '"'),
        **dict.fromkeys("‐‑‒–−", "-"),
        **dict.fromkeys("—―", "--"),
        **{"Æ": "AE", "æ": "ae", "Œ": "OE", "œ": "oe", "ß": "ss", "ẞ": "SS", "Ø": "O", "ø": "o", "Ł": "L", "ł": "l"},
        **{"Đ": "D", "đ": "d", "Ð": "D", "ð": "d", "Þ": "Th", "þ": "th", "ı": "i", "⁄": "/", "×": "x", "•": "*"},
        **{"\u2028": "\n", "\u2029": "\n", "\u0085": "\n", "\u00ad": "", "\u200b": "", "\u2060": "", "\ufeff": ""},
    }
)
_LONGEST_CARRY = 1 << 20
_LONGEST_SEARCH = 1 << 16
_LARGE = 1 << 16
_STABLE_CODES = 0x3400  # up to the Chinese characters: the alphabets, punctuation and signs
_Form = Literal["NFC", "NFKC"]


def normalize_text(text: str, form: Normalize, *, lowercase: bool) -> str:
    """Return a text in a normal form.

    Args:
        text: any characters.
        form: "ascii" folds letters and signs to the nearest ASCII; what has none near stays as it is.
        lowercase: whether the text is lower-cased too.
    """
    if text.isascii():  # ASCII text is in every normal form
        return text.lower() if lowercase else text
    text = _in_form(text, form)
    if lowercase:
        # Lower-casing can undo the normal form, and a compatibility form can make capitals.
        text = _in_form(text.lower(), form)
    return text


def normalize_blocks(blocks: Iterable[str], form: Normalize, *, lowercase: bool) -> Iterator[str]:
    """Yield a text in a normal form, whatever the blocks are in which it comes.

    Blocks are joined and cut again where no character acts on its neighbour: at white space, or, in a line
    of over a million characters without any, before a character that composes with none before it.

    Args:
        blocks: the text.
        form: as in `normalize_text`.
        lowercase: as in `normalize_text`.
    """
    if form == "none" and not lowercase:
        yield from blocks
        return
    carry = ""
    for block in blocks:
        text = carry + block
        cut = max(text.rfind("\n"), text.rfind(" "), text.rfind("\0")) + 1
        if cut == 0 and len(text) > _LONGEST_CARRY:
            cut = _last_safe_cut(text)
        carry = text[cut:]
        if cut:
            yield normalize_text(text[:cut], form, lowercase=lowercase)
    if carry:
        yield normalize_text(carry, form, lowercase=lowercase)


def _in_form(text: str, form: Normalize) -> str:
    if form == "none":
        return text
    if form == "ascii":
        decomposed = unicodedata.normalize("NFKD", text.translate(_NEAREST_ASCII)).translate(_NEAREST_ASCII)
        if decomposed.isascii():
            return decomposed
        bare = "".join([character for character in decomposed if not unicodedata.combining(character)])
        # What could not be folded is composed again, so that it is one symbol and counted as one.
        return bare if bare.isascii() else unicodedata.normalize("NFC", bare)
    name = cast(_Form, form.upper())
    if name == "NFC" and _is_latin1(text):
        return text
    if len(text) < _LARGE:
        return unicodedata.normalize(name, text)
    return _normalize_where_needed(text, name)


def _normalize_where_needed(text: str, form: _Form) -> str:
    """Return a long text in a normal form: only the parts that can change are looked at closely.

    Python's own function takes 20 ms for a million characters with one accent among them; this takes 3 ms.
    """
    unstable = np.flatnonzero(_unstable(form).take(code_points(text), mode="clip"))
    if len(unstable) == 0:
        return text
    if len(unstable) > len(text) // 50:
        return unicodedata.normalize(form, text)
    # A part is a run of such characters and the one before it, which the first of them may compose with.
    breaks = np.flatnonzero(np.diff(unstable) > 1)
    starts = np.maximum(unstable[np.concatenate(([0], breaks + 1))] - 1, 0).tolist()
    ends = (unstable[np.append(breaks, len(unstable) - 1)] + 1).tolist()
    parts, done = [], 0
    for start, end in zip(starts, ends, strict=True):
        start = max(start, done)
        parts += [text[done:start], unicodedata.normalize(form, text[start:end])]
        done = end
    return "".join([*parts, text[done:]])


@functools.cache
def _unstable(form: _Form) -> NDArray[np.bool_]:
    """Return which code points a normal form may change; the last entry stands for all code points above."""
    unstable = np.ones(_STABLE_CODES + 1, bool)
    for code in range(_STABLE_CODES):
        character = chr(code)
        unstable[code] = not (composes_with_none_before(character) and unicodedata.is_normalized(form, character))
    return unstable


def _is_latin1(text: str) -> bool:
    """Tell whether no character is above U+00FF: composed form never changes such text."""
    try:
        text.encode("latin-1")
    except UnicodeEncodeError:
        return False
    return True


def _last_safe_cut(text: str) -> int:
    for position in range(len(text) - 1, max(0, len(text) - _LONGEST_SEARCH), -1):
        if composes_with_none_before(text[position]):
            return position
    return len(text)


def composes_with_none_before(character: str) -> bool:
    """Tell whether a text may be cut before a character without a change to any normal form."""
    first = unicodedata.normalize("NFKD", character)[0]
    if unicodedata.combining(first) or unicodedata.category(first).startswith("M"):
        return False
    # The vowels and final consonants of Hangul compose with what stands before them, and are letters.
    return not "\u1160" <= first <= "\u11ff" and not "\U00016d40" <= first <= "\U00016d7f"
