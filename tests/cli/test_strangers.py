"""What a stranger's directory names it does not get: outside of it, a command opens what the user named."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from charlstm.cli.main import main
from charlstm.store.model_directory import load_model

# Paths that were opened or listed since a test last cleared them; a hook cannot be taken off again.
reached: list[str] = []


def remember(event: str, arguments: tuple[Any, ...]) -> None:
    if event in ("open", "os.listdir", "os.scandir") and isinstance(arguments[0], (str, bytes, os.PathLike)):
        reached.append(os.path.realpath(os.fsdecode(arguments[0])))


sys.addaudithook(remember)


def edit(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


@pytest.fixture
def private(model_path: Path, words: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's own model, dataset and text, which the model directory `gift` names wherever it can."""
    here = model_path.parent
    monkeypatch.chdir(here)
    Path("private").mkdir()
    Path("private/words.txt").write_text(words)
    invoke("preprocess", "private/words.txt", "-o", "private/dataset")
    model_path.rename("gift")
    shutil.copytree("gift", "private/base")
    shutil.copytree("private/dataset", "gift/dataset")
    sha256 = load_model(Path("private/base")).sha256
    summary = json.loads(Path("gift/dataset/dataset.json").read_text())["summary"]

    def name_it(config: dict[str, Any]) -> None:
        config["lineage"] = [{"model": str(here / "private/base"), "sha256": sha256, "transfer": {}}]
        config["dataset"] = {"path": "../private/dataset", "fingerprint": "0" * 64}

    edit(Path("gift/config.json"), name_it)
    assert summary["sources"][0]["name"] == "private/words.txt"
    Path("mine.txt").write_text(words)
    return here / "private"


def invoke(*arguments: str) -> str:
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["info", "gift"],
        ["info", "gift/dataset"],
        ["sample", "-m", "gift", "--length", "20"],
        ["evaluate", "-m", "gift"],
        ["score", "-m", "gift", "mine.txt"],
        ["report", "-m", "gift", "--length", "200"],
        ["transfer", "mine.txt", "-m", "gift", "--epochs", "1", "-o", "new"],
        ["pretrain", "gift/dataset", "--layers", "1", "--units", "8", "--epochs", "1", "-o", "new"],
        ["sweep", "mine.txt", "-m", "gift", "--subsets", "none", "--seeds", "1", "-o", "new"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_no_command_reads_what_a_strangers_directory_names(private: Path, arguments: list[str]) -> None:
    reached.clear()
    invoke(*arguments)
    assert any(path.startswith(str(private.parent.resolve() / "gift")) for path in reached)
    assert not [path for path in reached if path.startswith(str(private.resolve()))]


def test_what_the_user_names_is_read(private: Path) -> None:
    reached.clear()
    invoke("report", "-m", "gift", "--base", "private/base", "--length", "200")
    assert str(private.resolve() / "base" / "model.safetensors") in reached
