from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from charlstm.config import CorpusConfig
from charlstm.data.vocabulary import END_OF_DOCUMENT, UNKNOWN, Vocabulary
from charlstm.errors import DataError
from charlstm.evaluation.side_by_side import nats_of_texts
from charlstm.evaluation.surprise import surprises
from charlstm.model.network import Network
from charlstm.store.model_directory import Model, load_model
from charlstm.training.scoring import Scorer


@pytest.fixture
def model(model_path: Path) -> Model:
    return load_model(model_path)


def ignore(message: str) -> None:
    raise AssertionError(message)


def test_each_character_costs_what_the_scorer_says_after_an_end(model: Model) -> None:
    text = "the king rode\nover the ford " * 12
    network = Network(model.config)
    network.assign(model.weights)
    ids = np.append(model.vocabulary.end_of_document, model.vocabulary.ids_of_characters(text))
    expected = Scorer(network).nats_of_each(ids) / np.log(2)
    found = surprises(model, text, ignore)
    assert "".join(each.character for each in found) == text
    np.testing.assert_allclose([each.bits for each in found], expected, rtol=1e-5)


def test_unknown_characters_are_passed_over_and_named(model: Model) -> None:
    notes: list[str] = []
    found = surprises(model, "ki\u20acngTT", notes.append)
    assert [each.character for each in found if each.bits is None] == ["\u20ac", "T", "T"]
    scored = [each for each in found if each.bits is not None]
    assert scored == surprises(model, "king", ignore)
    assert len(notes) == 1
    assert "3 characters are not scored" in notes[0]
    assert notes[0].endswith("'\u20ac' 'T'")


def test_an_unknown_symbol_stands_for_them_where_there_is_one(model: Model) -> None:
    symbols = tuple(UNKNOWN if symbol == "z" else symbol for symbol in model.vocabulary.symbols)
    notes: list[str] = []
    found = surprises(replace(model, vocabulary=Vocabulary(symbols)), "k\u20acing", notes.append)
    assert [each.bits for each in found] == [each.bits for each in surprises(model, "kzing", ignore)]
    assert notes == [f"1 characters are read as the unknown character: {model.path} does not know '\u20ac'"]


def test_without_an_end_of_documents_the_first_character_is_not_scored(model: Model) -> None:
    symbols = tuple("Z" if symbol == END_OF_DOCUMENT else symbol for symbol in model.vocabulary.symbols)
    endless = replace(model, vocabulary=Vocabulary(symbols))
    assert [each.bits is None for each in surprises(endless, "king", ignore)] == [True, False, False, False]
    # The symbol of the same number does for it what the end does for the other.
    found = surprises(endless, "Zking", ignore)[1:]
    assert found == surprises(model, "king", ignore)


def test_words_are_those_of_a_line_as_samples_are(model: Model) -> None:
    _, line_end, *others = model.vocabulary.symbols
    words = Vocabulary((END_OF_DOCUMENT, line_end, "the", "king", *(f"w{other}w" for other in others[3:]), "z"), "word")
    of_words = replace(model, vocabulary=words)
    (expected,) = nats_of_texts(of_words, [np.array([words.ids[word] for word in (line_end, "the", "king")])])
    found = surprises(of_words, "the king", ignore)
    np.testing.assert_allclose([each.bits for each in found], expected / np.log(2), rtol=1e-5)


def test_text_is_read_as_the_program_reads_files(model: Model) -> None:
    assert [each.character for each in surprises(model, "a\r\nb\rc", ignore)] == ["a", "\n", "b", "\n", "c"]
    vocabulary = Vocabulary((*model.vocabulary.symbols[:-1], "\N{LATIN SMALL LETTER E WITH ACUTE}"))
    (each,) = surprises(replace(model, vocabulary=vocabulary), "e\u0301", ignore)
    assert each.bits is not None


def test_text_is_read_as_that_of_the_model(model: Model) -> None:
    options = CorpusConfig(normalize="ascii", lowercase=True).to_json()
    folding = replace(model, dataset={"options": options})
    assert surprises(folding, "K\u00efng", ignore) == surprises(model, "king", ignore)
    symbols = ("(don't)", "(", "don't", ")", *(f"w{symbol}w" for symbol in model.vocabulary.symbols[4:]))
    words = replace(model, vocabulary=Vocabulary(symbols, "word"))
    tokenized = replace(words, dataset={"is_tokenized": True})
    assert [each.character for each in surprises(tokenized, "(don't) (don't)", ignore)] == ["(don't)", " (don't)"]
    plain = replace(words, dataset={"is_tokenized": False})
    assert len(surprises(plain, "(don't) <unk>", [].append)) == 4


@pytest.mark.parametrize("text", ["", "\u20ac"])
def test_a_text_without_a_known_character_is_refused(model: Model, text: str) -> None:
    with pytest.raises(DataError, match="no character to score"):
        surprises(model, text, [].append)
