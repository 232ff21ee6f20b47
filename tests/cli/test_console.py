"""Tables and progress on terminals of any width."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import click
import pytest
from rich.console import Console
from rich.progress import BarColumn, Progress

from charlstm.cli.console import emit_table
from charlstm.cli.progress import bar_columns, observer_for
from charlstm.config import ModelConfig

COLUMNS = ("retrained", "loss", "seconds", "parameters")
ROWS = [("all", "1.234 ± 0.001", "12.3", "1,234,567"), ("none", "1.345 ± 0.002", "4.5", "12,345")]


@pytest.mark.parametrize(
    ("width", "gone"),
    [(60, []), (48, ["parameters"]), (36, ["parameters", "seconds"]), (20, ["parameters", "seconds"])],
)
def test_a_narrow_terminal_does_without_spare_columns_and_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], width: int, gone: list[str]
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TERM", "xterm")
    emit_table("Table", COLUMNS, ROWS, spare=("parameters", "padded", "seconds"))
    lines = click.unstyle(capsys.readouterr().out).splitlines()
    says = " ".join(" ".join(lines).split()).partition("A wider terminal also shows: ")[2]
    assert says == (f"{', '.join(gone)}." if gone else "")
    if width > 20:  # What is not spare is wrapped.
        kept = [place for place, name in enumerate(COLUMNS) if name not in gone]
        assert lines[2].split() == [COLUMNS[place] for place in kept]
        assert " ".join(lines[4].split()) == " ".join(ROWS[0][place] for place in kept)


@pytest.mark.parametrize(
    ("width", "character", "length"), [(80, "x", 57), (60, "x", 60 - 1 - 5 - 3 - 3), (10, "x", 20), (60, "\u8a69", 24)]
)
def test_passages_of_text_are_cut_to_what_the_line_has_left(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], width: int, character: str, length: int
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TERM", "xterm")
    emit_table("Table", ("loss", "beginning"), [("1.234", character * 57)], texts=(1,), passages=1)
    lines = click.unstyle(capsys.readouterr().out).splitlines()
    shown = [line.split(maxsplit=1)[-1].strip() for line in lines[4:] if character in line]
    assert "".join(shown) == character * length
    assert len(shown) == 1 or width == 10


def test_names_of_columns_are_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    emit_table("Table", ("text", "[bold]model[/bold]", "\x1b[2J"), [("a", "1", "2")])
    shown = capsys.readouterr().out
    assert "[bold]model[/bold]" in shown
    assert "\x1b" not in shown


def test_a_table_in_a_pipe_has_all_columns(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    emit_table("Table", COLUMNS, ROWS, spare=("parameters", "seconds"))
    assert "none 1.345 ± 0.002 4.5 12,345" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(("width", "bar"), [(80, 0), (100, 20), (200, 30)])
def test_the_bar_takes_what_the_state_leaves_of_a_line(width: int, bar: int) -> None:
    console = Console(width=width, force_terminal=True)
    columns = bar_columns(console)
    assert sum(column.bar_width or 0 for column in columns if isinstance(column, BarColumn)) == bar
    progress = Progress(*columns, console=console)
    progress.add_task("state " * 20)
    assert len(console.render_lines(progress.get_renderable(), pad=False)) == 1


@pytest.mark.parametrize(
    ("units", "of"),
    [((128, 128), "242,502 parameters (LSTM layers 128x128"), ((128,), "110,918 parameters (LSTM layer 128")],
)
@pytest.mark.parametrize(("is_terminal", "count"), [(True, 3), (False, 1)])
def test_a_training_is_announced_in_lines_that_a_terminal_does_not_break(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    units: tuple[int, ...],
    of: str,
    *,
    is_terminal: bool,
    count: int,
) -> None:
    monkeypatch.setattr("charlstm.cli.progress.stderr_is_terminal", lambda: is_terminal)
    monkeypatch.setenv("COLUMNS", "50")
    training = SimpleNamespace(precision="float32", batch_size=16, sequence_length=50, batching="stream")
    job = SimpleNamespace(model=ModelConfig(70, units, (0.0,) * len(units)), training=training, train=range(54_631))
    observer_for(job, SimpleNamespace(unit="character")).ended()  # type: ignore[arg-type]
    lines = capsys.readouterr().err.partition(".\n")[0].splitlines()
    assert " ".join(lines) == (f"Training {of}, 70 symbols) on 54,631 characters, float32, batch 16 x 50")
    assert len(lines) == count
    assert not is_terminal or max(map(len, lines)) <= 50
