from __future__ import annotations

import numpy as np
import pytest

from charlstm.data.vocabulary import END_OF_DOCUMENT, Vocabulary
from charlstm.judging.judgement import Corpus, judge
from charlstm.judging.profile import profile_of, text_blocks

TRAINING = "the old king rode over the grey ford to the winter sea\nand sang a song of stones and of the sea\n" * 3


@pytest.fixture
def corpus() -> Corpus:
    vocabulary = Vocabulary((END_OF_DOCUMENT, "\n", " ", *"abcdefghijklmnopqrstuvwxyz"))
    ids = vocabulary.ids_of_characters(TRAINING)
    return Corpus(ids, vocabulary, profile_of(text_blocks(ids, vocabulary)))


def test_the_corpus_itself_has_no_distance_and_is_copied(corpus: Corpus) -> None:
    judged = judge([TRAINING], corpus).judgement
    assert judged.known_word_share == 1
    assert judged.character_divergence_bits == judged.word_length_distance_chars == 0
    assert judged.line_length_distance_chars == 0
    assert judged.copied_shares == {8: 1, 16: 1, 32: 1, 64: 1}
    assert judged.longest_copy_chars == len(TRAINING)
    assert judged.longest_copy == TRAINING[:300]
    assert judged.copied_char_share == 1


def test_texts_of_another_kind_are_far(corpus: Corpus) -> None:
    judged = judge(["zzz the\n" * 4, "q"], corpus).judgement
    assert judged.chars == 33
    assert judged.known_word_share == 4 / 9
    assert judged.character_divergence_bits is not None
    assert judged.character_divergence_bits > 0.3
    assert judged.line_length_distance_chars == pytest.approx(47.5 - (4 * 7 + 1) / 5, abs=1)
    assert judged.copied_char_share == 0
    assert judged.longest_copy_chars == 4
    assert judged.longest_loop_chars == 32
    assert judged.distinct == {1: 3 / 9, 2: 3 / 8, 3: 3 / 7}


def test_copied_stretches_are_marked_in_the_text_that_has_them(corpus: Corpus) -> None:
    stretch = TRAINING[10:50]
    texts = ["qqq", f"jj{stretch}qq", "the sea"]
    judged = judge(texts, corpus)
    assert judged.longest == 1
    assert [len(flags) for flags in judged.is_copied] == [3, 44, 7]
    assert np.flatnonzero(judged.is_copied[1]).tolist() == list(range(2, 42))
    assert judged.judgement.longest_copy == stretch
    assert judged.judgement.copied_char_share == 40 / 54


def test_a_stretch_neither_goes_from_text_to_text_nor_across_what_has_no_symbol(corpus: Corpus) -> None:
    judged = judge([TRAINING[:20], TRAINING[20:40], TRAINING[40:50] + "\u20ac" + TRAINING[50:59]], corpus)
    assert judged.judgement.longest_copy_chars == 20


@pytest.mark.parametrize("symbols", ["\n abcdefghijklmnopqrstuvwxyz", " abcdefghijklmnopqrstuvwxyz"])
def test_documents_are_copied_across_their_ends(symbols: str) -> None:
    vocabulary = Vocabulary((END_OF_DOCUMENT, *symbols))
    documents = ["the old king", "rode over", "the grey ford", "to the winter sea"]
    ids = np.concatenate([np.append(vocabulary.ids_of_characters(document), 0) for document in documents])
    corpus = Corpus(ids, vocabulary, profile_of(text_blocks(ids, vocabulary)))
    judged = judge([vocabulary.decode(ids)], corpus).judgement
    assert judged.copied_shares == {8: 1, 16: 1, 32: 1, 64: None}
    assert judged.longest_copy == "the old king\n\nrode over\n\nthe grey ford\n\nto the winter sea\n\n"
    assert judged.copied_char_share == 1


def test_what_has_characters_that_the_corpus_lacks_counts_as_not_copied(corpus: Corpus) -> None:
    judged = judge(["Q" * 160 + TRAINING[:40]], corpus).judgement
    assert judged.copied_shares == {8: 33 / 193, 16: 25 / 185, 32: 9 / 169, 64: 0.0}


def test_nothing_can_be_said_of_nothing(corpus: Corpus) -> None:
    judged = judge([""], corpus).judgement
    assert judged.known_word_share is judged.character_divergence_bits is judged.line_length_distance_chars is None
    assert judged.longest_copy_chars == judged.longest_loop_chars == 0
