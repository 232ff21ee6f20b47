from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from charlstm.config import CorpusConfig
from charlstm.errors import DataError
from charlstm.experiments.fractions import Part, parts_of
from charlstm.store.dataset_directory import Dataset, load_dataset, write_dataset, write_with_training_text

FRACTIONS = (1.0, 0.5, 0.25, 0.1)


def dataset_of(tmp_path: Path, documents: int) -> Dataset:
    """Return a dataset whose documents have different lengths and begin with a letter of their own."""
    texts = [f"{chr(0x100 + number)} is {'la ' * (1 + number % 7)}!" for number in range(documents)]
    (tmp_path / "poems.txt").write_text("\n\n\n".join(texts), encoding="utf-8")
    config = CorpusConfig(documents="blank-lines", split=(0.8, 0.1, 0.1), split_by="position")
    return write_dataset([str(tmp_path / "poems.txt")], config, tmp_path / "set")


def documents_of(dataset: Dataset, part: Part) -> list[str]:
    return [dataset.vocabulary.decode(ids) for ids in np.split(part.ids, part.starts[1:])]


def test_parts_are_whole_documents_in_order_each_within_the_larger(tmp_path: Path) -> None:
    dataset = dataset_of(tmp_path, 100)
    parts = parts_of(dataset, FRACTIONS)
    whole = documents_of(dataset, parts[1.0])
    for larger, smaller in pairwise(FRACTIONS):
        found = documents_of(dataset, parts[smaller])
        assert set(found) < set(documents_of(dataset, parts[larger]))
        assert found == sorted(found, key=whole.index)
    longest = max(map(len, whole))
    for fraction, part in parts.items():
        assert abs(len(part.ids) - fraction * len(parts[1.0].ids)) <= longest / 2
    # Not the beginning of the text, which may differ from the rest of it.
    assert documents_of(dataset, parts[0.1]) != whole[: len(parts[0.1].starts)]


def test_parts_of_a_few_long_documents_are_its_beginning(tmp_path: Path) -> None:
    dataset = dataset_of(tmp_path, 6)
    train = dataset.splits["train"]
    for fraction, part in parts_of(dataset, FRACTIONS).items():
        np.testing.assert_array_equal(part.ids, train[: round(fraction * len(train))])
        assert part.starts[0] == 0
        assert all(train[part.starts[1:] - 1] == dataset.vocabulary.end_of_document)


def test_fractions_that_give_the_same_text_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"0\.5 and 0\.499 give the same"):
        parts_of(dataset_of(tmp_path, 20), (0.5, 0.499))


def test_a_part_can_be_written_as_a_dataset(tmp_path: Path) -> None:
    dataset = dataset_of(tmp_path, 100)
    parts = parts_of(dataset, (1.0, 0.5))
    half = write_with_training_text(dataset, parts[0.5].ids, parts[0.5].starts, tmp_path / "half")
    np.testing.assert_array_equal(half.splits["train"], parts[0.5].ids)
    np.testing.assert_array_equal(half.documents["train"], parts[0.5].starts)
    for split in ("valid", "test"):
        np.testing.assert_array_equal(half.splits[split], dataset.splits[split])
        np.testing.assert_array_equal(half.documents[split], dataset.documents[split])
    assert half.vocabulary == dataset.vocabulary
    ends = np.count_nonzero(parts[0.5].ids == dataset.vocabulary.end_of_document)
    assert half.summary["splits"]["train"] == {
        "ids": len(parts[0.5].ids),
        "documents": len(parts[0.5].starts),
        "characters": len(parts[0.5].ids) - ends,
    }
    whole = write_with_training_text(dataset, parts[1.0].ids, parts[1.0].starts, tmp_path / "whole")
    assert load_dataset(whole.path).fingerprint == dataset.fingerprint
