from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from harness import FIRST_FORMAT

from charlstm.cli.main import main
from charlstm.store import json_file
from charlstm.store.history import COLUMNS, Evaluation, write_history
from charlstm.store.sweep_results import Kind, SweepRow, write_results

HISTORY = [Evaluation(n, n, n * 1000, 1.0, 1e-3, 3.0 / n, 2.0 / n) for n in range(1, 6)]


def run(*arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(main, ["plot", *arguments])
    assert result.exit_code == code, result.output
    return result


@pytest.fixture(autouse=True)
def _directories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dataset, a model of two evaluations and an unfinished run of five, in the current directory."""
    monkeypatch.chdir(tmp_path)
    for name in ("dataset", "model", "unfinished"):
        shutil.copytree(FIRST_FORMAT / name, tmp_path / name)
    write_checkpointed_history(HISTORY)


def write_checkpointed_history(history: list[Evaluation]) -> None:
    (checkpoint,) = Path("unfinished/checkpoints").glob("step-*")
    write_history(checkpoint / "history.csv", history)
    manifest = json.loads((checkpoint / "manifest.json").read_text())
    manifest["sha256"]["history.csv"] = json_file.sha256(checkpoint / "history.csv")
    (checkpoint / "manifest.json").write_text(json.dumps(manifest))


def test_models_and_unfinished_runs_are_drawn_into_one_figure() -> None:
    assert run("model", "unfinished", "model").stdout == "Figure runs/plot-1/learning-curves.png\n"
    assert Path("runs/plot-1/learning-curves.png").read_bytes().startswith(b"\x89PNG")
    document = json.loads(run("model", "unfinished", "-o", "a.svg", "--json").stdout)
    assert document == {"figures": ["a.svg"]}
    assert Path("a.svg").read_bytes().startswith(b"<?xml")


def test_without_a_path_the_newest_model_is_drawn() -> None:
    Path("runs").mkdir()
    Path("model").rename("runs/pretrain-1")
    os.symlink("pretrain-1", "runs/latest")
    assert "validation, best 2.8522 after 0.92 thousand" in run("--show").stdout


def test_show_draws_in_the_terminal_and_writes_a_file_only_with_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "64")
    shown = run("model", "unfinished", "--show").stdout
    assert "a  model, best 2.8522 after 0.92 thousand" in shown
    assert "b  unfinished, best 0.4000 after 5 thousand" in shown
    assert 50 < max(map(len, shown.splitlines())) <= 64
    assert not list(Path().rglob("*.png"))
    both = run("model", "unfinished", "--show", "--out", "a.png").stdout
    assert both == f"{shown}Figure a.png\n"
    assert Path("a.png").exists()


def test_a_run_that_goes_on_behind_its_model_is_drawn_as_far_as_its_newest_checkpoint() -> None:
    shutil.copytree("unfinished/checkpoints", "model/checkpoints")
    assert "best 0.4000 after 5 thousand" in run("model", "--show").stdout


def test_an_older_checkpoint_is_drawn_where_the_newest_is_damaged() -> None:
    (old,) = Path("unfinished/checkpoints").glob("step-*")
    new = shutil.copytree(old, old.with_name("step-000000000099"))
    (new / "history.csv").write_text("what a crash left")
    assert "best 0.4000" in run("unfinished", "--show").stdout
    shutil.rmtree(old)
    assert "unfinished has no checkpoint with a history" in run("unfinished", code=5).stderr


@pytest.fixture
def rows() -> list[SweepRow]:
    """The table of a small sweep: two bases, two amounts of text, and a scratch model."""
    losses = {"a": {"untouched": 2.0, "0": 1.7, "all": 1.6}, "b": {"0": 1.8, "all": 1.75}, None: {"scratch 2x64": 1.9}}
    kinds: dict[str, Kind] = {"untouched": "untouched", "scratch 2x64": "scratch"}
    return [
        SweepRow(
            base, name, kinds.get(name, "transfer"), fraction, int(9000 * fraction), 2, loss, 0.01, loss, 0.01,
            2.4, None, 5, 9, 3.0, 4.0, 0.1, loss / 1.9, None, None,
        )
        for base, of_base in losses.items()
        for name, loss in of_base.items()
        for fraction in (1.0, 0.5)
    ]  # fmt: skip


def test_a_sweep_is_drawn_as_three_figures(rows: list[SweepRow]) -> None:
    Path("sweep").mkdir()
    write_results(Path("sweep/results.csv"), rows)
    assert run("sweep", "-o", "figures/poets.svg").stdout.splitlines() == [
        f"Figure figures/poets-{name}.svg" for name in ("subsets", "heat-map", "fractions")
    ]
    shown = run("sweep", "--show").stdout
    assert "all layers, a ●" in shown
    assert "c  from scratch" in shown
    write_results(Path("sweep/results.csv"), [row for row in rows if row.fraction == 1])
    files = json.loads(run("sweep", "--json").stdout)["figures"]
    assert files == ["runs/plot-1/subsets.png", "runs/plot-1/heat-map.png"]
    assert all(Path(file).read_bytes().startswith(b"\x89PNG") for file in files)


def test_sweeps_that_cannot_be_drawn_are_a_sentence(rows: list[SweepRow]) -> None:
    Path("sweep").mkdir()
    write_results(Path("sweep/results.csv"), rows)
    assert "drawn alone" in run("model", "sweep", code=2).stderr
    for bad, says in (
        ([], "no results yet"),
        (rows * 50, "600 rows; at most 400"),
        ([*rows, replace(rows[0], train_chars=-1)], "line 14: the numbers are not"),
    ):
        write_results(Path("sweep/results.csv"), bad)
        assert says in run("sweep", code=5).stderr
    Path("sweep/results.csv").write_text("base,retrained\n")
    assert "must begin with the columns" in run("sweep", code=5).stderr


def test_too_many_models_are_refused() -> None:
    assert "101 models are too many" in run(*(f"m{n}" for n in range(101)), code=2).stderr


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["dataset"], 4, "dataset is a dataset"),
        (["model", "missing"], 5, "missing does not exist"),
        (["model/config.json"], 5, "is a file"),
        (["empty"], 5, "holds no config.json"),
        ([], 5, "runs/latest"),
        (["model", "-o", "a.pdf"], 2, ".png or .svg"),
        (["model", "-o", "empty"], 2, ".png or .svg"),
        (["model", "--show", "--json"], 2, "both write to stdout"),
        (["model", "-o", "mine.png"], 1, "exists already"),
        (["model", "-o", "link.png", "--overwrite"], 1, "is not a file"),
        (["model", "-o", "mine.png/deep/a.png"], 1, "Not a directory"),
    ],
)
def test_bad_input_is_one_sentence_and_its_exit_code(arguments: list[str], code: int, says: str) -> None:
    Path("empty").mkdir()
    Path("mine.png").write_text("mine")
    Path("link.png").symlink_to("mine.png")
    before = sorted(Path().rglob("*"))
    result = run(*arguments, code=code)
    assert says in result.stderr
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""
    assert sorted(Path().rglob("*")) == before
    assert Path("mine.png").read_text() == "mine"


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ("", "no evaluation yet"),
        ("1,1.0,9,0.1,0.1,nan,inf\n", "no evaluation yet"),
        ("1,1.0,-9,0.1,0.1,2.0,2.0\n", "below 0"),
        (f"1,1.0,{'9' * 400},0.1,0.1,2.0,2.0\n", "above 9,223"),
        (f"1,1.0,{'9' * 5000},0.1,0.1,2.0,2.0\n", "damaged"),
        ("1,1.0\n", "damaged"),
    ],
)
def test_a_history_that_cannot_be_drawn_is_a_sentence(rows: str, says: str) -> None:
    Path("model/history.csv").write_text(",".join(COLUMNS) + "\n" + rows)
    for options in ([], ["--show"]):
        assert says in run("model", *options, code=5).stderr


def test_odd_numbers_in_a_history_are_drawn() -> None:
    rows = "1,1.0,0,0.1,0.1,1e37,-5.0\n1,1.0,0,0.1,0.1,1e-300,1e300\n1,nan,9223372036854775807,0.1,0.1,inf,2.0\n"
    Path("model/history.csv").write_text(",".join(COLUMNS) + "\n" + rows)
    run("model")
    assert max(map(len, run("model", "--show").stdout.splitlines())) <= 80
    Path("model/history.csv").write_text(",".join(COLUMNS) + "\n1,1.0,0,0.1,0.1,2.0,2.0\n")
    run("model", "-o", "a.svg", "--show")


def test_the_terminal_must_have_the_characters() -> None:
    result = CliRunner(charset="latin-1").invoke(main, ["plot", "model", "--show", "-o", "a.png"])
    assert result.exit_code == 1
    assert "has no characters to draw with: set PYTHONUTF8=1" in result.stderr
    assert not Path("a.png").exists()


def test_a_schedule_is_drawn_without_a_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "64")
    shown = run("--schedule", "stlr", "--learning-rate", "0.01", "--show").stdout
    assert shown.startswith("learning rate\n0.01")
    assert "updates" in shown
    # Without a rate, at the usual one.
    assert run("--schedule", "stlr", "--show").stdout.startswith("learning rate\n0.003")
    other = run("--schedule", "sgdr", "--learning-rate", "0.01", "--cycle-epochs", "2", "--show").stdout
    assert other != shown
    assert run("--schedule", "cyclical", "--steps", "3", "-o", "rates.png").stdout == "Figure rates.png\n"
    assert Path("rates.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--decay", "0.5"], "--decay is of a schedule: give --schedule too"),
        (["model", "--steps", "5"], "--steps is of a schedule: give --schedule too"),
        (["model", "--steps-per-epoch", "5"], "--steps-per-epoch is of a schedule: give --schedule too"),
        (["--schedule", "cosine", "--steps-per-epoch", "9" * 400], "is not in the range"),
        (["model", "--schedule", "stlr"], "--schedule draws no directory: leave model out"),
        (["--schedule", "plateau"], "follows the validation loss"),
    ],
)
def test_what_does_not_go_with_a_schedule_is_refused(arguments: list[str], says: str) -> None:
    assert says in run(*arguments, code=2).stderr
