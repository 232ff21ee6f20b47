"""Directories that the first version of the format wrote stay readable: they were made once and are not made anew."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
from click.testing import CliRunner

from charlstm.cli.main import main
from charlstm.store.dataset_directory import load_dataset
from charlstm.store.model_directory import load_model
from charlstm.store.run_file import read_run

FIRST_FORMAT = Path(__file__).resolve().parent.parent / "formats" / "1"


def test_a_dataset_of_the_first_format_opens() -> None:
    dataset = load_dataset(FIRST_FORMAT / "dataset")
    assert {name: len(ids) for name, ids in dataset.splits.items()} == {"train": 461, "valid": 56, "test": 71}
    assert dataset.vocabulary.decode(dataset.splits["train"][:4]).isprintable()
    assert dataset.summary["documents"] == 24


def test_a_model_of_the_first_format_opens_and_writes() -> None:
    model = load_model(FIRST_FORMAT / "model")
    assert model.config.units == (3, 2)
    assert float(sum(np.abs(array).sum() for array in model.weights.values())) > 0
    result = CliRunner().invoke(main, ["sample", "-m", str(model.path), "--length", "9", "--seed", "king"])
    assert result.exit_code == 0
    assert result.stdout.startswith("king")


def test_an_unfinished_run_of_the_first_format_can_be_gone_on_with(tmp_path: Path) -> None:
    run = read_run(FIRST_FORMAT / "unfinished")
    assert run.training.epochs == 2
    for name in ("dataset", "unfinished"):
        shutil.copytree(FIRST_FORMAT / name, tmp_path / name)
    line = ["pretrain", "--resume", "-o", str(tmp_path / "unfinished"), "--batching"]
    # An option that came later is, for a run that began before it, what was done then.
    refused = CliRunner().invoke(main, [*line, "documents"])
    assert refused.exit_code == 2
    assert "--batching would change the run, for which it is stream" in refused.stderr
    result = CliRunner().invoke(main, [*line, "stream"])
    assert result.exit_code == 0, result.output
    assert "Going on from step 8." in result.stderr
    assert load_model(tmp_path / "unfinished").result["steps"] == 46
