"""What a stranger may have written, or a bad disk: refused with a sentence, whatever it is."""

from __future__ import annotations

import errno
import json
import os
import random
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import corrupt
import numpy as np
import pytest
from click.testing import CliRunner
from harness import FIRST_FORMAT, Tally
from safetensors.numpy import load_file

from charlstm.cli.main import main
from charlstm.config import ModelConfig
from charlstm.data.vocabulary import Vocabulary
from charlstm.errors import CharlstmError, DataError, ModelError
from charlstm.store import json_file
from charlstm.store.checkpoints import check_size, has_checkpoints, load_checkpoint
from charlstm.store.history import COLUMNS, read_history
from charlstm.store.model_directory import dataset_of, load_model
from charlstm.store.run_file import read_run
from charlstm.store.runs import newest_model
from charlstm.training.memory import check_memory
from charlstm.training.position import Position, position_of
from charlstm.training.report import Report, report_of


@pytest.fixture
def copies(tmp_path: Path) -> Path:
    """A dataset, a model and an unfinished run, to be spoiled."""
    for name in ("dataset", "model", "unfinished"):
        shutil.copytree(FIRST_FORMAT / name, tmp_path / name)
    return tmp_path


def edit(path: Path, change: Callable[[Any], object]) -> None:
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


def info(path: Path, *options: str) -> str:
    result = CliRunner().invoke(main, ["info", str(path), *options])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_random_documents_are_refused_or_open(copies: Path) -> None:
    tally = Tally()
    corrupt.hostile_documents(tally, copies, 150, random.Random(2))
    corrupt.write_with(tally, copies, 30, random.Random(2))
    assert tally.found == {}


@pytest.mark.parametrize("name", ["model.safetensors", "vocabulary.json"])
def test_a_model_whose_files_are_not_those_of_its_config_is_refused(copies: Path, name: str) -> None:
    file = copies / "model" / name
    content = bytearray(file.read_bytes())
    content[-20] ^= 1
    file.write_bytes(content)
    with pytest.raises(ModelError, match="SHA-256"):
        load_model(copies / "model")


@pytest.mark.parametrize(
    ("file", "code"), [("dataset/dataset.json", 4), ("model/config.json", 5), ("model/model.safetensors", 5)]
)
def test_a_file_that_may_not_be_read_is_one_that_cannot_be_used(
    copies: Path, monkeypatch: pytest.MonkeyPatch, file: str, code: int
) -> None:
    refused = copies / file
    opened = Path.open

    def open_others(path: Path, *arguments: Any, **options: Any) -> Any:
        if path == refused:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return opened(path, *arguments, **options)

    monkeypatch.setattr(Path, "open", open_others)
    result = CliRunner().invoke(main, ["info", str(refused.parent)])
    assert result.exit_code == code
    assert result.stderr == f"Error: {refused} cannot be read: Permission denied\n"


def test_too_many_values_and_too_long_histories_are_refused_before_they_take_memory(tmp_path: Path) -> None:
    many = tmp_path / "many.json"
    many.write_bytes(b'{"a": [' + b"{}," * json_file.MAX_VALUES + b"{}]}")
    with pytest.raises(DataError, match="more than 2,000,000 values"):
        json_file.read_json(many, DataError)
    long = tmp_path / "history.csv"
    long.write_text(",".join(COLUMNS) + "\n" + "0,0,0,0,0,0,0\n" * 2_400_000)
    with pytest.raises(ModelError, match="larger than"):
        read_history(long)


def test_a_large_document_is_judged_in_a_moment(tmp_path: Path) -> None:
    large = tmp_path / "large.json"
    large.write_bytes(b'{"a": "' + b"x" * 30_000_000 + b'\\"[[[["}')
    began = time.monotonic()
    assert len(json_file.read_json(large, DataError)["a"]) > 30_000_000
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("version", [True, 1.0, "1", None])
def test_a_version_is_a_whole_number(copies: Path, version: object) -> None:
    for file in (copies / "model" / "config.json", copies / "unfinished" / "run.json"):
        edit(file, lambda document: document.update(format_version=version))
    with pytest.raises(ModelError, match="has the format version"):
        load_model(copies / "model")
    with pytest.raises(ModelError, match="has the format version"):
        read_run(copies / "unfinished")


def test_info_shows_any_result_and_lets_none_pass_for_what_was_found(copies: Path) -> None:
    result = {"kind": 5, "sha256": "forged", "parameters": 1, "odd": [{"a": 1}, 2], "esc\x1b[2J": "\x1b]0;x\x07"}
    edit(copies / "model" / "config.json", lambda document: document.update(result=result))
    shown = info(copies / "model")
    assert "\x1b" not in shown
    facts = json.loads(info(copies / "model", "--json"))
    assert (facts["kind"], facts["parameters"]) == ("model", 366)
    assert facts["sha256"] != "forged"


