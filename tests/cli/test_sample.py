"""charlstm sample: what is printed, written and refused."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from charlstm.cli.main import main
from charlstm.cli.standard_input import LONGEST_TEXT
from charlstm.config import ModelConfig
from charlstm.data.vocabulary import Vocabulary
from charlstm.model.weights import initial_weights
from charlstm.store.model_directory import save_model


def sample(model: Path, *arguments: str, text: str | None = None) -> Result:
    return CliRunner().invoke(main, ["sample", "-m", str(model), *arguments], input=text)


def rows(model: Path, *arguments: str, text: str | None = None) -> list[dict[str, object]]:
    result = sample(model, *arguments, "--json", text=text)
    assert result.exit_code == 0, result.output
    found: list[dict[str, object]] = json.loads(result.stdout)
    return found


@pytest.fixture
def foreign_path(tmp_path: Path) -> Path:
    """A model of another alphabet."""
    path = tmp_path / "foreign"
    path.mkdir()
    vocabulary = Vocabulary(tuple("\u03b1\u03b2\u03b3"))
    config = ModelConfig(3, (4,), (0.0,))
    save_model(path, config, vocabulary, initial_weights(config, 1), training={}, dataset={}, lineage=[], result={})
    return path


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--temperature", "-1"], "--temperature -1.0: must be 0 or more"),
        (["--temperature", "0.5,-0.1"], "--temperature -0.1: must be 0 or more"),
        (["--word-start-temperature", "-1"], "-1.0 is not in the range"),
        (["--beam", "3", "--num-samples", "2"], "--num-samples 2: --beam finds one text"),
        (["--beam", "3", "--temperature", "1"], "--beam 3: looks for the likeliest text; leave out --temperature"),
        (["--beam", "3", "--top-k", "2"], "leave out --top-k"),
        (["--seeds", "-", "--device", "gpu"], "--device gpu: --seeds are gone on from only on the processor"),
        (["--seeds", "-", "--seed", "a"], "leave out --seed"),
        (["--seeds", ""], "--seeds '': must name a file"),
        (["--stop", ""], "--stop '': must not be empty"),
        (["--forbid", "abcdefghijklmnopqrstuvwxyz \\n"], "leaves no symbol"),
        (["--weights", "1,2"], "--weights 1,2: needs one number a model, 1 in all"),
        (["--min-p", "2"], "2.0 is not in the range"),
        (["--repetition-penalty", "0.5"], "0.5 is not in the range"),
    ],
)
def test_values_that_cannot_be_are_refused_with_a_sentence(
    model_path: Path, arguments: list[str], sentence: str
) -> None:
    result = sample(model_path, *arguments, text="a\nb\n")
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert result.stdout == ""


def test_json_tells_text_options_cost_and_end(model_path: Path) -> None:
    first, second = rows(
        model_path, "--seed", "abc", "--length", "40", "--temperature", "0.5,1.2", "--num-samples", "2"
    )
    assert first["seed"] == "abc"
    assert first["stopped_by"] == "length"
    assert first["text"] != second["text"]
    options = [row["options"] for row in (first, second)]
    assert [each["temperature"] for each in options] == [0.5, 1.2]  # type: ignore[index]
    assert options[0]["random_seed"] == 1  # type: ignore[index]
    # The careful text is the likelier one.
    assert 0 > first["log_probability_nats_per_char"] > second["log_probability_nats_per_char"]  # type: ignore[operator]


def test_texts_end_after_lines_words_and_documents(model_path: Path) -> None:
    for arguments, reason in (
        (["--lines", "2"], "lines"),
        (["--words", "3"], "words"),
        (["--until-document-end"], "document_end"),
    ):
        (row,) = rows(model_path, "--temperature", "1.5", *arguments)
        assert row["stopped_by"] == reason
    (row,) = rows(model_path, "--words", "3", "--temperature", "1.5")
    assert len(str(row["text"]).split()) == 3


def test_seeds_are_gone_on_from_in_their_order(model_path: Path, tmp_path: Path) -> None:
    seeds = tmp_path / "seeds.txt"
    seeds.write_text("abc\n\nthe king\n", encoding="utf-8")
    found = rows(model_path, "--seeds", str(seeds), "--length", "20", "--num-samples", "2")
    assert [row["seed"] for row in found] == ["abc", "abc", "", "", "the king", "the king"]
    assert len({row["text"] for row in found}) == 6
    for text in ("abc\n\nthe king\n", "abc\r\rthe king\r", "abc\r\n\rthe king"):
        assert found == rows(model_path, "--seeds", "-", "--length", "20", "--num-samples", "2", text=text)
    printed = sample(model_path, "--seeds", str(seeds), "--length", "20", "--num-samples", "2").stdout
    assert printed == f"\n{'-' * 20}\n\n".join(f"{row['seed']}{row['text']}\n" for row in found)
    seeds.write_text("", encoding="utf-8")
    assert sample(model_path, "--seeds", str(seeds)).exit_code == 4
    assert sample(model_path, "--seeds", str(tmp_path / "missing.txt")).exit_code == 4


@pytest.mark.parametrize("arguments", [["--seed", "-"], ["--seeds", "-"], ["--seeds", "/dev/zero"]])
def test_a_seed_that_does_not_end_is_refused(model_path: Path, arguments: list[str]) -> None:
    result = sample(model_path, *arguments, text="a" * (LONGEST_TEXT + 1))
    assert result.exit_code == 4
    assert "over 16,777,216 bytes" in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ["--seed", "-", "--temperature", "0.5,1.2", "--num-samples", "2", "--stop", "x\\n", "--forbid", "e\\\\"],
        ["--beam", "3", "--random-seed", "7", "--seed", "-x"],
        ["--seeds", "-", "--temperature", "0.5,1.2", "--until-document-end", "--raw"],
        ["--weights", "0.7,0.3", "--min-p", "0.1", "--word-start-temperature", "1.5", "--strict"],
    ],
)
def test_a_file_of_samples_can_be_made_again_from_its_record(
    model_path: Path, tmp_path: Path, arguments: list[str]
) -> None:
    out, again = tmp_path / "poem.txt", tmp_path / "again.txt"
    if "--weights" in arguments:
        arguments = ["-m", str(model_path), *arguments]
    result = sample(model_path, *arguments, "--length", "30", "--out", str(out), text="abc\n\nxy\n")
    assert (result.exit_code, result.stdout) == (0, ""), result.output
    record = json.loads((tmp_path / "poem.txt.json").read_text(encoding="utf-8"))
    assert record["samples"][0]["text"] in out.read_text(encoding="utf-8")
    assert "--random-seed" in record["command"]
    assert len(record["models"][0]["sha256"]) == 64
    program, *words = shlex.split(record["command"])
    assert program == "charlstm"
    anew = CliRunner().invoke(main, [*words, "--out", str(again)], input=record["standard_input"])
    assert anew.exit_code == 0, anew.output
    assert again.read_bytes() == out.read_bytes()


@pytest.mark.parametrize(
    ("arguments", "recorded"),
    [
        ([], {"--length=500", "--num-samples=1"}),
        (["--temperature", "0.5,1", "--lines", "1"], {"--length=10000", "--num-samples=2"}),
        (["--beam", "2", "--words", "1"], {"--length=10000"}),
    ],
)
def test_what_was_chosen_for_the_options_left_open_is_recorded_too(
    model_path: Path, tmp_path: Path, arguments: list[str], recorded: set[str]
) -> None:
    assert sample(model_path, *arguments, "--out", str(tmp_path / "poem.txt")).exit_code == 0
    words = shlex.split(json.loads((tmp_path / "poem.txt.json").read_text(encoding="utf-8"))["command"])
    assert {word for word in words if word.startswith(("--length", "--num-samples"))} == recorded


def test_a_file_that_exists_is_replaced_only_if_asked(model_path: Path, tmp_path: Path) -> None:
    out = tmp_path / "poem.txt"
    for name in ("poem.txt", "poem.txt.json"):
        (tmp_path / name).write_text("mine")
        refused = sample(model_path, "--out", str(out))
        assert refused.exit_code == 1
        assert "--overwrite" in refused.stderr
        assert (tmp_path / name).read_text() == "mine"
        (tmp_path / name).unlink()
    out.write_text("mine")
    assert sample(model_path, "--out", str(out), "--overwrite", "--length", "5").exit_code == 0
    assert len(out.read_text(encoding="utf-8")) <= 11
    result = sample(model_path, "--out", str(out), "--overwrite", "--length", "5", "--json")
    assert json.loads(result.stdout)[0]["text"] + "\n" == out.read_text(encoding="utf-8")


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_echo_may_give_the_seed(model_path: Path, end: str) -> None:
    assert sample(model_path, "--seed", "-", "--length", "3", text=f"once{end}upon{end}").stdout == (
        sample(model_path, "--seed", "once\nupon", "--length", "3").stdout
    )


def test_every_temperature_has_its_sample_unless_told_otherwise(model_path: Path) -> None:
    def temperatures(*arguments: str) -> list[float]:
        found = rows(model_path, "--temperature", "0.5,0.8,1.2", "--length", "2", *arguments)
        return [row["options"]["temperature"] for row in found]  # type: ignore[index]

    assert temperatures() == [0.5, 0.8, 1.2]
    assert temperatures("--num-samples", "4") == [0.5, 0.8, 1.2, 0.5]


def test_a_seed_file_is_read_while_texts_are_written(
    model_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeds = tmp_path / "seeds.txt"
    seeds.write_bytes(b"abc\r\n" * 5 + b"\xff\n")
    monkeypatch.setattr("charlstm.sampling.batches.BATCH_TEXTS", 2)
    result = sample(model_path, "--seeds", str(seeds), "--length", "9")
    assert result.exit_code == 4
    assert "byte 1 of line 6" in result.stderr
    assert result.stdout.count("abc") >= 4
    seeds.write_bytes(b"abc\n" * 5)
    in_pieces = sample(model_path, "--seeds", str(seeds), "--length", "9").stdout
    monkeypatch.undo()
    assert in_pieces == sample(model_path, "--seeds", str(seeds), "--length", "9").stdout


def test_two_models_write_together_and_need_common_characters(model_path: Path, foreign_path: Path) -> None:
    alone = sample(model_path, "--length", "40", "--seed", "abc").stdout
    assert (
        sample(model_path, "-m", str(model_path), "--weights", "3,0", "--length", "40", "--seed", "abc").stdout == alone
    )
    result = sample(model_path, "-m", str(foreign_path))
    assert result.exit_code == 5
    assert "no character in common" in result.stderr
    assert sample(model_path, "-m", str(model_path), "--device", "gpu").exit_code == 2


def test_a_model_without_document_ends_is_not_waited_for(foreign_path: Path) -> None:
    result = sample(foreign_path, "--until-document-end")
    assert (result.exit_code, result.stdout) == (5, "")
    assert "knows no end of documents" in result.stderr
    assert sample(foreign_path, "--lines", "2").exit_code == 0


@pytest.mark.parametrize(
    ("encoding", "options", "seen"),
    [("latin-1", [], b"\\u201cab"), ("utf-8:strict", ["--raw"], "\u201cab".encode())],
)
def test_what_the_encoding_of_the_output_lacks_is_shown_as_an_escape(
    model_path: Path, encoding: str, options: list[str], seen: bytes
) -> None:
    line = ["sample", "-m", str(model_path), "--seed", "\u201cab", "--length", "5", *options]
    result = subprocess.run(
        [sys.executable, "-m", "charlstm", *line],
        capture_output=True,
        check=True,
        env=os.environ | {"PYTHONIOENCODING": encoding},
    )
    assert result.stdout.startswith(seen)


def test_bytes_that_were_no_text_come_out_raw_as_they_went_in(model_path: Path) -> None:
    line = [sys.executable, "-m", "charlstm", "sample", "-m", str(model_path), "--length", "5", "--raw", "--seed"]
    environment = os.environ | {"PYTHONIOENCODING": "utf-8:strict"}
    result = subprocess.run([*line, b"a\xff"], capture_output=True, check=True, env=environment)
    assert result.stdout.startswith(b"a\xff")
