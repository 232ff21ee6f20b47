from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from charlstm.data.vocabulary import END_OF_DOCUMENT, UNKNOWN, Vocabulary
from charlstm.errors import DataError, ModelError

CHARACTERS = st.characters(exclude_categories=["Cs"])


@given(st.text(CHARACTERS), st.lists(CHARACTERS, unique=True))
def test_decoding_undoes_encoding(text: str, more: list[str]) -> None:
    vocabulary = Vocabulary((END_OF_DOCUMENT, *sorted({*text, *more})))
    assert vocabulary.decode(vocabulary.ids_of_characters(text)) == text


@given(st.text(CHARACTERS), st.sets(CHARACTERS), st.sampled_from([END_OF_DOCUMENT, UNKNOWN]))
def test_characters_without_an_id_are_told(text: str, known: set[str], special: str) -> None:
    vocabulary = Vocabulary((special, *sorted(known)))
    assert vocabulary.ids_of_characters(text).tolist() == [vocabulary.ids.get(character, -1) for character in text]


def test_special_symbols_collide_with_no_text() -> None:
    vocabulary = Vocabulary((END_OF_DOCUMENT, *sorted(set(END_OF_DOCUMENT))))
    assert vocabulary.end_of_document == 0
    assert 0 not in vocabulary.ids_of_characters(END_OF_DOCUMENT)
    assert vocabulary.decode([0]) == "\n\n"


@pytest.mark.parametrize(("symbols", "dtype"), [(256, np.uint8), (257, np.uint16), (65_536, np.uint16), (65_537, "u4")])
def test_the_smallest_type_is_taken(symbols: int, dtype: Any) -> None:
    assert Vocabulary(tuple(chr(0x10000 + number) for number in range(symbols))).dtype == np.dtype(dtype)


def test_vocabularies_map_by_symbol_and_not_by_id() -> None:
    one, other = Vocabulary(("a", "b", "c")), Vocabulary(("c", "x", "a"))
    np.testing.assert_array_equal(one.ids_of(other), [2, -1, 0])
    assert one.extended(other).symbols == ("a", "b", "c", "x")
    np.testing.assert_array_equal(one.extended(other).ids_of(other), [2, 3, 0])


@pytest.mark.parametrize(
    ("symbols", "expected"),
    [("abc", [0, 1, 3, 3, 5]), ("abcx", [0, 2, 5, 6, 9]), (("a", "b", UNKNOWN), [0, 2, 5, 6, 9])],
)
def test_starts_of_documents_follow_what_is_left_out(symbols: tuple[str, ...], expected: list[int]) -> None:
    other = Vocabulary(("c", "x", "a", "b"))
    ids, starts = other.ids_of_characters("axcbxxaxbx"), np.array([0, 2, 5, 6, 9])
    vocabulary = Vocabulary(tuple(symbols))
    found = vocabulary.translate_starts(starts, ids, other)
    assert found.tolist() == expected
    for before, after in zip(
        np.split(ids, starts[1:]), np.split(vocabulary.translate(ids, other)[0], found[1:]), strict=True
    ):
        np.testing.assert_array_equal(vocabulary.translate(before, other)[0], after)


def test_json_round_trip() -> None:
    vocabulary = Vocabulary((END_OF_DOCUMENT, UNKNOWN, "\n", "ä", "\U0001f600"))
    assert Vocabulary.from_json(vocabulary.to_json(), DataError) == vocabulary
    assert set(vocabulary.to_json()) == {"format_version", "symbols"}
    of_words = Vocabulary((END_OF_DOCUMENT, UNKNOWN, "\n", "king", "'s"), "word")
    assert Vocabulary.from_json(of_words.to_json(), DataError) == of_words
    assert of_words != Vocabulary(of_words.symbols)


@pytest.mark.parametrize(
    "document",
    [
        [],
        {},
        {"format_version": 1, "symbols": ["a"], "more": 1},
        {"format_version": 2, "symbols": ["a"]},
        {"format_version": True, "symbols": ["a"]},
        {"format_version": 1, "symbols": []},
        {"format_version": 1, "symbols": "abc"},
        {"format_version": 1, "symbols": ["a", "a"]},
        {"format_version": 1, "symbols": ["ab"]},
        {"format_version": 1, "symbols": [""]},
        {"format_version": 1, "symbols": [1]},
        {"format_version": 1, "symbols": [None]},
        {"format_version": 1, "symbols": ["\ud800"]},
        {"format_version": 1, "symbols": ["a"] * 1_000_001},
        {"format_version": 1, "symbols": ["a"], "level": "char"},
        {"format_version": 1, "symbols": ["a"], "level": ["word"]},
        {"format_version": 1, "symbols": ["a"], "level": "word", "more": 1},
        {"format_version": 1, "symbols": ["a", "a"], "level": "word"},
        {"format_version": 1, "symbols": ["two words"], "level": "word"},
        {"format_version": 1, "symbols": ["line\n"], "level": "word"},
        {"format_version": 1, "symbols": [" "], "level": "word"},
        {"format_version": 1, "symbols": [""], "level": "word"},
        {"format_version": 1, "symbols": [1], "level": "word"},
        {"format_version": 1, "symbols": ["a\0"], "level": "word"},
        {"format_version": 1, "symbols": ["a\udfff"], "level": "word"},
        {"format_version": 1, "symbols": ["a" * 257], "level": "word"},
    ],
)
def test_bad_json_is_refused_with_the_given_error(document: Any) -> None:
    with pytest.raises(ModelError, match=r"vocabulary\.json"):
        Vocabulary.from_json(document, ModelError)
