from __future__ import annotations

from dataclasses import replace

from charlstm.judging.findings import copying, distributions, repetition, words
from charlstm.judging.judgement import Judgement

PLAIN = Judgement(
    chars=20_000,
    known_word_share=0.95,
    character_divergence_bits=0.01,
    word_length_distance_chars=0.2,
    line_length_distance_chars=3.0,
    distinct={1: 0.4, 2: 0.8, 3: 0.95},
    longest_loop_chars=12,
    longest_loop="very, very, ",
    copied_shares={8: 0.5, 16: 0.1, 32: 0.001, 64: 0.0},
    longest_copy_chars=40,
    longest_copy="x" * 40,
    copied_char_share=0.002,
)


def test_words_are_compared_with_those_of_people() -> None:
    assert "about as many as" in words(PLAIN, replace(PLAIN, known_word_share=0.96))[0]
    assert "more than" in words(PLAIN, replace(PLAIN, known_word_share=0.9))[0]
    assert "still invents words" in words(replace(PLAIN, known_word_share=0.8), PLAIN)[0]
    assert words(PLAIN, None) == ["95.0% of its words stand in the training text."]
    assert words(replace(PLAIN, known_word_share=None), None) == ["There is no word in its text."]


def test_each_distribution_is_near_or_far() -> None:
    assert distributions(replace(PLAIN, line_length_distance_chars=9.0), PLAIN) == [
        "Its characters and word lengths are as near to the training text's as those of held-out text.",
        "Its line lengths are farther from the training text's than those of held-out text.",
    ]
    assert distributions(PLAIN, None) == []


def test_repetition_is_that_of_sequences_and_of_loops() -> None:
    assert "as varied as the corpus" in repetition(PLAIN, PLAIN)[0]
    assert "repeats itself more" in repetition(replace(PLAIN, distinct={3: 0.7}), PLAIN)[0]
    looping = replace(PLAIN, longest_loop_chars=200)
    assert repetition(looping, PLAIN)[1] == "It gets caught in a loop of 200 characters."
    assert "no loop" in repetition(looping, looping)[1]


def test_copying_is_judged_beside_what_the_corpus_repeats() -> None:
    copied = replace(PLAIN, copied_shares={32: 0.3}, longest_copy_chars=900)
    assert copying(PLAIN, None)[0].startswith("It hardly copies")
    assert copying(copied, PLAIN)[0].startswith("It copies: the longest stretch")
    assert "900 characters" in copying(copied, PLAIN)[0]
    assert "30.0%" in copying(copied, PLAIN)[0]
    assert copying(copied, copied)[0].startswith("It copies no more than the corpus itself repeats")
    assert "too short" in copying(replace(PLAIN, copied_shares={32: None}), None)[0]
