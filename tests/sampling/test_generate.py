from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from charlstm.config import SamplingConfig
from charlstm.data.vocabulary import Vocabulary
from charlstm.errors import DataError
from charlstm.model.numpy_lstm import NumpyLSTM
from charlstm.sampling.generate import Generation
from charlstm.sampling.growing_texts import Prompt, alike
from charlstm.sampling.seed_text import read_seed
from charlstm.sampling.shaping import log_probabilities
from charlstm.store.model_directory import load_model


def generated(path: Path, seed: str = "abc", streams: int = 1, **options: object) -> Generation:
    model = load_model(path)
    network = NumpyLSTM(model.config, model.weights, streams)
    config = SamplingConfig(**options)  # type: ignore[arg-type]
    generation = Generation(network, model.vocabulary, alike(streams, read_seed(seed, model.vocabulary).ids), config)
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


@pytest.mark.parametrize(
    ("seed", "read"), [("\ufb01nd Stra\u00dfe", "find Strasse"), ("\u00c6\u00f8\u0142\u0111\u00fe", "AEoldth")]
)
def test_letters_are_folded_to_ascii_in_their_case(seed: str, read: str) -> None:
    letters = Vocabulary(tuple(" AEFINSadefhilnorst"))
    assert letters.decode(read_seed(seed, letters).ids) == read


def test_accents_are_read_as_the_model_knows_them_however_they_came() -> None:
    together, apart = Vocabulary(("e", "\u00eb")), Vocabulary(("e", "\u0308", "\u00eb"))
    assert read_seed("e\u0308e", together, strict=True).ids == (1, 0)
    assert read_seed("e\u0308", apart, strict=True).ids == (0, 1)


def test_seed_symbols_without_a_near_one_are_skipped(vocabulary: Vocabulary) -> None:
    prompt = read_seed("a\N{SNOWMAN}b\N{SNOWMAN}", vocabulary)
    assert vocabulary.decode(prompt.ids) == "ab"
    assert prompt.skipped == ("\N{SNOWMAN}",)


def test_strict_refuses_an_unknown_symbol(vocabulary: Vocabulary) -> None:
    with pytest.raises(DataError, match="'A'"):
        read_seed("A", vocabulary, strict=True)


def test_first_symbols_have_exactly_the_frequencies_of_the_softmax(model_path: Path, vocabulary: Vocabulary) -> None:
    streams = 4000
    model = load_model(model_path)
    network = NumpyLSTM(model.config, model.weights)
    logits = [network.step([vocabulary.ids[symbol]]) for symbol in "abc"][-1]
    texts = generated(model_path, streams=streams, length=1, temperature=1.0).texts
    counts = np.array([texts.count(shown) for shown in vocabulary.shown])
    expected = tf.nn.softmax(logits)[0].numpy() * streams
    # Chi-square has a mean of V - 1 and a variance of twice that; four standard deviations.
    degrees = len(vocabulary) - 1
    assert ((counts - expected) ** 2 / expected).sum() < degrees + 4 * (2 * degrees) ** 0.5


def alone_and_together(path: Path, prompts: list[Prompt], **options: object) -> tuple[list[str], list[str]]:
    model = load_model(path)
    config = SamplingConfig(**options)  # type: ignore[arg-type]

    def texts(some: list[Prompt]) -> list[str]:
        network = NumpyLSTM(model.config, model.weights, len(some))
        generation = Generation(network, model.vocabulary, some, config)
        list(generation)
        return generation.texts

    return [text for prompt in prompts for text in texts([prompt])], texts(prompts)


@pytest.mark.parametrize("options", [{}, {"repetition_penalty": 1.5, "repetition_window": 5}, {"words": 4}])
def test_texts_of_different_seeds_are_those_that_each_seed_has_alone(
    model_path: Path, options: dict[str, object]
) -> None:
    seeds = [(3,), (), (4, 5, 6, 7, 8, 9), (5, 6), (3,)]
    prompts = [Prompt(seed, (0.5, 0.0, 1.5)[number % 3], number) for number, seed in enumerate(seeds)]
    alone, together = alone_and_together(model_path, prompts, length=40, **options)
    assert together == alone
    assert len(set(together)) == 5


def test_the_cost_of_a_text_is_what_the_network_says_without_filters(model_path: Path) -> None:
    model = load_model(model_path)
    config = SamplingConfig(length=30, temperature=0.5, top_k=6, repetition_penalty=1.3)
    network = NumpyLSTM(model.config, model.weights, 2)
    generation = Generation(network, model.vocabulary, alike(2, (3, 4)), config, scored=True)
    list(generation)
    assert generation.nats[0] != generation.nats[1]
    reader = NumpyLSTM(model.config, model.weights)
    for text, nats in zip(generation.texts, generation.nats, strict=True):
        reader.reset()
        reader.step([3])
        ids = model.vocabulary.ids_of_characters(text)
        if model.vocabulary.decode(ids) == text and "\n\n" not in text:
            expected = sum(
                float(log_probabilities(reader.step([before]), np.array([after]))[0])
                for before, after in itertools.pairwise([4, *ids])
            )
            assert nats == pytest.approx(expected, rel=1e-4)


def test_words_start_at_a_temperature_of_their_own(model_path: Path) -> None:
    """Where words start greedily, all that follow a space begin alike; inside they differ."""
    greedy_starts = generated(model_path, "a ", streams=20, length=6, temperature=3.0, word_start_temperature=0.0).texts
    greedy_inside = generated(model_path, "a ", streams=20, length=6, temperature=0.0, word_start_temperature=3.0).texts
    assert len({text[0] for text in greedy_starts}) == 1
    assert len(set(greedy_starts)) > 5
    assert len({text[0] for text in greedy_inside}) > 5


def test_forbidden_characters_do_not_occur(model_path: Path) -> None:
    assert set("aeiou\n") & set(generated(model_path, length=300, temperature=2.0).texts[0])
    text = generated(model_path, length=300, temperature=2.0, forbid="aeiou\n").texts[0]
    assert not set("aeiou\n") & set(text)
