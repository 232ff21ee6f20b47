"""Command lines, texts and names that nobody would write by hand."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import options
import pytest
import texts
from click.testing import CliRunner, Result
from harness import FIRST_FORMAT, Tally

from charlstm.benchmark.report import Benchmark
from charlstm.cli.main import COMMANDS, main
from charlstm.evaluation import evaluate
from charlstm.experiments import sweep
from charlstm.store.model_directory import save_model
from charlstm.training import execution, rate_range


@pytest.fixture(autouse=True)
def _in_a_directory_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("text.txt").write_text("the king rode over\n" * 20)


def run(*arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(main, list(arguments))
    assert result.exit_code == code, result.output
    return result


def test_random_command_lines_end_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    # Set to what they are, so that what the script changes is changed back.
    limited = ((execution, "_train"), (evaluate, "_score"), (rate_range, "find_rate"), (sweep, "_run_beside"))
    for owner, name in limited:
        monkeypatch.setattr(owner, name, getattr(owner, name))
    for name in ("training", "sampling"):
        monkeypatch.setattr(Benchmark, name, getattr(Benchmark, name))
    source, tally = random.Random(3), Tally()
    options.run_lines(tally, options.random_lines(120, source, list(COMMANDS)), source, 0)
    assert tally.found == {}


@pytest.mark.parametrize("check", [texts.line_ends, texts.random_bytes, texts.tables])
def test_random_texts_are_read_or_refused(check: Callable[[Tally, random.Random, int], None]) -> None:
    tally = Tally()
    check(tally, random.Random(4), 25)
    assert tally.found == {}


@pytest.mark.parametrize(
    "line",
    [
        ["--units", "9" * 400],
        ["--dropout", "9" * 400],
        ["--epochs", "9" * 400],
        ["--warmup-steps", "9" * 30],
        ["--patience", "9" * 30],
        ["--max-minutes", "1e300"],
        ["--layer-rate-decay", "5e-324"],
        ["--layer-rate-decay", "1e308"],
        ["--schedule", "stlr", "--learning-rate", "1e-323"],
        ["--learning-rate", "1e300"],
        ["--schedule", "step", "--decay-epochs", "1e-320"],
        ["--schedule", "step", "--decay-epochs", "1e-320,1"],
        ["--schedule", "cyclical", "--cycle-epochs", "1e-320"],
    ],
)
def test_a_number_beyond_all_bounds_is_wrong_usage(line: list[str]) -> None:
    assert "Error: " in run("pretrain", "text.txt", "-o", "m", *line, code=2).stderr
    assert not Path("m").exists()


@pytest.mark.parametrize("command", [["pretrain", "-o", "m"], ["find-rate"]])
@pytest.mark.parametrize("units", ["-1", "3,-2", "0", "65537"])
def test_layers_of_an_impossible_size_are_wrong_usage(command: list[str], units: str) -> None:
    said = run(*command, "text.txt", "--units", units, code=2).stderr
    assert f"--units {units.split(',')[-1]}: must be between 1 and 65,536" in said
    assert not Path("m").exists()


def test_a_network_larger_than_the_memory_is_refused_before_it_is_made() -> None:
    said = run("pretrain", "text.txt", "-o", "m", "--layers", "64", "--units", "65536", code=1).stderr
    assert "GiB of memory" in said
    assert "fewer --layers or --units" in said
    assert not Path("m").exists()


def test_the_last_character_of_unicode_is_one_like_the_others() -> None:
    Path("text.txt").write_text("the king \U0010ffff rode over\n" * 20, encoding="utf-8")
    summary = json.loads(run("preprocess", "text.txt", "-o", "set", "--json").stdout)
    assert summary["dropped_characters"] == 0
    assert summary["symbols"] == 15


def test_an_encoding_that_makes_lone_surrogates_is_refused() -> None:
    Path("text.txt").write_bytes(b"a line\nthe king +2AA- rode over\n" * 20)
    said = run("preprocess", "text.txt", "-o", "set", "--encoding", "utf-7", code=4).stderr
    assert "text.txt, line 2: holds the lone surrogate U+D800" in said or "not valid utf-7" in said
    Path("text.txt").write_bytes(b"a line\nthe king \\ud800 rode over\n" * 20)
    said = run("preprocess", "text.txt", "-o", "set", "--encoding", "unicode_escape", code=4).stderr
    assert "text.txt, line 2: holds the lone surrogate U+D800" in said


def test_control_characters_are_shown_and_not_sent(tmp_path: Path) -> None:
    from charlstm.config import ModelConfig
    from charlstm.data.vocabulary import Vocabulary
    from charlstm.model.weights import initial_weights

    vocabulary = Vocabulary(("\x1b", "\x07", "\x9b", "]"))
    config = ModelConfig(4, (2,), (0.0,))
    weights = initial_weights(config, 1)
    (tmp_path / "m").mkdir()
    save_model(tmp_path / "m", config, vocabulary, weights, training={}, dataset={}, lineage=[], result={})
    sample = ["sample", "-m", "m", "--seed", "\x1b]", "--length", "40", "--temperature", "9"]
    shown = run(*sample).stdout
    assert "\\x1b" in shown
    assert not {"\x1b", "\x07", "\x9b"} & set(shown)
    assert "\x1b" in run(*sample, "--raw").stdout
    assert "\x1b" not in run("info", "m").stdout
    assert "\x1b" not in run("info", "missing\x1b[2J", code=5).stderr


def test_names_with_escapes_spaces_and_dashes(tmp_path: Path) -> None:
    tally = Tally()
    texts.names(tally)
    assert tally.found == {}
    shutil.copytree(FIRST_FORMAT / "dataset", tmp_path / "set")
    result = run("pretrain", "set", "-o", "a b\x1b[2J\udcff", "--units", "2", "--layers", "1", "--max-minutes", "0.001")
    assert "\x1b" not in result.output
    assert "charlstm sample -m 'a b\\x1b[2J\\udcff'" in result.stdout


def test_a_run_killed_while_it_wrote_its_first_checkpoint_is_begun_again(tmp_path: Path) -> None:
    for name in ("dataset", "unfinished"):
        shutil.copytree(FIRST_FORMAT / name, tmp_path / name)
    shutil.rmtree("unfinished/checkpoints/step-000000000008")
    Path("unfinished/checkpoints/.step-000000000000.x.tmp").mkdir()
    run("pretrain", "--resume", "-o", "unfinished")
    assert not list(Path("unfinished/checkpoints").glob("*.tmp"))
    assert Path("unfinished/config.json").exists()
