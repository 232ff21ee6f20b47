from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charlstm.data.documents import (
    BLANK_LINES,
    END_MARK,
    LINE,
    SINGLE_BLANK_LINE,
    WHOLE,
    Boundary,
    delimiter,
    mark_documents,
)

BOUNDARIES = [WHOLE, LINE, BLANK_LINES, SINGLE_BLANK_LINE, delimiter("ab"), delimiter("\n--\n"), delimiter("\n\n")]


def documents(text: str, boundary: Boundary) -> list[str]:
    return "".join(mark_documents([text], boundary)).split(END_MARK)[:-1]


@given(st.lists(st.text("ab- \t\n\0", max_size=12)), st.sampled_from(BOUNDARIES))
def test_blocks_of_any_size_give_the_same_documents(blocks: list[str], boundary: Boundary) -> None:
    assert "".join(mark_documents(blocks, boundary)) == "".join(mark_documents(["".join(blocks)], boundary))


def test_a_boundary_that_begins_with_a_line_end_is_found_across_blocks() -> None:
    boundary = delimiter("\n--\n")
    assert list(mark_documents(["\n", "--\na"], boundary)) == ["a\0"]
    assert "".join(mark_documents(["\n\n \n", "--\n\n", "\n-", "-\na"], boundary)) == "a\0"


@given(st.text("ab \t\n\0"), st.sampled_from([LINE, BLANK_LINES, SINGLE_BLANK_LINE]))
def test_documents_are_what_the_plain_definition_says(text: str, boundary: Boundary) -> None:
    assert boundary.pattern is not None
    parts = [re.sub(r"\A(?:[ \t]*\n)+", "", part).rstrip(" \t\n") for part in boundary.pattern.split(text)]
    assert documents(text, boundary) == [part for part in parts if part.strip(" \t\n")]


def test_one_blank_line_parts_stanzas_and_two_part_poems() -> None:
    poems = "\n\n\n  I.\n\nfirst\nline\n\nstanza\n \t\n\n\nII.\n\nother  \n\n"
    assert documents(poems, BLANK_LINES) == ["  I.\n\nfirst\nline\n\nstanza", "II.\n\nother"]
    assert len(documents(poems, SINGLE_BLANK_LINE)) == 5
    assert documents(poems, WHOLE) == ["  I.\n\nfirst\nline\n\nstanza\n \t\n\n\nII.\n\nother"]


def test_lines_and_delimiters() -> None:
    assert documents("one\n\n  two\nthree", LINE) == ["one", "  two", "three"]
    assert documents("one<>two<><>three<>", delimiter("<>")) == ["one", "two", "three"]
    assert documents("o.e", delimiter(".")) == ["o", "e"]


@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_white_space_is_no_document(boundary: Boundary) -> None:
    assert documents(" \n\t\n \n\n\n", boundary) == []


def test_endless_white_space_does_not_fill_the_memory() -> None:
    blocks = mark_documents(("\n" * 1_000_000 for _ in range(20)), WHOLE)
    assert list(blocks) == []
    assert list(mark_documents((" " * 500_000 for _ in range(20)), WHOLE)) == []
    blocks = mark_documents(iter(["x", *[" " * 500_000] * 20, "y"]), WHOLE)
    assert max(map(len, blocks)) <= 3_000_000


@pytest.mark.parametrize("boundary", [WHOLE, delimiter("ab")])
def test_endless_blanks_after_a_word_go_on_their_way(boundary: Boundary, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("charlstm.data.documents._LONGEST_BLANK", 10)
    read = 0

    def blocks() -> Iterator[str]:
        nonlocal read
        yield "word"
        for read in range(1, 100):  # noqa: B007
            yield " " * 8

    marked = mark_documents(blocks(), boundary)
    assert next(piece for piece in marked if not piece.strip(" ")) != ""
    assert read < 5
    assert "".join(marked).endswith(END_MARK)
