"""Tables on terminals of any width."""

from __future__ import annotations

import sys

import click
import pytest

from charlstm.cli.console import emit_table

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


def test_a_table_in_a_pipe_has_all_columns(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    emit_table("Table", COLUMNS, ROWS, spare=("parameters", "seconds"))
    assert "none 1.345 ± 0.002 4.5 12,345" in " ".join(capsys.readouterr().out.split())
