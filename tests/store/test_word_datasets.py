"""What a stranger may have written of words, in a dataset directory."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from charlstm.config import CorpusConfig
from charlstm.errors import DataError
from charlstm.store.dataset_directory import load_dataset, write_dataset
from charlstm.store.json_file import sha256


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "book.txt").write_text("the king rode\nthe <unk> sang\n" * 20)
    config = CorpusConfig(level="word", unknown="symbol")
    return write_dataset([str(tmp_path / "book.txt")], config, tmp_path / "set").path


def edit(directory: Path, change: Callable[[dict[str, Any]], object], vocabulary: Any = None) -> None:
    """Change the document, and the vocabulary with its hash, as a stranger could."""
    document = json.loads((directory / "dataset.json").read_text())
    if vocabulary is not None:
        (directory / "vocabulary.json").write_text(json.dumps(vocabulary))
        document["files"]["vocabulary.json"]["sha256"] = sha256(directory / "vocabulary.json")
    change(document["summary"])
    (directory / "dataset.json").write_text(json.dumps(document))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda summary: summary.pop("is_tokenized"), "lacks the key 'is_tokenized'"),
        (lambda summary: summary.pop("words"), "has the unknown key"),
        (lambda summary: summary.update(is_tokenized=1), "unusable value 1"),
        (lambda summary: summary.update(words=-1), "unusable value -1"),
        (lambda summary: summary.update(unknown_words=None), "unusable value None"),
        (lambda summary: summary["options"].update(level="syllable"), "unusable value"),
        (lambda summary: summary["options"].update(unknown="drop"), "unusable value"),
        (lambda summary: summary["options"].update(max_vocabulary=True), "unusable value"),
    ],
)
def test_what_is_said_of_words_is_checked(directory: Path, change: Callable[[Any], object], says: str) -> None:
    edit(directory, change)
    with pytest.raises(DataError, match=says):
        load_dataset(directory)


@pytest.mark.parametrize("word", ["two words", "", "a\ud800", "a\0", "x" * 300, 5, None, "king"])
def test_a_word_is_a_word(directory: Path, word: object) -> None:
    symbols = load_dataset(directory).vocabulary.symbols
    edit(directory, lambda _: None, {"format_version": 1, "symbols": [*symbols[:-1], word], "level": "word"})
    with pytest.raises(DataError, match=r"vocabulary\.json"):
        load_dataset(directory)


def test_words_need_their_level(directory: Path) -> None:
    symbols = list(load_dataset(directory).vocabulary.symbols)
    edit(directory, lambda _: None, {"format_version": 1, "symbols": symbols})
    with pytest.raises(DataError, match="not a single character"):
        load_dataset(directory)
