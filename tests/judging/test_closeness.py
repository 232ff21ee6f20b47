from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from charlstm.config import CorpusConfig
from charlstm.judging.closeness import Closeness, closeness_after_transfer, closeness_of, sequences
from charlstm.store.dataset_directory import load_dataset, write_dataset
from charlstm.store.model_directory import load_model, save_model


def biased(model_path: Path, out: Path, favoured: str, lineage: list[dict[str, object]]) -> None:
    """Save a model that writes hardly anything but some letters."""
    model = load_model(model_path)
    bias = np.full(len(model.vocabulary), -20, np.float32)
    bias[[model.vocabulary.ids[letter] for letter in favoured]] = 0
    weights = {**model.weights, "head/bias": bias, "head/kernel": 0 * model.weights["head/kernel"]}
    out.mkdir()
    dataset = {"path": "dataset"}
    save_model(out, model.config, model.vocabulary, weights, training={}, dataset=dataset, lineage=lineage, result={})


@pytest.fixture
def base(model_path: Path, tmp_path: Path) -> Path:
    biased(model_path, tmp_path / "base", "abc", [])
    return tmp_path / "base"


def transferred(model_path: Path, base: Path, favoured: str) -> Path:
    """Save a model that descends from the base, its target a text of the letters x, y and z."""
    out = base.parent / f"to-{favoured}"
    lineage: list[dict[str, object]] = [{"model": str(base), "sha256": load_model(base).sha256, "transfer": {}}]
    biased(model_path, out, favoured, lineage)
    text = base.parent / "target.txt"
    text.write_text("".join(np.random.default_rng(4).choice(list("xyz"), 9000)))
    write_dataset([str(text)], CorpusConfig(), out / "dataset")
    return out


@pytest.mark.parametrize(
    ("favoured", "says"),
    [
        ("xyz", "closer to the target's than to the base's"),
        ("abc", "closer to the base's than to the target's"),
        ("acxz", "about as close to the target's as to the base's"),
    ],
)
def test_it_says_what_the_text_is_like(model_path: Path, base: Path, favoured: str, says: str) -> None:
    closeness = closeness_after_transfer(transferred(model_path, base, favoured))
    assert closeness is not None
    assert says in closeness.sentence()
    assert f"{closeness.from_target_bits:.3f} bits from the target" in closeness.sentence()


def test_a_text_of_the_target_itself_is_nearly_as_close_as_can_be(model_path: Path, base: Path) -> None:
    closeness = closeness_after_transfer(transferred(model_path, base, "xyz"))
    assert closeness is not None
    assert closeness.from_target_bits < 0.02
    assert closeness.from_base_bits > 0.98


def test_the_random_seed_is_that_of_both_texts(model_path: Path, base: Path) -> None:
    out = transferred(model_path, base, "acxz")
    model, dataset, before = load_model(out), load_dataset(out / "dataset"), load_model(base)
    once = closeness_of(model, dataset, before)
    assert closeness_of(model, dataset, before) == once == closeness_after_transfer(out)
    other = closeness_of(model, dataset, before, random_seed=2)
    assert other.from_target_bits != once.from_target_bits
    assert other.from_base_bits != once.from_base_bits


def test_without_the_base_there_is_nothing_to_say(model_path: Path, base: Path) -> None:
    out = transferred(model_path, base, "xyz")
    config = json.loads((base / "config.json").read_text())
    shutil.rmtree(base)
    assert closeness_after_transfer(out) is None
    biased(model_path, base, "abx", [])
    assert json.loads((base / "config.json").read_text())["sha256"] != config["sha256"]
    assert closeness_after_transfer(out) is None  # another model in its place


def test_of_a_target_without_three_characters_in_a_row_nothing_is_said(model_path: Path, base: Path) -> None:
    out = transferred(model_path, base, "xyz")
    text = base.parent / "short.txt"
    text.write_text("xyz")
    dataset = write_dataset([str(text)], CorpusConfig(), out / "dataset", overwrite=True)
    assert len(dataset.splits["train"]) == 2
    assert closeness_after_transfer(out) is None


def test_sequences_do_not_go_from_piece_to_piece() -> None:
    assert sequences(["abcd", "abc", "x"]) == {"abc": 2, "bcd": 1}


def test_numbers_that_hardly_differ_are_called_equal() -> None:
    assert "about as close" in Closeness(0.50, 0.51).sentence()
    assert "closer to the target" in Closeness(0.50, 0.55).sentence()
