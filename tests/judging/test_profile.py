from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from charlstm.data.vocabulary import END_OF_DOCUMENT, UNKNOWN, Vocabulary
from charlstm.judging import profile
from charlstm.judging.profile import (
    earth_movers_distance,
    jensen_shannon_bits,
    profile_of,
    text_blocks,
    words_of,
)

COUNTS = st.dictionaries(st.integers(0, 12), st.integers(1, 9), min_size=1)


def test_words_lines_and_characters_are_counted() -> None:
    found = profile_of(["The sea's sea!\n", "\n", "Singing, ringing 42 caf\u00e9s_x\n"])
    assert found.words == Counter(["the", "sea's", "sea", "singing", "ringing", "caf\u00e9s", "x"])
    assert found.word_lengths == {3: 2, 5: 2, 7: 2, 1: 1}
    assert found.suffixes == {"a's": 1, "ing": 2, "f\u00e9s": 1}
    assert found.line_lengths == {14: 1, 27: 1}
    assert found.characters["\n"] == 3
    assert found.characters["\u00e9"] == 1


def test_blocks_are_whole_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    vocabulary = Vocabulary((END_OF_DOCUMENT, UNKNOWN, "\n", " ", *"abc"))
    text = "ab c\ncab\n\nabcabcabc\nc a"
    ids = np.append(vocabulary.ids_of_characters(text), [1, 0, 4])
    for size in range(1, 30):
        monkeypatch.setattr(profile, "BLOCK", size)
        blocks = list(text_blocks(ids, vocabulary))
        assert "".join(blocks) == text + "\ufffd\n\na"
        assert all(block.endswith("\n") for block in blocks[:-1]) or size < 9
    assert list(text_blocks(ids[:0], vocabulary)) == []


@given(COUNTS, COUNTS)
def test_the_earth_movers_distance_is_that_of_sorted_lengths(first: dict[int, int], second: dict[int, int]) -> None:
    # As many of each: then the distance is the mean difference of the lengths in order.
    counts = [sum(first.values()), sum(second.values())]
    ordered = [
        np.repeat(sorted(count), [count[key] * other for key in sorted(count)])
        for count, other in ((first, counts[1]), (second, counts[0]))
    ]
    expected = float(np.abs(ordered[0] - ordered[1]).mean())
    assert earth_movers_distance(first, second) == pytest.approx(expected, abs=1e-9)


def test_the_divergence_is_between_nothing_and_one_bit() -> None:
    assert jensen_shannon_bits({"a": 1, "b": 3}, {"a": 2, "b": 6}) == pytest.approx(0, abs=1e-12)
    assert jensen_shannon_bits({"a": 5}, {"b": 1}) == pytest.approx(1)
    # Half of each is common: the mean has shares 1/4, 1/2, 1/4.
    assert jensen_shannon_bits({"a": 1, "b": 1}, {"b": 1, "c": 1}) == pytest.approx(0.5)


def test_words_are_lower_cased() -> None:
    assert words_of("O Captain! my 2 o\u2019clock 'tis") == ["o", "captain", "my", "o\u2019clock", "tis"]


def test_marks_go_with_their_letters() -> None:
    assert words_of("\u0939\u093f\u0928\u094d\u0926\u0940 \u092e\u0947\u0902.") == [
        "\u0939\u093f\u0928\u094d\u0926\u0940",
        "\u092e\u0947\u0902",
    ]
    assert words_of("\u0301 x\u0301y 4\u0301") == ["x\u0301y"]
