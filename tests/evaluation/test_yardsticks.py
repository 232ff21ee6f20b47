from __future__ import annotations

import lzma

import numpy as np
import pytest

from charlstm.data.vocabulary import Vocabulary
from charlstm.evaluation.yardsticks import ngram_bits_per_char, unigram_bits_per_char, xz_bits_per_char


def test_the_unigram_is_the_cross_entropy_of_the_smoothed_shares() -> None:
    train, text = np.array([0, 0, 1]), np.array([0, 0, 1])
    assert unigram_bits_per_char(train, text, 2) == pytest.approx(-np.log2([3 / 5, 2 / 5]).mean())


def direct_ngram(train: list[int], text: list[int], size: int, order: int) -> float:
    """The same model, counted one gram after the other."""

    def probability(history: tuple[int, ...], symbol: int) -> float:
        lower = probability(history[1:], symbol) if history else 1 / size
        n = len(history)
        followers = [train[place + n] for place in range(len(train) - n) if tuple(train[place : place + n]) == history]
        if not followers:
            return lower
        kinds = len(set(followers))
        return (followers.count(symbol) + kinds * lower) / (len(followers) + kinds)

    bits = [
        -np.log2(probability(tuple(text[max(0, place - order + 1) : place]), text[place]))
        for place in range(1, len(text))
    ]
    return float(np.mean(bits))


@pytest.mark.parametrize("size", range(2, 7))
def test_texts_shorter_than_the_ngrams_are_no_obstacle(size: int) -> None:
    text = np.arange(7) % 3
    for train, other in ((text, text[:size]), (text[:size], text)):
        expected = direct_ngram(train.tolist(), other.tolist(), 3, 5)
        assert ngram_bits_per_char(train, other, 3, 5) == pytest.approx(expected)


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_the_ngram_is_the_interpolated_model_counted_directly(order: int) -> None:
    random = np.random.default_rng(1)
    train, text = random.integers(0, 3, 60), random.integers(0, 4, 30)
    expected = direct_ngram(train.tolist(), text.tolist(), 4, order)
    assert ngram_bits_per_char(train, text, 4, order) == pytest.approx(expected)


def test_n_grams_that_the_training_text_is_too_short_for_cost_what_shorter_ones_do() -> None:
    train, text = np.array([1, 2]), np.array([1, 2, 1, 0])
    assert ngram_bits_per_char(train, text, 3, 5) == pytest.approx(direct_ngram([1, 2], [1, 2, 1, 0], 3, 5))


def test_xz_charges_what_the_text_adds() -> None:
    vocabulary = Vocabulary(tuple(" adefghiknorstvwy"))
    train, text = "the king rode over the grey ford " * 30, "the grey king sang of winter"
    added = len(lzma.compress((train + text).encode())) - len(lzma.compress(train.encode()))
    ids = [vocabulary.ids_of_characters(each) for each in (train, text)]
    found = xz_bits_per_char(*ids, vocabulary)
    assert found == pytest.approx(8 * added / len(text))
