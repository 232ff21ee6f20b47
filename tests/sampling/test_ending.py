"""Where texts end, against their plain definitions on the whole text."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charlstm.config import SamplingConfig
from charlstm.data.vocabulary import END_OF_DOCUMENT, Vocabulary
from charlstm.sampling.ending import Ending

VOCABULARY = Vocabulary((END_OF_DOCUMENT, "\n", " ", "a", "b"))


def read(symbols: list[int], **options: object) -> tuple[str, str, float]:
    """Return the text that is shown, why it ended, and its cost where each symbol costs 1."""
    ending = Ending(SamplingConfig(**options), VOCABULARY)  # type: ignore[arg-type]
    shown, total = "", 0.0
    for symbol in symbols:
        piece, nats = ending.read(symbol, 1.0)
        shown, total = shown + piece, total + nats
        if ending.reason is not None:
            return shown, ending.reason, total
    piece, nats = ending.close("length")
    return shown + piece, "length", total + nats


SYMBOLS = st.lists(st.integers(0, 4), max_size=30)
CHARACTERS = st.lists(st.integers(1, 4), max_size=30)


@given(SYMBOLS, st.text("\n ab", min_size=1, max_size=4))
def test_a_text_ends_before_the_stop_text(symbols: list[int], stop: str) -> None:
    text = VOCABULARY.decode(symbols)
    shown, reason, _ = read(symbols, stop=stop)
    assert shown == text.partition(stop)[0]
    assert reason == ("stop" if stop in text else "length")


@given(SYMBOLS, st.integers(1, 4))
def test_a_text_ends_after_so_many_lines(symbols: list[int], lines: int) -> None:
    parts = VOCABULARY.decode(symbols).split("\n")
    shown, reason, _ = read(symbols, lines=lines)
    assert shown == "\n".join(parts[:lines])
    assert reason == ("lines" if len(parts) > lines else "length")


@given(SYMBOLS, st.integers(1, 4))
def test_a_text_ends_after_so_many_words(symbols: list[int], words: int) -> None:
    text = VOCABULARY.decode(symbols)
    shown, reason, _ = read(symbols, words=words)
    assert text.startswith(shown)
    assert shown.split() == text.split()[:words]
    if reason == "words":
        assert not shown[-1].isspace()
        assert text[len(shown)].isspace()
    else:
        assert shown == text


@given(SYMBOLS)
def test_a_text_ends_where_the_document_does(symbols: list[int]) -> None:
    shown, reason, total = read(symbols, until_document_end=True)
    before = symbols[: symbols.index(0)] if 0 in symbols else symbols
    assert (shown, total) == (VOCABULARY.decode(before), len(before))
    assert reason == ("document_end" if 0 in symbols else "length")


@given(CHARACTERS, st.text("\n ab", min_size=1, max_size=4), st.integers(0, 3), st.integers(0, 5))
def test_a_text_costs_what_its_characters_do(symbols: list[int], stop: str, lines: int, words: int) -> None:
    shown, _, total = read(symbols, stop=stop, lines=lines, words=words)
    assert total == len(shown)


def test_a_document_end_costs_once_though_it_shows_as_two_characters() -> None:
    assert read([3, 0, 4], stop="zz") == ("a\n\nb", "length", 3.0)


def test_what_may_become_the_stop_text_is_held_back() -> None:
    ending = Ending(SamplingConfig(stop="ab\n"), VOCABULARY)
    assert [ending.read(symbol, 0.0)[0] for symbol in (4, 3, 4, 3, 4, 3)] == ["b", "", "", "ab", "", "ab"]
    assert ending.close("length")[0] == "a"


@pytest.mark.parametrize("options", [{"stop": "ab"}, {"words": 2}, {"lines": 2}])
def test_a_copy_goes_on_by_itself(options: dict[str, object]) -> None:
    ending = Ending(SamplingConfig(**options), VOCABULARY)  # type: ignore[arg-type]
    for symbol in (3, 1, 3):
        ending.read(symbol, 0.0)
    other = copy.copy(ending)
    for symbol in (4, 1):
        other.read(symbol, 0.0)
    assert other.reason is not None
    assert ending.reason is None
