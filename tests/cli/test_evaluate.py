"""What `evaluate` shows of documents and of single characters."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from charlstm.cli.main import main
from charlstm.config import CorpusConfig

COLOURS = {"FORCE_COLOR": "1", "TERM": "xterm-256color", "COLORTERM": "", "NO_COLOR": ""}
MARKED = re.compile(r"\x1b\[([0-9;]+)m([^\x1b]*)")


@pytest.fixture(autouse=True)
def _in_the_directory_of_the_model(model_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(model_path.parent)


def run(*arguments: str, code: int = 0, text: str | bytes | None = None, env: dict[str, str] | None = None) -> Result:
    result = CliRunner().invoke(main, ["evaluate", "-m", "model", *arguments], input=text, env=env)
    assert result.exit_code == code, result.output
    return result


def documents(count: int) -> str:
    lines = ["the king rode", "over grey ford", "QQ", "and sang of winter \x1b[2J", "king"]
    path = Path("poems.txt")
    path.write_text("\n".join(f"{lines[number % 5]} {chr(97 + number)}" for number in range(count)))
    preprocess = ["preprocess", "poems.txt", "--documents", "line", "-o", "poems", "--split", "0.1,0,0.9"]
    assert CliRunner().invoke(main, preprocess).exit_code == 0
    return "poems"


def test_all_documents_add_up_to_the_whole() -> None:
    dataset = documents(20)
    report = json.loads(run(dataset, "--per-document", "--json").stdout)
    found = report.pop("documents")
    assert [each["number"] for each in found] == list(range(1, len(found) + 1))
    assert sum(each["chars"] for each in found) == report["chars"]
    nats = sum(each["chars"] * each["nats_per_char"] for each in found)
    assert nats / report["chars"] == pytest.approx(report["nats_per_char"])
    # What the model does not know is not counted, and yet recognised.
    assert {each["chars"] for each in found if each["beginning"].startswith("QQ")} == {3}
    assert report == json.loads(run(dataset, "--json").stdout)


def test_the_worst_and_the_best_documents_are_shown() -> None:
    dataset = documents(20)
    ranked = json.loads(run(dataset, "--per-document", "--json").stdout)["documents"]
    ranked.sort(key=lambda each: -each["bits_per_char"])
    output = run(dataset, "--per-document").stdout
    worst, best = output.split("Worst of 18 documents")[1].split("Best")
    for shown, expected in ((worst, ranked[:5]), (best, ranked[:-6:-1])):
        rows = [line.split(maxsplit=3) for line in shown.splitlines() if re.match(r" +\d", line)]
        assert [row[:3] for row in rows] == [
            [str(each["number"]), str(each["chars"]), f"{each['bits_per_char']:.3f}"] for each in expected
        ]
        assert [row[3].rstrip() for row in rows] == [each["beginning"].replace("\x1b", "\\x1b") for each in expected]


def test_few_documents_are_shown_in_one_table() -> None:
    output = run(documents(11), "--per-document").stdout
    assert "All documents, the worst first" in output
    assert "Best" not in output
    assert "Traceback" not in output


def test_a_text_is_read_as_that_of_the_model() -> None:
    Path("king.txt").write_text("the king rode")
    expected = json.loads(run("king.txt", "--json").stdout)
    document = json.loads(Path("model/config.json").read_text())
    document["dataset"] = {"options": CorpusConfig(normalize="ascii", lowercase=True).to_json()}
    Path("model/config.json").write_text(json.dumps(document))
    Path("given.txt").write_text("The K\u00ef\u4e2dng r\u00f3de")
    result = run("given.txt", "--json")
    assert json.loads(result.stdout) == {**expected, "left_out": 1}
    assert "1 characters are not scored" in result.stderr


def test_a_text_is_shown_as_a_line_a_character() -> None:
    text = "a king's\t\x1b[0m\n"
    result = run("--show", text)
    lines = result.stdout.splitlines()
    assert [line[10:] for line in lines[:-1]] == [repr(character) for character in text]
    bits = [None if line[:8].strip() == "-" else float(line[:8]) for line in lines[:-1]]
    assert [number is None for number in bits] == [character not in "a king\nsm" for character in text]
    known = [number for number in bits if number is not None]
    assert lines[-1][8:] == f"  mean of {len(known)} characters"
    assert float(lines[-1][:8]) == pytest.approx(sum(known) / len(known), abs=1e-3)
    assert "does not know \"'\" '\\t' '\\x1b'" in result.stderr


def test_standard_input_and_json_say_the_same() -> None:
    listed = json.loads(run("--show", "-", "--json", text="king\u20ac").stdout)
    assert [each["character"] for each in listed] == [*"king", "\u20ac"]
    assert listed[-1]["bits"] is None
    lines = run("--show", "king").stdout.splitlines()
    assert [f"{each['bits']:8.3f}" for each in listed[:-1]] == [line[:8] for line in lines[:-1]]
    assert "the text on standard input is not UTF-8 at byte 1" in run("--show", "-", text=b"a\xff", code=4).stderr


def test_colours_follow_the_bits_on_a_terminal() -> None:
    text = "the king rode over the grey ford and sang of winter\nzzqxj"
    listed = json.loads(run("--show", text, "--json").stdout)
    output = run("--show", text, env=COLOURS).stdout
    shown, legend = output.split("\n\n")
    # A line ends with a sign that has a colour, and then without one.
    colours = [(codes, sign) for codes, signs in MARKED.findall(shown) for sign in signs if sign != "\n"]
    styles = {label: codes for codes, label in MARKED.findall(legend)}
    bounds = [(0.5, " below \u00bd "), (1, " \u00bd to 1 "), (2, " 1 to 2 "), (4, " 2 to 4 "), (8, " 4 to 8 ")]
    for each, (codes, sign) in zip(listed, colours, strict=True):
        assert sign == each["character"].replace("\n", "\u21b5")
        label = next((label for bound, label in bounds if each["bits"] < bound), " 8 or more ")
        assert codes == styles[label]
    assert len({codes for codes, _ in colours}) > 2
    mean = sum(each["bits"] for each in listed) / len(listed)
    assert f"mean of {len(text)} characters: {mean:.3f} bits" in legend
    assert "not scored" not in legend


def test_control_characters_never_reach_the_terminal() -> None:
    output = run("--show", "a\x1b[2J\tb", env=COLOURS).stdout
    assert "\\x1b" in output
    assert "\x1b[2J" not in output
    assert "not scored" in output


def test_where_colours_are_not_wanted_there_are_lines() -> None:
    lines = run("--show", "king").stdout
    assert run("--show", "king", env={**COLOURS, "NO_COLOR": "1"}).stdout == lines
    assert run("--show", "king", env={**COLOURS, "TERM": "dumb"}).stdout == lines


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["book.txt"], 2, "leave out DATASET and TEXT"),
        (["--split", "test"], 2, "leave out --split"),
        (["--per-document"], 2, "leave out --per-document"),
        (["--show", "\u20ac"], 4, "no character to score"),
        (["--show", ""], 4, "no character to score"),
    ],
)
def test_what_does_not_fit_is_refused(arguments: list[str], code: int, says: str) -> None:
    result = run("--show", "king", *arguments, code=code)
    assert says in result.stderr
    assert result.stdout == ""


def test_a_text_has_no_parts() -> None:
    Path("book.txt").write_text("the king rode over grey ford\n" * 20)
    assert "a text is scored whole; leave it out" in run("book.txt", "--split", "valid", code=2).stderr


def test_a_text_in_place_of_the_name_of_one_is_no_file() -> None:
    assert "there is no file" in run("the king rode over grey ford\n" * 20, code=4).stderr


def test_showing_imports_no_tensorflow() -> None:
    code = (
        "import sys\nfrom charlstm.cli.main import main\n"
        "try: main(sys.argv[1:])\nexcept SystemExit as end: assert not end.code, end.code\n"
        "sys.exit('imports TensorFlow' if 'tensorflow' in sys.modules else 0)"
    )
    arguments = ["evaluate", "-m", "model", "--show", "king"]
    result = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("\n") == 5
