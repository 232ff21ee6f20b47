"""What each character or word of a text costs: how much a model is surprised by it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from charlstm.data.normalization import normalize_text
from charlstm.data.vocabulary import Vocabulary, listed
from charlstm.data.words import START, joined, words_of
from charlstm.errors import DataError
from charlstm.evaluation.side_by_side import nats_of_texts
from charlstm.store.given_text import corpus_like
from charlstm.store.model_directory import Model


@dataclass(frozen=True)
class Surprise:
    """What one character or word costs.

    Attributes:
        character: as in the text; a word with the space before it, where it has one.
        bits: what it costs after the characters before it; None where it is not scored.
    """

    character: str
    bits: float | None


def surprises(model: Model, text: str, note: Callable[[str], None]) -> list[Surprise]:
    """Return what each character, or word, of a text costs as the beginning of a document, or of a line of words.

    A character that the model does not know is read and scored as its unknown symbol; by a model without one it is not
    scored, and what follows is predicted as if it were not there.  The first character is predicted from what is read
    before a text; it is not scored by a model that has no such symbol.

    Args:
        model: the model.
        text: any characters; read as the model's own text was.
        note: takes sentences for the user.

    Raises:
        DataError: there is no character to score.
        ModelError: what the model says of its own text is unusable.
    """
    corpus, vocabulary = corpus_like(model), model.vocabulary
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = normalize_text(text, corpus.normalize, lowercase=corpus.lowercase)
    symbols = words_of(text, tokenized=corpus.tokenized) if vocabulary.level == "word" else list(text)
    ids = [vocabulary.word_ids.get(symbol, vocabulary.unknown) for symbol in symbols]
    before = [] if vocabulary.before_text is None else [vocabulary.before_text]
    read = np.array([*before, *(number for number in ids if number is not None)], np.int64)
    if len(read) < 2:
        raise DataError(f"there is no {vocabulary.unit} to score: {model.path} knows none of {text[:40]!r}")
    if unknown := [symbol for symbol in symbols if symbol not in vocabulary.word_ids]:
        unit, named = vocabulary.unit, listed(list(dict.fromkeys(unknown)))
        how = "not scored" if vocabulary.unknown is None else f"read as the unknown {unit}"
        note(f"{len(unknown):,} {unit}s are {how}: {model.path} does not know {named}")
    (nats,) = nats_of_texts(model, [read])
    costs = iter(nats.astype(np.float64) / math.log(2))
    # Without a symbol before it, nothing predicts the first.
    unscored = 1 - len(before)
    found = []
    for character, number in zip(_as_written(symbols, vocabulary), ids, strict=True):
        if number is None or unscored:
            unscored -= number is not None
            found.append(Surprise(character, None))
        else:
            found.append(Surprise(character, float(next(costs))))
    return found


def _as_written(symbols: Sequence[str], vocabulary: Vocabulary) -> Iterator[str]:
    """Yield each symbol with the space before it, where it is a word that has one."""
    joint = START
    for symbol in symbols:
        piece, joint = joined(symbol, joint) if vocabulary.level == "word" else (symbol, joint)
        yield piece
