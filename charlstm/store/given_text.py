"""The text that a user names, as a dataset, and whether it is one to work with."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from charlstm.config import CorpusConfig
from charlstm.data.vocabulary import SPECIAL_SYMBOLS
from charlstm.errors import DataError, ModelError, OptionError
from charlstm.store.dataset_directory import Dataset, load_dataset, write_dataset
from charlstm.store.model_directory import CONFIG, Model


def open_dataset(texts: Sequence[str], corpus: CorpusConfig, scratch: Path) -> Dataset:
    """Open the dataset directory that `texts` names, or make one of the texts at `scratch`."""
    # Not by pathlib, which raises an error where a name is too long to be one.
    if len(texts) == 1 and os.path.exists(Path(texts[0]) / "dataset.json"):
        return load_dataset(Path(texts[0]))
    if len(texts) == 1 and os.path.exists(Path(texts[0]) / CONFIG):
        raise DataError(f"{texts[0]} is a model, not a text or dataset: give models with -m")
    return write_dataset(texts, corpus, scratch)


def corpus_like(model: Model) -> CorpusConfig:
    """Return how a new text, all of it in one split, is read as the one was that a model learned from.

    Raises:
        ModelError: what the model says of that is unusable.
    """
    try:
        own = CorpusConfig.from_json(model.dataset.get("options", CorpusConfig().to_json()))
        found = CorpusConfig.values_from_json({"tokenized": model.dataset.get("is_tokenized")})
    except OptionError as problem:
        raise ModelError(f"{model.path / CONFIG}: {problem}") from None
    return CorpusConfig(
        normalize=own.normalize,
        lowercase=own.lowercase,
        unknown="symbol",  # what the normal form leaves out is told as well
        split=(1.0, 0.0, 0.0),
        level=model.vocabulary.level,
        **found,
    )


def check_is_learnable(dataset: Dataset) -> None:
    """Raise a DataError unless there are two different symbols to tell apart."""
    ordinary = [symbol for symbol in dataset.vocabulary.symbols if symbol not in SPECIAL_SYMBOLS]
    if len(ordinary) < 2:
        raise DataError(f"the text consists of {len(ordinary)} different symbols: there is nothing to learn from it")
    if len(dataset.splits["train"]) < 2:
        raise DataError(
            f"the training text has fewer than 2 {dataset.vocabulary.unit}s: there is nothing to learn from it"
        )


def check_level(dataset: Dataset, model: Model) -> None:
    """Raise a DataError unless a dataset and a model are both of characters, or both of words."""
    if dataset.vocabulary.level != model.vocabulary.level:
        raise DataError(
            f"{dataset.path} is of {dataset.vocabulary.unit}s, but {model.path} of {model.vocabulary.unit}s: make a "
            f"dataset of the text with charlstm preprocess --level {model.vocabulary.level}"
        )
