from __future__ import annotations

from pathlib import Path

from charlstm.plotting.names import distinct_names, readable


def test_models_are_named_by_as_little_as_tells_them_apart() -> None:
    assert distinct_names([Path("runs/a"), Path("runs/b/")]) == ["a", "b"]
    assert distinct_names([Path("x/model"), Path("y/model"), Path("y/other")]) == ["x/model", "y/model", "y/other"]
    assert distinct_names([Path("/"), Path("/a")]) == ["/", "a"]


def test_long_names_stay_distinct() -> None:
    names = distinct_names([Path(f"{'x' * 50}{letter}{'y' * 50}") for letter in "abc"])
    assert names[0] == f"{'x' * 19}…{'y' * 20}"
    assert names[1:] == [f"{names[0]} (2)", f"{names[0]} (3)"]


def test_what_cannot_be_printed_is_replaced() -> None:
    assert readable("a\x1b[2J\nb\udcff\u202e é文") == "a\ufffd[2J\ufffdb\ufffd\ufffd é文"
