"""How well models predict each line, document or file of a text, and which of them fits it best."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from charlstm.config import Precision
from charlstm.data.vocabulary import code_points, listed
from charlstm.errors import DataError, ModelError, OptionError
from charlstm.evaluation.side_by_side import nats_of_texts
from charlstm.evaluation.units import By, Unit, read_units
from charlstm.model.processor import processor_has_bfloat16
from charlstm.model.runtime import cores
from charlstm.store.model_directory import Model, load_model

# The characters of a unit by which it is recognised.
BEGINNING = 60

# From so many floating-point operations on, two for each weight and symbol, products in bfloat16 gain more time than
# TensorFlow takes to start; on two cores, measured with three layers.
WORTH_BFLOAT16 = 2e12


@dataclass(frozen=True)
class UnitScore:
    """How well models predict one unit of text.

    Attributes:
        source: what a person called the text.
        number: of the unit in it, counted from 1.
        chars: characters scored.
        bits_per_char: model -> cross-entropy; None where no character is scored.
        best: the model with the least, None where there is no character or only one model.
        beginning: the first characters, at most BEGINNING.
    """

    source: str
    number: int
    chars: int
    bits_per_char: dict[str, float | None]
    best: str | None
    beginning: str


@dataclass(frozen=True)
class Scores:
    """How well models predict some texts.

    Attributes:
        by: what a unit is.
        precision: of the products of the layers.
        units: the score of each.
        chars: characters scored, in all units.
        left_out: characters that are not scored, because some model has no symbol for them.
        bits_per_char: model -> cross-entropy over all units.
        best: the model with the least, None for only one.
        fits_best: model -> the units that it fits best; empty for only one model.
    """

    by: By
    precision: Precision
    units: list[UnitScore]
    chars: int
    left_out: int
    bits_per_char: dict[str, float]
    best: str | None
    fits_best: dict[str, int]


def score_texts(
    models: Sequence[Path],
    names: Sequence[str],
    by: By,
    note: Callable[[str], None],
    *,
    column: str | None = None,
    is_sorted: bool = False,
    precision: Precision | Literal["auto"] = "auto",
) -> Scores:
    """Score each unit of texts with one or several models.

    Each unit is read as the beginning of a document, from a zero state.  Only characters that all models have symbols
    for are scored, so that their bits are those of the same text; a character that a model does not know is read as
    its unknown symbol, or as if it were not there.

    Args:
        models: the model directories.
        names: files, folders, "-" for standard input, or names of built-in corpora.
        by: what a unit is.
        note: takes sentences for the user.
        column: the column of tables that holds the text.
        is_sorted: whether the units that are predicted best come first, instead of the order of the text.
        precision: of the products of the layers, for all models; "auto" takes bfloat16 where that is faster.

    Raises:
        DataError: a text that cannot be used, or no character that all models know.
        ModelError: a model that cannot be used.
        OptionError: a model that is given twice.
    """
    labels = [str(model) for model in models]
    if twice := next((label for label in labels if labels.count(label) > 1), None):
        raise OptionError(f"the model {twice} is given twice: name different models with -m")
    loaded = [load_model(model) for model in models]
    if of_words := next((model for model in loaded if model.vocabulary.level == "word"), None):
        raise ModelError(f"{of_words.path} is of words, and texts are scored by character: see charlstm evaluate")
    units = read_units(names, by, column)
    texts = [unit.text for unit in units]
    if precision == "auto":
        precision = "bfloat16" if _is_faster_in_bfloat16(loaded, sum(map(len, texts))) else "float32"
    nats = np.stack([nats_of_characters(model, texts, precision) for model in loaded])
    is_scored = np.logical_not(np.isnan(nats).any(axis=0))
    chars = int(is_scored.sum())
    if not chars:
        raise DataError(
            f"there is no character to score in {', '.join(names[:3])} that {' and '.join(labels)} can predict"
        )
    left_out = len(is_scored) - chars
    if left_out:
        unscored = [chr(code) for code in np.unique(code_points("".join(texts))[~is_scored]).tolist()]
        note(f"{left_out:,} characters are not scored, as not every model can predict them: {listed(unscored)}")
    nats[:, ~is_scored] = 0
    starts = np.cumsum([0, *map(len, texts[:-1])])
    unit_bits = np.add.reduceat(nats, starts, axis=1, dtype=np.float64) / math.log(2)
    unit_chars = np.add.reduceat(is_scored, starts, dtype=np.int64)
    scores = [
        _unit_score(unit, count, dict(zip(labels, bits, strict=True)))
        for unit, count, bits in zip(units, unit_chars.tolist(), unit_bits.T.tolist(), strict=True)
    ]
    if is_sorted:
        scores.sort(
            key=lambda score: min((bits for bits in score.bits_per_char.values() if bits is not None), default=math.inf)
        )
    totals = {label: float(each) / chars for label, each in zip(labels, unit_bits.sum(axis=1), strict=True)}
    wins = {label: sum(score.best == label for score in scores) for label in labels} if len(labels) > 1 else {}
    return Scores(by, precision, scores, chars, left_out, totals, _least(totals), wins)


def _is_faster_in_bfloat16(models: Sequence[Model], characters: int) -> bool:
    """Tell whether TensorFlow reads so many characters faster in bfloat16 than NumPy does in float32."""
    # In TensorFlow a layer keeps a core at work, in NumPy each core has texts of its own.
    if cores() > min(model.config.layers for model in models) or not processor_has_bfloat16():
        return False
    weights = sum(array.size for model in models for array in model.weights.values())
    return 2 * weights * characters >= WORTH_BFLOAT16


def nats_of_characters(model: Model, texts: Sequence[str], precision: Precision = "float32") -> NDArray[np.float32]:
    """Return what each character of some texts costs, each text the beginning of a document.

    Args:
        model: the model.
        texts: of N characters together.
        precision: of the products of the layers.

    Returns:
        Nats (N,), one text after the other; not a number where a character has no symbol of its own, or stands first
        for a model without an end-of-document symbol to predict it from.
    """
    vocabulary = model.vocabulary
    costs, read, places = [], [], []
    before = [] if vocabulary.before_text is None else [vocabulary.before_text]
    for text in texts:
        ids = vocabulary.ids_of_characters(text)
        has_symbol = ids >= 0
        if vocabulary.unknown is not None:
            ids[~has_symbol] = vocabulary.unknown
        costs.append(np.full(len(ids), np.nan, np.float32))
        read.append(np.concatenate([np.array(before, np.int32), ids[ids >= 0]]))
        # Where what is read stands in the text; the cost of an unknown character is no character's.
        places.append((np.flatnonzero(ids >= 0), has_symbol))
    has_something = [number for number, ids in enumerate(read) if len(ids) > 1]
    found = nats_of_texts(model, [read[number] for number in has_something], precision)
    for number, nats in zip(has_something, found, strict=True):
        where, has_symbol = places[number]
        costs[number][where[len(where) - len(nats) :]] = nats
        costs[number][~has_symbol] = np.nan
    return np.concatenate(costs)


def _unit_score(unit: Unit, chars: int, bits: dict[str, float]) -> UnitScore:
    """Return the score of a unit, whose scored characters cost so many bits together by each model."""
    per_char = {label: each / chars if chars else None for label, each in bits.items()}
    return UnitScore(unit.source, unit.number, chars, per_char, _least(per_char), unit.text[:BEGINNING])


def _least(bits: dict[str, float | None] | dict[str, float]) -> str | None:
    """Return the model with the least bits, None where there is nothing to choose."""
    found = {label: each for label, each in bits.items() if each is not None}
    return min(found, key=found.__getitem__) if len(found) > 1 else None
