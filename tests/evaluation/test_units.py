from __future__ import annotations

from pathlib import Path

import pytest

from charlstm.errors import DataError
from charlstm.evaluation.units import By, read_units


@pytest.fixture(autouse=True)
def _texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.txt").write_text("  one\r\n\r\ntwo\r\n\r\n\r\nthree\r\n")
    Path("b.txt").write_text("cafe\u0301")
    Path("rows.csv").write_text('text,by\n"first\nrow",x\nsecond,y\n')


def found(by: By, *names: str) -> list[tuple[str, int, str]]:
    return [(unit.source, unit.number, unit.text) for unit in read_units(names, by, None)]


def test_lines_have_their_numbers_in_the_text() -> None:
    assert found("line", "a.txt", "b.txt") == [
        ("a.txt", 1, "  one"),
        ("a.txt", 3, "two"),
        ("a.txt", 6, "three"),
        ("b.txt", 1, "caf\u00e9"),
    ]


def test_lines_of_a_book_are_counted_from_the_beginning_of_its_file() -> None:
    marks = [f"*** {place} OF THE PROJECT GUTENBERG EBOOK MOBY DICK ***" for place in ("START", "END")]
    Path("book.txt").write_text(f"Licence\n{marks[0]}\nCall me Ishmael.\n{marks[1]}\n")
    assert ("book.txt", 3, "Call me Ishmael.") in found("line", "book.txt")
    assert found("file", "book.txt") == [("book.txt", 1, "Call me Ishmael.\n")]


def test_documents_are_parted_by_blank_lines_or_rows() -> None:
    assert found("document", "a.txt") == [("a.txt", 1, "  one\n\ntwo"), ("a.txt", 2, "three")]
    Path("c.txt").write_text("one\n\ntwo\n\nthree\n")
    assert [text for _, _, text in found("document", "c.txt")] == ["one", "two", "three"]
    assert [text for _, _, text in found("document", "rows.csv")] == ["first\nrow", "second"]


def test_one_blank_line_parts_only_where_no_text_has_two_and_never_a_row() -> None:
    Path("row.jsonl").write_text('{"text": "Dear Jane,\\n\\nA letter.\\n\\nYours"}\n')
    assert [text for _, _, text in found("document", "row.jsonl")] == ["Dear Jane,\n\nA letter.\n\nYours"]
    Path("poems.txt").write_text("a\n\nb\n\n\nc\n\nd\n")
    Path("blank.txt").write_text(" \n\n \n\n")
    Path("stanzas.txt").write_text("e\n\nf\n")
    for others in ([], ["blank.txt"], ["row.jsonl"]):
        poems = [text for source, _, text in found("document", "poems.txt", *others) if source == "poems.txt"]
        assert poems == ["a\n\nb", "c\n\nd"]
    assert len(found("document", "poems.txt", "stanzas.txt")) == 3
    assert len(found("document", "stanzas.txt", "rows.csv")) == 4


def test_a_file_is_all_of_it() -> None:
    assert found("file", "b.txt", "rows.csv") == [
        ("b.txt", 1, "caf\u00e9"),
        ("rows.csv", 1, "first\nrow\nsecond\n"),
    ]


@pytest.mark.parametrize("by", ["line", "document", "file"])
def test_nothing_but_white_space_is_refused(by: By) -> None:
    Path("blank.txt").write_text(" \n\n\t\n")
    Path("blank.csv").write_text('text\n""\n""\n')
    for name in ("blank.txt", "blank.csv"):
        with pytest.raises(DataError, match=f"no text in {name}"):
            read_units([name], by, None)
