"""A model's loss over a text, beside what the text costs without a network."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from charlstm.config import CorpusConfig, Split
from charlstm.errors import DataError, OptionError
from charlstm.evaluation.documents import DocumentScore, document_scores, sum_by_document
from charlstm.evaluation.yardsticks import ngram_bits_per_char, unigram_bits_per_char, xz_bits_per_char
from charlstm.store.dataset_directory import Dataset
from charlstm.store.given_text import check_level, corpus_like, open_dataset
from charlstm.store.model_directory import Model, dataset_of, load_model
from charlstm.training.compiled import scorer_of
from charlstm.training.scoring import Score

MAX_NGRAM_SYMBOLS = 7_000
YARDSTICKS = ("unigram_bits", "five_gram_bits", "xz_bits")


@dataclass(frozen=True)
class EvaluationReport:
    """How well a model predicts a text.

    Attributes:
        nats_per_char: cross-entropy.
        bits_per_char: the same in bits.
        perplexity: the number of equally likely symbols that would be as hard to guess.
        accuracy: the share of symbols that were the likeliest guess.
        chars: characters scored; of words, with the white space between them.
        left_out: symbols that the model does not know and that were not scored.
        unigram_bits_per_char: what the text costs by the symbol shares of the dataset's training text, if there is one.
        five_gram_bits_per_char: the same by a 5-gram model.
        xz_bits_per_char: the same by xz, as what the text adds to the compressed training text.
        documents: how well each document is predicted, with those before it as context, where that is asked for.
        nats_per_word: of a model of words, cross-entropy for each of them.  What it would cost to spell an unknown word
            is not in it, nor in what is told by character.
        words: words scored; None for a model of characters.
    """

    nats_per_char: float
    bits_per_char: float
    perplexity: float
    accuracy: float
    chars: int
    left_out: int
    unigram_bits_per_char: float | None
    five_gram_bits_per_char: float | None
    xz_bits_per_char: float | None
    documents: list[DocumentScore] | None
    nats_per_word: float | None = None
    words: int | None = None


def evaluate(
    model: Path, texts: Sequence[str], split: Split | None, note: Callable[[str], None], *, per_document: bool = False
) -> EvaluationReport:
    """Score a text with a model.

    Args:
        model: the model directory.
        texts: one dataset directory, of which `split` is scored, or the sources of a text, which is read as the model's
            own was and scored whole; without any, the dataset that the model was trained on.
        split: the part of the dataset; None for its test text.
        note: takes sentences for the user.
        per_document: whether to say how well each document is predicted.

    Raises:
        DataError: the text cannot be used, or has fewer than two characters.
        ModelError: the model cannot be used.
        OptionError: a part of what is scored whole.
    """
    trained = load_model(model)
    with tempfile.TemporaryDirectory(prefix="charlstm-") as scratch:
        if texts:
            dataset = open_dataset(texts, corpus_like(trained), Path(scratch) / "dataset")
        else:
            dataset = open_dataset([str(dataset_of(trained))], CorpusConfig(), Path(scratch) / "dataset")
        is_whole_text = dataset.path.parent == Path(scratch)
        if is_whole_text and split:
            raise OptionError(f"--split {split}: is a part of a dataset, and a text is scored whole; leave it out")
        return _score(trained, dataset, None if is_whole_text else split or "test", note, per_document=per_document)


def _score(
    model: Model, dataset: Dataset, split: Split | None, note: Callable[[str], None], *, per_document: bool
) -> EvaluationReport:
    """Score a split beside what it costs by simpler means; None for a text that has but one part."""
    check_level(dataset, model)
    is_of_words = dataset.vocabulary.level == "word"
    if per_document and is_of_words:
        raise OptionError(f"--per-document tells of characters, and {model.path} is of words: leave it out")
    ids, starts = dataset.splits[split or "train"], dataset.documents[split or "train"]
    translated, left_out = model.vocabulary.translate(ids, dataset.vocabulary)
    if left_out:
        note(f"{left_out:,} {model.vocabulary.unit}s are not scored: {model.path} does not know their symbols")
    if unknown := int(np.count_nonzero(translated == model.vocabulary.unknown)):
        unit = model.vocabulary.unit
        note(f"{unknown:,} {unit}s are read as the unknown {unit}: {model.path} does not know them")
    if len(translated) < 2:
        raise DataError(f"{dataset.path}: {len(translated)} {model.vocabulary.unit}s to score; at least 2 are needed")
    nats, hits = scorer_of(model.config, model.weights).of_each(translated)
    score = Score(float(nats.mean(dtype=np.float64)), float(hits.mean()), len(nats))
    documents = None
    if per_document:
        losses = sum_by_document(nats, model.vocabulary.translate_starts(starts, ids, dataset.vocabulary))
        documents = document_scores(losses, ids, starts, dataset.vocabulary)
    report = EvaluationReport(
        nats_per_char=score.nats_per_char,
        bits_per_char=score.bits_per_char,
        perplexity=score.perplexity,
        accuracy=score.accuracy,
        chars=score.chars,
        left_out=left_out,
        unigram_bits_per_char=None,
        five_gram_bits_per_char=None,
        xz_bits_per_char=None,
        documents=documents,
    )
    train = dataset.splits["train"]
    if split is not None and len(train) > 1:
        size = len(dataset.vocabulary)
        report = replace(
            report,
            unigram_bits_per_char=unigram_bits_per_char(train, ids, size),
            five_gram_bits_per_char=ngram_bits_per_char(train, ids, size) if size <= MAX_NGRAM_SYMBOLS else None,
            xz_bits_per_char=xz_bits_per_char(train, ids, dataset.vocabulary),
        )
    return _by_character(report, _scored_characters(dataset, split or "train", model)) if is_of_words else report


def _scored_characters(dataset: Dataset, split: Split, model: Model) -> int:
    """Return how many characters of a split the words are that a model knows, or reads as unknown."""
    characters = int(dataset.summary["splits"][split]["characters"])
    if model.vocabulary.unknown is None:
        sizes = np.array([len(word) + 1 for word in dataset.vocabulary.shown])
        sizes[model.vocabulary.ids_of(dataset.vocabulary) >= 0] = 0
        characters -= int(sizes[dataset.splits[split]].sum())
    return max(1, characters)


def _by_character(report: EvaluationReport, characters: int) -> EvaluationReport:
    """Return the report of a text of so many characters, of which one that goes by words is given."""
    share = report.chars / characters
    by_word = {name: getattr(report, f"{name}_per_char") for name in ("nats", "bits", *YARDSTICKS)}
    by_char: dict[str, Any] = {
        f"{name}_per_char": None if each is None else each * share for name, each in by_word.items()
    }
    return replace(report, **by_char, chars=characters, nats_per_word=report.nats_per_char, words=report.chars)
