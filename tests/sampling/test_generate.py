from __future__ import annotations

from pathlib import Path

import pytest

from charlstm.config import SamplingConfig
from charlstm.data.vocabulary import Vocabulary
from charlstm.errors import DataError
from charlstm.model.numpy_lstm import NumpyLSTM
from charlstm.sampling.generate import Generation
from charlstm.sampling.seed_text import read_seed
from charlstm.store.model_directory import load_model


def generated(path: Path, seed: str = "abc", streams: int = 1, **options: object) -> Generation:
    model = load_model(path)
    network = NumpyLSTM(model.config, model.weights, streams)
    config = SamplingConfig(**options)  # type: ignore[arg-type]
    generation = Generation(network, model.vocabulary, read_seed(seed, model.vocabulary).ids, config)
    streamed = [""] * streams
    for pieces in generation:
        streamed = [text + piece for text, piece in zip(streamed, pieces, strict=True)]
    assert streamed == generation.texts
    return generation


def test_the_same_random_seed_gives_the_same_text(model_path: Path) -> None:
    first, again, other = (generated(model_path, length=80, random_seed=seed).texts for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_the_text_depends_on_the_seed_text(model_path: Path) -> None:
    assert generated(model_path, "abc", length=80).texts != generated(model_path, "xyz", length=80).texts


def test_texts_side_by_side_differ_and_the_first_is_the_one_made_alone(model_path: Path) -> None:
    alone = generated(model_path, length=60).texts
    together = generated(model_path, streams=3, length=60).texts
    assert together[0] == alone[0]
    assert len(set(together)) == 3


def test_length_is_kept_to(model_path: Path) -> None:
    generation = generated(model_path, length=33, temperature=0)
    assert generation.stopped_by == ["length"]
    assert generated(model_path, length=0).texts == [""]


def test_a_stop_text_ends_the_text_before_it(model_path: Path) -> None:
    free = generated(model_path, length=200).texts[0]
    stop = free[50:53]
    stopped = generated(model_path, length=200, stop=stop)
    assert stopped.texts[0] == free[: free.index(stop)]
    assert stopped.stopped_by == ["stop"]


def test_a_text_that_only_begins_like_the_stop_text_is_shown_whole(model_path: Path) -> None:
    free = generated(model_path, length=50).texts[0]
    assert generated(model_path, length=50, stop=free[-1] + "\N{SNOWMAN}").texts[0] == free


def test_without_a_seed_a_text_begins_as_after_the_end_of_a_document(model_path: Path) -> None:
    assert len(generated(model_path, "", length=40).texts[0]) >= 40


@pytest.mark.parametrize(
    ("seed", "read"), [("Ab", "ab"), ("\N{LATIN SMALL LETTER E WITH ACUTE}te\u0301", "ete"), ("a\tb", "a b")]
)
def test_unknown_seed_symbols_are_folded_to_near_ones(vocabulary: Vocabulary, seed: str, read: str) -> None:
    prompt = read_seed(seed, vocabulary)
    assert vocabulary.decode(prompt.ids) == read
    assert prompt.folded


def test_typographic_quotes_and_dashes_are_folded() -> None:
    plain = Vocabulary(tuple("\"'Im -"))
    prompt = read_seed("\u201cI\u2019m\u201d \u2014", plain)
    assert plain.decode(prompt.ids) == '"I\'m" --'


def test_seed_symbols_without_a_near_one_are_skipped(vocabulary: Vocabulary) -> None:
    prompt = read_seed("a\N{SNOWMAN}b\N{SNOWMAN}", vocabulary)
    assert vocabulary.decode(prompt.ids) == "ab"
    assert prompt.skipped == ("\N{SNOWMAN}",)


def test_strict_refuses_an_unknown_symbol(vocabulary: Vocabulary) -> None:
    with pytest.raises(DataError, match="'A'"):
        read_seed("A", vocabulary, strict=True)
