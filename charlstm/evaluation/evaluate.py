"""A model's loss over a text, beside what the text costs without a network."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from charlstm.config import CorpusConfig, Split
from charlstm.errors import DataError
from charlstm.evaluation.documents import DocumentScore, document_scores, sum_by_document
from charlstm.evaluation.yardsticks import ngram_bits_per_char, unigram_bits_per_char, xz_bits_per_char
from charlstm.model.network import Network
from charlstm.store.dataset_directory import Dataset
from charlstm.store.model_directory import Model, dataset_of, load_model
from charlstm.training.execution import open_dataset
from charlstm.training.scoring import Score, Scorer

MAX_NGRAM_SYMBOLS = 7_000


@dataclass(frozen=True)
class EvaluationReport:
    """How well a model predicts a text.

    Attributes:
        nats_per_char: cross-entropy.
        bits_per_char: the same in bits.
        perplexity: the number of equally likely symbols that would be as hard to guess.
        accuracy: the share of characters that were the likeliest guess.
        chars: characters scored.
        left_out: characters that the model does not know and that were not scored.
        unigram_bits_per_char: what the text costs by the symbol shares of the dataset's training text, if there is one.
        five_gram_bits_per_char: the same by a 5-gram model.
        xz_bits_per_char: the same by xz, as what the text adds to the compressed training text.
        documents: how well each document is predicted, with those before it as context, where that is asked for.
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


def evaluate(
    model: Path, texts: Sequence[str], split: Split, note: Callable[[str], None], *, per_document: bool = False
) -> EvaluationReport:
    """Score a text with a model.

    Args:
        model: the model directory.
        texts: one dataset directory, of which `split` is scored, or the sources of a text, which is scored whole;
            without any, the dataset that the model was trained on.
        split: the part of the dataset.
        note: takes sentences for the user.
        per_document: whether to say how well each document is predicted.

    Raises:
        DataError: the text cannot be used, or has fewer than two characters.
        ModelError: the model cannot be used.
    """
    trained = load_model(model)
    with tempfile.TemporaryDirectory(prefix="charlstm-") as scratch:
        if texts:
            dataset = open_dataset(texts, CorpusConfig(split=(1.0, 0.0, 0.0)), Path(scratch) / "dataset")
        else:
            dataset = open_dataset([str(dataset_of(trained))], CorpusConfig(), Path(scratch) / "dataset")
        is_whole_text = dataset.path.parent == Path(scratch)
        return _score(trained, dataset, None if is_whole_text else split, note, per_document=per_document)


def _score(
    model: Model, dataset: Dataset, split: Split | None, note: Callable[[str], None], *, per_document: bool
) -> EvaluationReport:
    """Score a split beside what it costs by simpler means; None for a text that has but one part."""
    ids, starts = dataset.splits[split or "train"], dataset.documents[split or "train"]
    translated, left_out = model.vocabulary.translate(ids, dataset.vocabulary)
    if left_out:
        note(f"{left_out:,} characters are not scored: {model.path} does not know their symbols")
    if len(translated) < 2:
        raise DataError(f"{dataset.path}: {len(translated)} characters to score; at least 2 are needed")
    network = Network(model.config)
    network.assign(model.weights)
    nats, hits = Scorer(network).of_each(translated)
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
    if split is None or len(train) < 2:
        return report
    size = len(dataset.vocabulary)
    return replace(
        report,
        unigram_bits_per_char=unigram_bits_per_char(train, ids, size),
        five_gram_bits_per_char=ngram_bits_per_char(train, ids, size) if size <= MAX_NGRAM_SYMBOLS else None,
        xz_bits_per_char=xz_bits_per_char(train, ids, dataset.vocabulary),
    )
