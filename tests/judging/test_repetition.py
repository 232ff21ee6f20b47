from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from charlstm.judging import repetition
from charlstm.judging.repetition import Loop, distinct, longest_loop


@given(st.text("ab", max_size=24))
def test_the_longest_loop_is_the_one_that_a_brute_force_finds(text: str) -> None:
    lengths = [0]
    for begin in range(len(text)):
        for end in range(begin + 2, len(text) + 1):
            stretch = text[begin:end]
            periods = range(1, len(stretch) // 2 + 1)
            if any(stretch[period:] == stretch[:-period] for period in periods):
                lengths.append(end - begin)
    loop = longest_loop(text)
    assert (loop.end - loop.begin if loop else 0) == max(lengths)
    if loop:
        stretch = text[loop.begin : loop.end]
        assert len(stretch) >= 2 * loop.period
        assert stretch[loop.period :] == stretch[: -loop.period]


def test_a_loop_has_its_shortest_period() -> None:
    assert longest_loop("x" + "the sea " * 5 + "y") == Loop(1, 41, 8)
    assert longest_loop("abc") is None


def test_distinct_is_the_share_of_different_sequences() -> None:
    words = ["the", "sea", "the", "sea", "the", "land"]
    assert distinct(words, 1) == 3 / 6
    assert distinct(words, 2) == 3 / 5
    assert distinct(words, 7) is None


def test_texts_of_different_lengths_compare() -> None:
    words = [str(number) for number in range(repetition.DISTINCT_WORDS)]
    assert distinct(words * 3, 2) == distinct(words, 2) == 1
