from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from charlstm.errors import ModelError
from charlstm.store.sweep_results import SweepRow, read_results, write_results

ROW = SweepRow(
    base="models/a, b",
    retrained="0,2",
    kind="transfer",
    fraction=0.125,
    train_chars=6_810,
    seeds=3,
    valid_nats_per_char=1.1,
    valid_nats_per_char_std=1 / 3,
    test_nats_per_char=1.2,
    test_nats_per_char_std=0.01,
    bits_per_char=1.7,
    padded_nats_per_char=0.6,
    trained_parameters=10,
    parameters=20,
    epochs=12.5,
    training_seconds=0.1 + 0.2,
    train_valid_gap_nats=-0.05,
    ratio_to_scratch=0.9,
    ratio_low=0.88,
    ratio_high=0.92,
)
ALONE = replace(
    ROW,
    base=None,
    retrained="scratch 2x64",
    kind="scratch",
    seeds=1,
    valid_nats_per_char_std=None,
    test_nats_per_char_std=None,
    padded_nats_per_char=None,
    ratio_to_scratch=None,
    ratio_low=None,
    ratio_high=None,
)


def test_rows_read_back_the_same(tmp_path: Path) -> None:
    rows = [ROW, ALONE, replace(ROW, base='quoted "name"\nwith a line end \udcff')]
    write_results(tmp_path / "results.csv", rows)
    assert read_results(tmp_path / "results.csv") == rows


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("base,retrained", "retrained,base"),
        ("transfer", "transport"),
        ("0.125", "nan"),
        ("0.125", ""),
        ("6810", "6810.5"),
        (",20,", ",20,20,"),
    ],
)
def test_a_file_of_another_form_is_refused(tmp_path: Path, before: str, after: str) -> None:
    path = tmp_path / "results.csv"
    write_results(path, [ROW])
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after, 1))
    with pytest.raises(ModelError, match=r"results\.csv"):
        read_results(path)


def test_a_missing_file_and_a_link_are_refused(tmp_path: Path) -> None:
    write_results(tmp_path / "results.csv", [ROW])
    (tmp_path / "link.csv").symlink_to("results.csv")
    for name in ("none.csv", "link.csv"):
        with pytest.raises(ModelError, match="not a regular file"):
            read_results(tmp_path / name)
