"""Seed text to symbol ids, folding what the model does not know to the nearest that it does."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from charlstm.data.vocabulary import Vocabulary
from charlstm.errors import DataError

# Typographic forms that Unicode's own decompositions leave alone, and what stands for them in plain text.
TYPOGRAPHIC = {
    "\N{LEFT SINGLE QUOTATION MARK}": "'",
    "\N{RIGHT SINGLE QUOTATION MARK}": "'",
    "\N{SINGLE LOW-9 QUOTATION MARK}": "'",
    "\N{LEFT DOUBLE QUOTATION MARK}": '"',
    "\N{RIGHT DOUBLE QUOTATION MARK}": '"',
    "\N{DOUBLE LOW-9 QUOTATION MARK}": '"',
    "\N{LEFT-POINTING DOUBLE ANGLE QUOTATION MARK}": '"',
    "\N{RIGHT-POINTING DOUBLE ANGLE QUOTATION MARK}": '"',
    "\N{EN DASH}": "-",
    "\N{EM DASH}": "--",
    "\N{MINUS SIGN}": "-",
    "\t": " ",
    "\r\n": "\n",
    "\r": "\n",
}


@dataclass(frozen=True)
class SeedText:
    """A seed as the model reads it.

    Attributes:
        text: what was given.
        ids: the symbols that stand for it.
        folded: symbols that were replaced by near ones, each once, in order.
        skipped: symbols for which there was none, each once, in order.
    """

    text: str
    ids: tuple[int, ...]
    folded: tuple[str, ...]
    skipped: tuple[str, ...]


def read_seed(text: str, vocabulary: Vocabulary, *, strict: bool = False) -> SeedText:
    """Turn seed text into symbol ids.

    Args:
        text: the seed.
        vocabulary: the model's symbols.
        strict: whether a symbol that is not in the vocabulary is an error.

    Raises:
        DataError: `strict`, and a symbol is not in the vocabulary.
    """
    ids: list[int] = []
    folded: dict[str, None] = {}
    skipped: dict[str, None] = {}
    for symbol in text:
        if (known := vocabulary.ids.get(symbol)) is not None:
            ids.append(known)
            continue
        if strict:
            raise DataError(f"the seed has {symbol!r}, which the model does not know; without --strict it is folded")
        near = _fold(symbol, vocabulary)
        if near:
            ids.extend(near)
            folded[symbol] = None
        else:
            skipped[symbol] = None
    return SeedText(text, tuple(ids), tuple(folded), tuple(skipped))


def _fold(symbol: str, vocabulary: Vocabulary) -> list[int]:
    """Return ids that stand for `symbol`: the first of its plainer forms that the vocabulary holds whole."""
    plain = TYPOGRAPHIC.get(symbol, symbol)
    decomposed = unicodedata.normalize("NFKD", plain)
    bare = "".join(character for character in decomposed if not unicodedata.combining(character))
    for form in (plain, unicodedata.normalize("NFC", plain), decomposed, bare):
        for cased in (form, form.lower(), form.upper()):
            ids = [vocabulary.ids.get(character) for character in cased]
            if cased and all(known is not None for known in ids):
                return [known for known in ids if known is not None]
    return []