def test_checkpoints_that_are_a_link_are_left_alone(copies: Path) -> None:
    (copies / "unfinished" / "checkpoints").rename(copies / "elsewhere")
    (copies / "unfinished" / "checkpoints").symlink_to(copies / "elsewhere")
    config = read_run(copies / "unfinished").model
    with pytest.raises(ModelError, match="is a link"):
        has_checkpoints(copies / "unfinished")
    with pytest.raises(ModelError, match="is a link"):
        load_checkpoint(copies / "unfinished", lambda _: (config, {}), print)


def test_a_dataset_that_is_a_link_is_not_a_models_own(copies: Path) -> None:
    (copies / "model" / "dataset").symlink_to(copies / "dataset")
    with pytest.raises(DataError, match="no dataset of its own"):
        dataset_of(load_model(copies / "model"))


@pytest.mark.parametrize(
    "change",
    [
        {"step": 9},
        {"best_row": 3},
        {"phase_row": 3},
        {"rollbacks": 10**400},
        {"total_steps": -1},
        {"elapsed": -1.0},
        {"first_step_seconds": 1e9},
        {"step": 1 << 70, "updates": 0},
        {"sum_nats": None},
    ],
)
def test_a_position_that_cannot_be_is_refused(copies: Path, change: dict[str, object]) -> None:
    run = read_run(copies / "unfinished")
    directory = copies / "unfinished" / "checkpoints" / "step-000000000008"
    slots = {name: array.shape for name, array in load_file(directory / "slots.safetensors").items()}
    edit(directory / "position.json", lambda document: document.update(change))
    with corrupt.fitting_hash(copies / "unfinished", "unfinished", f"{corrupt.CHECKPOINT}/position.json"):
        checkpoint = load_checkpoint(copies / "unfinished", lambda _: (run.model, slots), print)
        with pytest.raises(ModelError, match="the position"):
            position_of(checkpoint)
    assert Position.from_json(Position().to_json()) == Position()


def test_a_run_without_the_checkpoint_for_its_size_takes_no_memory(copies: Path) -> None:
    huge = ModelConfig(18, (65_536,) * 64, (0.0,) * 64)
    with pytest.raises(ModelError, match="no checkpoint of"):
        check_size(copies / "unfinished", huge)
    with pytest.raises(CharlstmError, match="GiB of memory"):
        check_memory(huge, read_run(copies / "unfinished").training)


@pytest.mark.parametrize(
    "change",
    [
        {"command": "transfer"},
        {"base": "x"},
        {"command": "transfer", "base": "x", "lineage": []},
        {"command": "transfer", "base": "x", "transfer": {"retrain": [0], "freeze_head": False, "new_symbols": "drop"}},
        {"training": {}},
        {"command": ["pretrain"]},
    ],
)
def test_a_run_that_cannot_be_is_refused(copies: Path, change: dict[str, object]) -> None:
    edit(copies / "unfinished" / "run.json", lambda document: document.update(change))
    with pytest.raises(ModelError, match=r"run\.json"):
        read_run(copies / "unfinished")


def test_a_result_that_is_no_report_is_refused(copies: Path) -> None:
    assert isinstance(report_of(copies / "model"), Report)
    edit(copies / "model" / "config.json", lambda document: document["result"].update(valid_nats_per_char="x"))
    with pytest.raises(ModelError, match="'result' is not that of a run"):
        report_of(copies / "model")


@pytest.mark.parametrize("name", [b"\xff\xfe", b"..", b"", b"a\0b", b"../model", b"sub/model"])
def test_runs_latest_names_a_directory_beside_it(copies: Path, monkeypatch: pytest.MonkeyPatch, name: bytes) -> None:
    monkeypatch.chdir(copies)
    Path("runs").mkdir()
    Path("runs/latest").write_bytes(name)
    with pytest.raises(ModelError):
        load_model(newest_model())


def test_a_path_that_is_no_text_survives_json(tmp_path: Path) -> None:
    name = os.fsdecode(b"book-\xff.txt")
    json_file.write_json(tmp_path / "x.json", {"texts": [name]})
    assert json_file.read_json(tmp_path / "x.json", ModelError) == {"texts": [name]}


def test_a_large_vocabulary_decodes_symbol_by_symbol_in_a_moment() -> None:
    vocabulary = Vocabulary(tuple(map(chr, range(0x10000, 0x30000))))
    began = time.monotonic()
    assert len([vocabulary.decode([number]) for number in range(20_000)]) == 20_000
    assert time.monotonic() - began < 2
    np.testing.assert_equal(vocabulary.decode([0, 1]), "\U00010000\U00010001")
