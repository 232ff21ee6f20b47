"""A model judged by its text."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from charlstm.cli.judgement import stretches
from charlstm.cli.main import main


@pytest.fixture(autouse=True)
def _in_the_directory_of_the_model(model_path: Path, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(model_path.parent)
    Path("words.txt").write_text(words)
    assert CliRunner().invoke(main, ["preprocess", "words.txt", "-o", "corpus"]).exit_code == 0


def run(*arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(main, ["report", "-m", "model", "--length", "2000", *arguments])
    assert result.exit_code == code, result.output
    return result


def test_a_model_is_judged_by_as_much_of_its_text_as_of_the_corpus() -> None:
    found = json.loads(run("--against", "corpus", "--json").stdout)
    assert (found["model"], found["dataset"]) == ("model", "corpus")
    assert found["text"]["chars"] >= 2000  # the end of a document shows as two characters
    assert found["held_out"]["known_word_share"] > 0.99  # the text was cut within words
    assert found["text"]["known_word_share"] < 0.2
    assert found["text"]["character_divergence_bits"] > found["held_out"]["character_divergence_bits"]
    assert [len(found["frequent_words"][side]) for side in ("text", "corpus")] == [10, 10]
    assert {each["item"] for each in found["frequent_words"]["corpus"]} >= {"the", "winter", "king"}
    assert found["closeness"] is None
    assert any("still invents words" in sentence for sentence in found["findings"])
    assert found == json.loads(run("--against", "corpus", "--json").stdout)
    other = json.loads(run("--against", "corpus", "--json", "--random-seed", "2").stdout)
    assert other["sample"] != found["sample"]
    cold = json.loads(run("--against", "corpus", "--json", "--temperature", "0").stdout)
    assert cold["text"]["longest_loop_chars"] > found["text"]["longest_loop_chars"]


def test_the_dataset_in_the_model_directory_is_the_first_choice() -> None:
    assert "holds no dataset of its own: name --against DATASET" in run(code=4).stderr
    Path("corpus").rename("model/dataset")
    assert json.loads(run("--json").stdout)["dataset"] == str(Path("model/dataset"))


def test_the_base_that_is_named_is_what_a_text_may_be_closer_to() -> None:
    shutil.copytree("model", "base")
    compared = ["--against", "corpus", "--base", "base"]
    found = json.loads(run(*compared, "--json").stdout)
    assert found["closeness"]["from_base_bits"] == 0  # the same weights write the same text
    assert found["closeness"]["from_target_bits"] > 0.1
    assert "Its text is closer to the base's than to the target's" in run(*compared).stdout
    other = json.loads(run(*compared, "--json", "--random-seed", "2").stdout)
    assert other["closeness"]["from_target_bits"] != found["closeness"]["from_target_bits"]


def test_the_table_has_its_units_and_the_sentences_stand_below() -> None:
    output = run("--against", "corpus").stdout
    for name in ("characters: Jensen-Shannon divergence", "distinct-3 of words", "64-grams in the training text"):
        assert name in output
    for sentence in json.loads(run("--against", "corpus", "--json").stdout)["findings"]:
        assert sentence in output


def test_what_is_copied_is_marked(model_path: Path) -> None:
    written = json.loads(run("--against", "corpus", "--json").stdout)["sample"]
    Path("written.txt").write_text(written[100:180])
    preprocess = ["preprocess", "written.txt", "words.txt", "-o", "source", "--split", "1,0,0"]
    assert CliRunner().invoke(main, preprocess).exit_code == 0
    found = json.loads(run("--against", "source", "--json").stdout)
    assert found["held_out"] is None
    ((begin, end),) = found["copied"]
    assert written[begin:end] == found["sample"][begin:end]
    assert end - begin == found["text"]["longest_copy_chars"] >= 70
    assert f"[[{written[begin:end]}]]" in run("--against", "source").stdout
    terminal = {"FORCE_COLOR": "1", "TERM": "xterm-256color"}
    coloured = CliRunner().invoke(main, ["report", "-m", str(model_path), "--against", "source"], env=terminal)
    assert "\x1b[7m" in coloured.stdout
    assert "[[" not in coloured.stdout


def test_runs_of_flags_are_stretches() -> None:
    assert stretches([]) == stretches([False]) == []
    assert stretches([True, False, True, True]) == [(0, 1), (2, 4)]


def test_judging_imports_no_tensorflow() -> None:
    code = (
        "import sys\nfrom charlstm.cli.main import main\n"
        "try: main(sys.argv[1:])\nexcept SystemExit as end: assert not end.code, end.code\n"
        "sys.exit('imports TensorFlow' if 'tensorflow' in sys.modules else 0)"
    )
    arguments = ["report", "-m", "model", "--against", "corpus", "--length", "200"]
    result = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--against", "nothing"], 4, "nothing"),
        (["--against", "model"], 4, "model"),
        (["--against", "corpus", "-m", "corpus"], 5, "is a dataset, not a model"),
        (["--against", "corpus", "--base", "nothing"], 5, "nothing"),
        (["--against", "corpus", "--base", "corpus"], 5, "is a dataset, not a model"),
        (["--against", "corpus", "--temperature", "-1"], 2, "--temperature"),
        (["--against", "corpus", "--length", "5"], 2, "--length"),
    ],
)
def test_what_cannot_be_judged_is_said_in_a_sentence(arguments: list[str], code: int, says: str) -> None:
    result = run(*arguments, code=code)
    assert says in result.stderr
    assert result.stdout == ""
