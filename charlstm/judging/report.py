"""A model judged by the text that it writes, beside as much text of the corpus that it did not learn from."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from charlstm.config import SamplingConfig
from charlstm.errors import DataError, ModelError
from charlstm.judging.closeness import Closeness, closeness_of
from charlstm.judging.judgement import Corpus, Judgement, judge
from charlstm.judging.profile import profile_of, text_blocks
from charlstm.judging.written import texts_by
from charlstm.store.dataset_directory import Dataset, load_dataset
from charlstm.store.model_directory import dataset_of, load_model

# The characters of a text: as many texts side by side as the length asks for, each begun as a new document.
TEXT_CHARS = 1_000
# How many of the most frequent words and suffixes are listed.
FREQUENT = 10


@dataclass(frozen=True)
class Frequency:
    """How often a word or suffix occurs, in each thousand.

    Attributes:
        item: the word or suffix.
        per_thousand: in the model's text, or in the corpus.
    """

    item: str
    per_thousand: float


@dataclass(frozen=True)
class ModelReport:
    """What is said of a model.

    Attributes:
        model: the model directory.
        dataset: the dataset that it was judged by.
        temperature: at which its text was written.
        random_seed: of its text.
        text: what is measured of its text.
        held_out: the same of the dataset's own text that is not for training; None where there is none.
        frequent_words: "text" and "corpus" -> the most frequent words there.
        frequent_suffixes: the same of the last three letters of words of at least five.
        closeness: whether the text is closer to the dataset's or to the base model's; None without one, or where the
            dataset has too little text for it.
        sample: the one of its texts that has the longest copied stretch.
        is_copied: which characters of it (N,) are within copied stretches.
    """

    model: str
    dataset: str
    temperature: float
    random_seed: int
    text: Judgement
    held_out: Judgement | None
    frequent_words: dict[str, list[Frequency]]
    frequent_suffixes: dict[str, list[Frequency]]
    closeness: Closeness | None
    sample: str
    is_copied: NDArray[np.bool_]


def report(
    model: Path, against: Path | None, base: Path | None, length: int, temperature: float, random_seed: int
) -> ModelReport:
    """Let a model write, and judge what it wrote.

    Args:
        model: the model directory.
        against: the dataset to judge by; None for the one that stands in the model directory.
        base: the model that it was transferred from, whose text its own is compared with; None for no comparison.
        length: characters to write, rounded to whole texts.
        temperature: as in sampling.
        random_seed: of the text.

    Raises:
        DataError: there is no such dataset, or no training text in it.
        ModelError: the model cannot be used.
    """
    trained = load_model(model)
    if against is None:
        against = dataset_of(trained, "--against DATASET")
    dataset = load_dataset(against)
    before = None if base is None else load_model(base)
    for each in (trained, before, dataset):
        if each is not None and each.vocabulary.level == "word":
            error = DataError if each is dataset else ModelError
            raise error(f"{each.path} is of words, and text is judged by its characters: see charlstm evaluate")
    if not len(dataset.splits["train"]):
        raise DataError(f"{against} has no training text to judge by: name another one with --against")
    streams = max(1, round(length / TEXT_CHARS))
    config = SamplingConfig(length=min(length, TEXT_CHARS), temperature=temperature, random_seed=random_seed)
    texts = texts_by(trained, streams, config)
    profile = profile_of(text_blocks(dataset.splits["train"], dataset.vocabulary))
    corpus = Corpus(dataset.splits["train"], dataset.vocabulary, profile)
    written = judge(texts, corpus)
    held_out = _held_out(dataset, written.judgement.chars)
    return ModelReport(
        model=str(model),
        dataset=str(against),
        temperature=temperature,
        random_seed=random_seed,
        text=written.judgement,
        held_out=judge([held_out], corpus).judgement if held_out else None,
        frequent_words=_side_by_side(written.profile.words, profile.words),
        frequent_suffixes=_side_by_side(written.profile.suffixes, profile.suffixes),
        closeness=None if before is None else closeness_of(trained, dataset, before, random_seed),
        sample=written.texts[written.longest],
        is_copied=written.is_copied[written.longest],
    )


def _held_out(dataset: Dataset, chars: int) -> str:
    """Return so many characters of text that is not for training, fewer where there is less."""
    ids = np.concatenate([dataset.splits[split][:chars] for split in ("valid", "test")])
    return dataset.vocabulary.decode(ids[:chars])[:chars]


def _side_by_side(text: Counter[str], corpus: Counter[str]) -> dict[str, list[Frequency]]:
    return {"text": _most_frequent(text), "corpus": _most_frequent(corpus)}


def _most_frequent(counts: Counter[str]) -> list[Frequency]:
    # Of equally frequent ones the first in order, whatever the order in which they came.
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:FREQUENT]
    return [Frequency(item, 1000 * count / counts.total()) for item, count in ranked]
