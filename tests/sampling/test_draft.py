"""A text that is written together with a model: what each action leaves behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from charlstm.config import ModelConfig, SamplingConfig
from charlstm.data.vocabulary import Vocabulary
from charlstm.model.weights import initial_weights
from charlstm.sampling.draft import SUGGESTED, Draft
from charlstm.sampling.mixture import mix
from charlstm.store.model_directory import load_model, save_model


@pytest.fixture
def draft(model_path: Path) -> Draft:
    return Draft(mix([load_model(model_path)]), SamplingConfig(repetition_penalty=1.2, repetition_window=8))


def test_what_is_likely_depends_on_the_text_and_is_the_same_after_undoing(draft: Draft) -> None:
    assert draft.type("the k").ids
    before = draft.likeliest(5)
    assert sum(probability for _, probability in draft.likeliest(99)) == pytest.approx(1)
    assert [probability for _, probability in before] == sorted((p for _, p in before), reverse=True)
    assert draft.type("ing and the").ids
    assert draft.likeliest(5) != before
    assert draft.undo()
    assert draft.text == "the k"
    assert draft.likeliest(5) == before
    assert draft.undo()
    assert draft.text == ""
    assert not draft.undo()


def test_a_suggestion_leaves_the_text_alone_until_it_is_accepted(draft: Draft) -> None:
    draft.type("abc")
    before = draft.likeliest(5)
    draft.suggest()
    suggestion = draft.suggestion
    assert 0 < len(suggestion) <= SUGGESTED + 1
    assert (draft.text, draft.likeliest(5)) == ("abc", before)
    draft.accept("character")
    assert draft.text == f"abc{suggestion[0]}"
    assert draft.suggestion == suggestion[1:]
    draft.accept("line")
    assert draft.text == f"abc{suggestion}"
    draft.undo()
    assert draft.text == f"abc{suggestion[0]}"


def test_a_word_is_accepted_with_the_space_before_it(draft: Draft) -> None:
    words = 0
    while words < 5:
        draft.suggest()
        suggestion, text = draft.suggestion, draft.text
        draft.accept("word")
        accepted = draft.text.removeprefix(text)
        if suggestion.strip():
            assert accepted == suggestion[: len(accepted)]
            assert len(accepted.split()) == 1
            assert not accepted[-1].isspace() or accepted == suggestion
            words += 1


def test_accepted_text_is_what_the_model_would_have_read(model_path: Path) -> None:
    mixture = mix([load_model(model_path)])
    config = SamplingConfig(forbid="\n")  # the end of a document cannot be typed
    one, other = Draft(mixture, config), Draft(mixture, config)
    one.type("abc")
    one.accept("line")
    other.type(one.text)
    assert other.likeliest(5) == one.likeliest(5)


def test_another_suggestion_and_another_temperature(draft: Draft) -> None:
    draft.suggest()
    first = draft.suggestion
    draft.forget_suggestion()
    draft.suggest()
    assert draft.suggestion != first
    draft.set_temperature(0.0)
    assert draft.likeliest(2)[0][1] == 1
    draft.suggest()
    greedy = draft.suggestion
    draft.forget_suggestion()
    draft.suggest()
    assert draft.suggestion == greedy


def test_single_symbols_are_taken_back_and_undo_goes_on_before_them(draft: Draft) -> None:
    draft.type("ab")
    draft.type("cd")
    draft.take_back()
    assert draft.text == "abc"
    draft.take_back()
    draft.undo()
    assert draft.text == ""
    assert not draft.take_back()


def test_what_the_model_does_not_know_is_folded_or_refused(draft: Draft) -> None:
    assert draft.type("\N{LATIN SMALL LETTER E WITH ACUTE}A").ids
    assert draft.text == "ea"
    assert not draft.type("\N{SNOWMAN}").ids
    assert draft.text == "ea"


def test_a_mark_is_set_on_the_last_symbol_where_the_model_knows_the_two_as_one(tmp_path: Path) -> None:
    vocabulary = Vocabulary(("<end-of-document>", *"aeu\N{LATIN SMALL LETTER E WITH DIAERESIS}"))
    config = ModelConfig(len(vocabulary), (4,), (0.0,))
    save_model(tmp_path, config, vocabulary, initial_weights(config, 1), training={}, dataset={}, lineage=[], result={})
    draft, other = (Draft(mix([load_model(tmp_path)]), SamplingConfig()) for _ in range(2))
    diaeresis = "\N{COMBINING DIAERESIS}"
    assert not draft.type(diaeresis).ids
    assert draft.type("ae").ids
    assert draft.type(diaeresis).ids
    assert draft.text == "a\N{LATIN SMALL LETTER E WITH DIAERESIS}"
    other.type(draft.text)
    assert draft.likeliest(5) == other.likeliest(5)
    assert draft.type("e").ids
    assert draft.type(f"{diaeresis}u").ids
    assert draft.text == "a\N{LATIN SMALL LETTER E WITH DIAERESIS}\N{LATIN SMALL LETTER E WITH DIAERESIS}u"
    assert not draft.type(diaeresis).ids  # no such u
    assert draft.text.endswith("u")


def test_typing_stops_when_asked_to(draft: Draft) -> None:
    asked = iter([False, False, True])
    assert draft.type("abcdef", lambda: next(asked)).ids
    assert draft.text == "ab"


def test_only_so_much_is_remembered(draft: Draft, monkeypatch: pytest.MonkeyPatch, model_path: Path) -> None:
    monkeypatch.setattr("charlstm.sampling.draft.LONGEST_MEMORY", 3)
    forgetful = Draft(mix([load_model(model_path)]), draft.config)
    forgetful.type("abcdef")
    assert not forgetful.undo()
    assert [forgetful.take_back() for _ in range(4)] == [True, True, True, False]
    assert forgetful.text == "abc"
