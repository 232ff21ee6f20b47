"""The vocabulary: symbols to ids and back, and how two vocabularies map onto each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from charlstm.config import Level
from charlstm.config_json import check_version
from charlstm.data.documents import END_MARK
from charlstm.data.words import LINE_END, LONGEST_WORD, START, UNKNOWN_WORD, Joint, joined
from charlstm.errors import CharlstmError

# The special symbols are whole words, so that no single character of a text can collide with them; words of a text that
# are spelled so become the unknown symbol.
END_OF_DOCUMENT = "<end-of-document>"
UNKNOWN = "<unknown>"
SPECIAL_SYMBOLS = (END_OF_DOCUMENT, UNKNOWN)

FORMAT_VERSION = 1
MAX_SYMBOLS = 1_000_000

_SHOWN_AS: dict[Level, dict[str, str]] = {
    "char": {END_OF_DOCUMENT: "\n\n", UNKNOWN: "\N{REPLACEMENT CHARACTER}"},
    "word": {END_OF_DOCUMENT: "\n\n", UNKNOWN: UNKNOWN_WORD},
}
# What a symbol is called.
_UNITS: dict[Level, str] = {"char": "character", "word": "word"}


@dataclass(frozen=True)
class Vocabulary:
    """The symbols of a text, numbered.

    Attributes:
        symbols: the symbol of each id: a character or word, or one of the special symbols.
        level: what they are.
    """

    symbols: tuple[str, ...]
    level: Level = "char"

    def __len__(self) -> int:
        return len(self.symbols)

    @cached_property
    def ids(self) -> dict[str, int]:
        """The id of each symbol."""
        return {symbol: number for number, symbol in enumerate(self.symbols)}

    @property
    def end_of_document(self) -> int | None:
        """The id of the symbol that stands after every document, None where there is none."""
        return self.ids.get(END_OF_DOCUMENT)

    @property
    def before_text(self) -> int | None:
        """The id that is read before a text: of words a line end, else the end of a document, None where there is none.

        The end of a document may stand only once in a text.  For characters that does no harm; but what a network of
        words writes after a word that it saw once is nonsense.
        """
        return self.ids[LINE_END] if self.level == "word" and LINE_END in self.ids else self.end_of_document

    @property
    def unknown(self) -> int | None:
        """The id that stands for everything without an id of its own, None where there is none."""
        return self.ids.get(UNKNOWN)

    @property
    def unit(self) -> str:
        """What a person calls a symbol: "character" or "word"."""
        return _UNITS[self.level]

    @property
    def dtype(self) -> np.dtype[Any]:
        """The smallest unsigned integer type that holds every id."""
        return np.dtype(np.uint8 if len(self) <= 1 << 8 else np.uint16 if len(self) <= 1 << 16 else np.uint32)

    @cached_property
    def word_ids(self) -> dict[str, int]:
        """The id of each word or character of a text: no text holds a special symbol, whatever it spells."""
        return {symbol: number for symbol, number in self.ids.items() if symbol not in SPECIAL_SYMBOLS}

    @cached_property
    def code_point_ids(self) -> NDArray[np.int32]:
        """The id of each Unicode code point, -1 where it has none; shape (last known code point + 2,)."""
        known = [(ord(symbol), number) for symbol, number in self.ids.items() if symbol not in SPECIAL_SYMBOLS]
        # One entry more than the last known code point: larger code points are clipped to it and so find -1.
        table = np.full(max((code for code, _ in known), default=-1) + 2, -1, np.int32)
        for code, number in known:
            table[code] = number
        return table

    @cached_property
    def shown(self) -> list[str]:
        """The text of each id; the end of a document shows as an empty line."""
        shown_as = _SHOWN_AS[self.level]
        return [shown_as.get(symbol, symbol) for symbol in self.symbols]

    def ids_of_characters(self, text: str) -> NDArray[np.int32]:
        """Return the id of each character of a text (N,), -1 where it has none."""
        table = self.code_point_ids
        return table[np.minimum(code_points(text), len(table) - 1)]

    def decode(self, ids: ArrayLike, before: Joint = START) -> str:
        """Return the text of ids (N,); the end of a document shows as an empty line.

        Args:
            ids: of the text.
            before: what the text before it left to it; only words are written otherwise for it.
        """
        return self.spell(np.asarray(ids).tolist(), before)[0]

    def spell(self, ids: Iterable[int], before: Joint) -> tuple[str, Joint]:
        """Return the text of some ids after a text, and what that leaves to the text after it."""
        shown = self.shown
        if self.level == "char":
            return "".join([shown[number] for number in ids]), before
        pieces = []
        for number in ids:
            if number == self.end_of_document:
                piece, before = shown[number], START
            else:
                piece, before = joined(shown[number], before)
            pieces.append(piece)
        return "".join(pieces), before

    def extended(self, other: Vocabulary) -> Vocabulary:
        """Return this vocabulary followed by the symbols that only `other` has, in its order."""
        return Vocabulary(
            self.symbols + tuple(symbol for symbol in other.symbols if symbol not in self.ids), self.level
        )

    def ids_of(self, other: Vocabulary) -> NDArray[np.int64]:
        """Return, for each id of `other`, this vocabulary's id of the same symbol or -1; shape (len(other),)."""
        return np.array([self.ids.get(symbol, -1) for symbol in other.symbols], np.int64)

    def translate(self, ids: NDArray[Any], other: Vocabulary) -> tuple[NDArray[Any], int]:
        """Return ids (N,) of the vocabulary `other` as ids of this one, and how many had to be left out.

        A symbol that this vocabulary lacks becomes its unknown symbol, or is left out where it has none.
        """
        if self.symbols[: len(other)] == other.symbols:
            return ids, 0
        table = self.ids_of(other)
        if self.unknown is not None:
            table[table < 0] = self.unknown
        known = table >= 0
        kept = ids if known.all() else ids[known[ids]]
        return table.astype(self.dtype)[kept], len(ids) - len(kept)

    def translate_starts(self, starts: NDArray[np.int64], ids: NDArray[Any], other: Vocabulary) -> NDArray[np.int64]:
        """Return where the documents (D,) of a text (N,) start once `translate` has left symbols out.

        A document of which nothing is left starts where the one after it does.
        """
        known = self.ids_of(other) >= 0
        if self.unknown is not None or known.all() or len(starts) == 0:
            return starts
        kept = np.add.reduceat(known[ids], starts, dtype=np.int64)
        return np.asarray(np.cumsum(kept) - kept)

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object that `from_json` reads."""
        document = {"format_version": FORMAT_VERSION, "symbols": list(self.symbols)}
        return document if self.level == "char" else {**document, "level": self.level}

    @classmethod
    def from_json(cls, document: Any, error: type[CharlstmError]) -> Vocabulary:
        """Build a vocabulary from a JSON object that a stranger may have written.

        Args:
            document: the parsed JSON.
            error: the class of error to raise (a dataset's or a model's).

        Raises:
            error: another version, an unknown key, or symbols that are not distinct single characters or words.
        """
        if not isinstance(document, dict) or set(document) - {"level"} != {"format_version", "symbols"}:
            raise error(
                'vocabulary.json must hold exactly the keys "format_version" and "symbols", and "level" of words'
            )
        if "level" in document and document["level"] != "word":
            raise error(f'vocabulary.json has the level {str(document["level"])[:40]!a}; only "word" is named')
        is_symbol, kind = (_is_word, "word") if "level" in document else (_is_character, "single character")
        check_version(document, FORMAT_VERSION, "vocabulary.json", error)
        symbols = document["symbols"]
        if not isinstance(symbols, list) or not 1 <= len(symbols) <= MAX_SYMBOLS:
            raise error(f'vocabulary.json: "symbols" must be a list of 1 to {MAX_SYMBOLS:,} symbols')
        for number, symbol in enumerate(symbols):
            if not is_symbol(symbol):
                raise error(f"vocabulary.json: symbol {number} is {str(symbol)[:40]!a}, not a {kind}")
        if len(set(symbols)) != len(symbols):
            twice = next(symbol for symbol, count in Counter(symbols).items() if count > 1)
            raise error(f"vocabulary.json holds the symbol {twice!a} twice")
        return cls(tuple(symbols), "word" if "level" in document else "char")


def listed(symbols: Sequence[str]) -> str:
    """Return symbols as a sentence names them, of many only the first."""
    return " ".join(map(repr, symbols[:20])) + (" ..." if len(symbols) > 20 else "")


def code_points(text: str) -> NDArray[np.uint32]:
    """Return the Unicode code points (N,) of a text of N characters."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.dtype("<u4"))


def _is_character(symbol: Any) -> bool:
    if not isinstance(symbol, str):
        return False
    return symbol in SPECIAL_SYMBOLS or (len(symbol) == 1 and not "\ud800" <= symbol <= "\udfff")


def _is_word(symbol: Any) -> bool:
    if not isinstance(symbol, str) or not 1 <= len(symbol) <= LONGEST_WORD:
        return False
    if symbol == LINE_END:
        return True
    has_surrogate = any("\ud800" <= character <= "\udfff" for character in symbol)
    return symbol.split() == [symbol] and END_MARK not in symbol and not has_surrogate
