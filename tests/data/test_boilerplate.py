from __future__ import annotations

import pytest

from charlstm.data.boilerplate import cut_boilerplate

NEW = ("*** START OF THE PROJECT GUTENBERG EBOOK MOBY DICK ***", "*** END OF THE PROJECT GUTENBERG EBOOK MOBY DICK ***")
OLD = ("***START OF THIS PROJECT GUTENBERG EBOOK A\nLONG TITLE***", "***END OF THIS PROJECT GUTENBERG EBOOK A TITLE***")
OLDEST = (
    "*END*THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*Ver.04.29.93*END*",
    "End of Project Gutenberg's Moby Dick, by H M",
)


def cut(text: str, size: int) -> str:
    return "".join(cut_boilerplate(text[start : start + size] for start in range(0, len(text), size)))


@pytest.mark.parametrize(("start", "end"), [NEW, OLD, OLDEST])
@pytest.mark.parametrize("size", [1 << 20, 1000, 37])
@pytest.mark.parametrize("lines", [3, 10_000])
def test_header_and_footer_are_cut(start: str, end: str, size: int, lines: int) -> None:
    body = "Call me Ishmael. *** stars\n" * lines
    text = f"The Project Gutenberg EBook\nLicence\n{start}\n{body}{end}\nmuch licence\n" + "licence\n" * lines
    assert cut(text, size) == body


@pytest.mark.parametrize("size", [1 << 20, 5000])
def test_books_one_after_the_other(size: int) -> None:
    one, other = "first\n" * 20_000, "second\n" * 20_000
    text = f"head\n{NEW[0]}\n{one}{NEW[1]}\nfoot\nhead\n{NEW[0]}\n{other}{NEW[1]}\nfoot\n"
    assert cut(text, size) == one + other


@pytest.mark.parametrize("text", ["", "plain\n", "a line on Project Gutenberg\n" * 9000, "x" * 200_000])
def test_other_text_stays_whole(text: str) -> None:
    assert cut(text, 4096) == text
