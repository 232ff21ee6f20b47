"""Seed text to symbol ids, folding what the model does not know to the nearest that it does."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

from charlstm.data.normalization import normalize_text
from charlstm.data.vocabulary import Vocabulary
from charlstm.data.words import CLITICS, UNKNOWN_WORD, words_of
from charlstm.errors import DataError

# What tokenised text has in place of numbers.
NUMBER = "N"


@dataclass(frozen=True)
class SeedText:
    """A seed as the model reads it.

    Attributes:
        text: what was given, with line ends as texts have them; for a model of words, without spaces at its end.
        ids: the symbols that stand for it.
        folded: symbols that were replaced by near ones, each once, in order.
        skipped: symbols for which there was none, each once, in order.
        unknown: words for which the unknown symbol stands, each once, in order.
    """

    text: str
    ids: tuple[int, ...]
    folded: tuple[str, ...]
    skipped: tuple[str, ...]
    unknown: tuple[str, ...] = ()


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
    unknown: dict[str, None] = {}
    is_of_words = vocabulary.level == "word"
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if is_of_words:
        text = text.rstrip(" \t")
    parted: Callable[[str], list[str]] = words_of if is_of_words else list
    symbols = parted(text)
    # In the form that texts have by default; but as it is for a model that knows all of it.
    if not vocabulary.word_ids.keys() >= set(symbols):
        symbols = parted(normalize_text(text, "nfc", lowercase=False))
    for symbol in symbols:
        if (known := vocabulary.word_ids.get(symbol)) is not None:
            ids.append(known)
            continue
        if symbol == UNKNOWN_WORD and vocabulary.unknown is not None:
            ids.append(vocabulary.unknown)
            continue
        if strict:
            raise DataError(f"the seed has {symbol!r}, which the model does not know; without --strict it is folded")
        near = near_words(symbol, vocabulary) if is_of_words else _fold(symbol, vocabulary)
        if near:
            ids.extend(near)
            folded[symbol] = None
        elif is_of_words and vocabulary.unknown is not None:
            ids.append(vocabulary.unknown)
            unknown[symbol] = None
        else:
            skipped[symbol] = None
    return SeedText(text, tuple(ids), tuple(folded), tuple(skipped), tuple(unknown))


def near_words(word: str, vocabulary: Vocabulary) -> list[int]:
    """Return ids that stand for a word: in another case, in ASCII, parted as Penn Treebank does, or N for a number."""
    plain = normalize_text(word, "ascii", lowercase=False)
    for form in (word, plain):
        for cased in (form, form.lower(), form.capitalize(), form.upper()):
            ends = [len(clitic) for clitic in CLITICS if cased.lower().endswith(clitic) and len(clitic) < len(cased)]
            for end in (0, *sorted(ends)):
                parts = [cased[: len(cased) - end], cased[len(cased) - end :]] if end else [cased]
                ids = [vocabulary.word_ids.get(part) for part in parts]
                if all(known is not None for known in ids):
                    return [known for known in ids if known is not None]
    number = vocabulary.word_ids.get(NUMBER)
    return [number] if number is not None and plain.replace(",", "").replace(".", "", 1).isdigit() else []


def _fold(symbol: str, vocabulary: Vocabulary) -> list[int]:
    """Return ids that stand for `symbol`: the first of its plainer forms that the vocabulary holds whole."""
    plain = " " if symbol == "\t" else symbol
    decomposed = unicodedata.normalize("NFKD", plain)
    bare = "".join(character for character in decomposed if not unicodedata.combining(character))
    in_ascii = normalize_text(plain, "ascii", lowercase=False)
    for form in (plain, unicodedata.normalize("NFC", plain), decomposed, bare, in_ascii):
        for cased in (form, form.lower(), form.upper()):
            ids = [vocabulary.ids.get(character) for character in cased]
            # A ligature in capitals is two of them.
            if cased and len(cased) == len(form) and all(known is not None for known in ids):
                return [known for known in ids if known is not None]
    return []
