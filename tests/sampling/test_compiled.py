"""The compiled loop of `--device gpu`, on the CPU, against the NumPy path."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from charlstm.config import ModelConfig, SamplingConfig
from charlstm.data.vocabulary import UNKNOWN, Vocabulary
from charlstm.errors import CharlstmError
from charlstm.model.numpy_lstm import NumpyLSTM
from charlstm.model.weights import initial_weights
from charlstm.sampling import compiled
from charlstm.sampling.compiled import CompiledGeneration, TensorFlowLSTM
from charlstm.sampling.generate import Generation
from charlstm.sampling.growing_texts import GrowingTexts, Prompt, alike
from charlstm.sampling.seed_text import read_seed
from charlstm.sampling.shaping import shaping_of
from charlstm.store.model_directory import load_model

CPU = "/CPU:0"


def run(generation: GrowingTexts) -> GrowingTexts:
    streamed = [""] * len(generation.texts)
    for pieces in generation:
        streamed = [text + piece for text, piece in zip(streamed, pieces, strict=True)]
    assert streamed == generation.texts
    return generation


def compiled_texts(path: Path, seed: str = "abc", streams: int = 3, piece_steps: int = 16, **options: object):
    model = load_model(path)
    config, ids = SamplingConfig(**options), read_seed(seed, model.vocabulary).ids
    return run(
        CompiledGeneration(
            model.config,
            model.weights,
            model.vocabulary,
            alike(streams, ids),
            config,
            device=CPU,
            piece_steps=piece_steps,
        )
    )


def numpy_texts(path: Path, seed: str = "abc", streams: int = 3, **options: object):
    model = load_model(path)
    config, ids = SamplingConfig(**options), read_seed(seed, model.vocabulary).ids
    return run(
        Generation(NumpyLSTM(model.config, model.weights, streams), model.vocabulary, alike(streams, ids), config)
    )


def test_logits_equal_those_of_the_numpy_network_step_by_step(vocabulary: Vocabulary) -> None:
    config = ModelConfig(len(vocabulary), (7, 5, 6), (0.0, 0.0, 0.0))
    weights = {name: 2 * array for name, array in initial_weights(config, 3).items()}
    expected, network = NumpyLSTM(config, weights, 4), TensorFlowLSTM(config, weights)
    state = network.zero_state(4)
    for ids in np.random.default_rng(1).integers(0, len(vocabulary), (30, 4)):
        logits, state = network.step(ids, state)
        np.testing.assert_allclose(logits, expected.step(ids), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    "options",
    [
        {"temperature": 1.0},
        {"temperature": 0.4},
        {"temperature": 1e-300},
        {"temperature": 0.0},
        {"temperature": 1.5, "top_k": 3},
        {"temperature": 1.0, "top_k": 99},
        {"temperature": 1.0, "top_p": 0.6},
        {"temperature": 0.8, "top_k": 5, "top_p": 0.9},
        {"temperature": 0.8, "min_p": 0.2},
        {"temperature": 1.3, "top_k": 6, "top_p": 0.8, "min_p": 0.1},
        {"temperatures": [0.0, 1.0, 0.3, 2.0, 1.0] * 10},
    ],
)
def test_the_filters_are_those_of_the_numpy_path(options: dict[str, object]) -> None:
    temperatures = options.pop("temperatures", None)
    config = SamplingConfig(**options, forbid="e")  # type: ignore[arg-type]
    vocabulary = Vocabulary(tuple("abcdefghijk"))
    logits = np.random.default_rng(2).normal(0, 2, (50, 11)).astype(np.float32)
    logits[:, 8] = logits[:, 2]  # equals, which only their ids put in order
    ours = compiled.filtered(tf.constant(logits), config, np.arange(11) == 4, temperatures).numpy()
    weights = shaping_of(config, vocabulary, [[0]] * 50, temperatures)(logits, np.zeros(50, int))
    probabilities = tf.nn.softmax(ours).numpy()
    np.testing.assert_allclose(probabilities, weights / weights.sum(axis=1, keepdims=True), atol=1e-6)
    assert (probabilities[:, 4] == 0).all()


def test_draws_follow_the_probabilities() -> None:
    probabilities = np.array([0.5, 0.0, 0.3, 0.2])
    with np.errstate(divide="ignore"):
        logits = np.tile(np.log(probabilities), (100_000, 1)).astype(np.float32)
    ids = compiled.draw(tf.constant(logits), np.random.default_rng(0).random(100_000))
    np.testing.assert_allclose(np.bincount(ids, minlength=4) / 100_000, probabilities, atol=0.006)
    ends = np.array([0.0, np.nextafter(1, 0)])
    np.testing.assert_array_equal(compiled.draw(tf.constant([[-np.inf, 0.0, -np.inf]] * 2), ends), [1, 1])


def test_first_symbols_have_the_frequencies_of_the_softmax(model_path: Path, vocabulary: Vocabulary) -> None:
    streams = 4000
    model = load_model(model_path)
    network = NumpyLSTM(model.config, model.weights)
    logits = [network.step([vocabulary.ids[symbol]]) for symbol in "abc"][-1]
    generation = compiled_texts(model_path, streams=streams, length=1, temperature=1.0)
    counts = np.array([generation.texts.count(vocabulary.decode([symbol])) for symbol in range(len(vocabulary))])
    expected = tf.nn.softmax(logits)[0].numpy() * streams
    # Chi-square has a mean of V - 1 and a variance of twice that; four standard deviations.
    degrees = len(vocabulary) - 1
    assert ((counts - expected) ** 2 / expected).sum() < degrees + 4 * (2 * degrees) ** 0.5


@pytest.mark.parametrize("seed", ["", "abc"])
@pytest.mark.parametrize("options", [{"temperature": 0.0}, {"temperature": 0.7}, {"top_k": 4, "top_p": 0.8}])
def test_on_one_processor_the_texts_are_those_of_the_numpy_path(
    model_path: Path, seed: str, options: dict[str, float]
) -> None:
    expected = numpy_texts(model_path, seed, length=50, random_seed=5, **options)
    generation = compiled_texts(model_path, seed, length=50, random_seed=5, **options)
    assert generation.texts == expected.texts
    assert generation.stopped_by == ["length"] * 3


def test_the_texts_depend_on_the_random_seed_and_not_on_the_pieces(model_path: Path) -> None:
    first = compiled_texts(model_path, length=40, random_seed=1).texts
    assert len(set(first)) == 3
    assert compiled_texts(model_path, length=40, random_seed=1, piece_steps=7).texts == first
    assert compiled_texts(model_path, length=40, random_seed=2).texts != first
    assert compiled_texts(model_path, length=0).texts == [""] * 3


@pytest.mark.parametrize("place", [2, 15, 29])
def test_a_stop_text_ends_a_text_within_and_between_pieces(model_path: Path, place: int) -> None:
    free = numpy_texts(model_path, length=60).texts[1]
    options = {"length": 60, "stop": free[place : place + 3]}
    expected, stopped = numpy_texts(model_path, **options), compiled_texts(model_path, **options)
    assert stopped.texts == expected.texts
    assert stopped.stopped_by == expected.stopped_by
    assert stopped.stopped_by[1] == "stop"


def test_no_piece_is_computed_after_the_last_text_has_ended(model_path: Path) -> None:
    model = load_model(model_path)
    (first,) = compiled_texts(model_path, streams=1, length=10).texts
    config = SamplingConfig(length=1_000_000_000, stop=first[5:8])
    prompts = alike(1, read_seed("abc", model.vocabulary).ids)
    generation = CompiledGeneration(model.config, model.weights, model.vocabulary, prompts, config, device=CPU)
    assert run(generation).stopped_by == ["stop"]


def test_the_unknown_symbol_is_never_written() -> None:
    vocabulary = Vocabulary((UNKNOWN, "a", "b"))
    config = ModelConfig(3, (4,), (0.0,))
    weights = initial_weights(config, 1) | {"head/bias": np.array([50, 0, 0], np.float32)}
    sampling = SamplingConfig(length=30, temperature=1.0)
    (text,) = run(CompiledGeneration(config, weights, vocabulary, alike(1, (1,)), sampling, device=CPU)).texts
    assert set(text) == {"a", "b"}


def test_a_device_without_enough_memory_is_a_sentence(model_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(*_: object) -> None:
        raise tf.errors.ResourceExhaustedError(None, None, "oom")

    monkeypatch.setattr(TensorFlowLSTM, "__init__", exhausted)
    with pytest.raises(CharlstmError, match="does not hold 3 samples"):
        compiled_texts(model_path)
    assert tf.config.experimental.tensor_float_32_execution_enabled()


def test_the_texts_cost_what_they_do_on_the_numpy_path(model_path: Path) -> None:
    model = load_model(model_path)
    prompts = [Prompt((3, 4), temperature, number) for number, temperature in enumerate((0.5, 0.0, 1.5))]
    config = SamplingConfig(length=40, words=6)
    expected = run(
        Generation(NumpyLSTM(model.config, model.weights, 3), model.vocabulary, prompts, config, scored=True)
    )
    ours = run(
        CompiledGeneration(model.config, model.weights, model.vocabulary, prompts, config, device=CPU, scored=True)
    )
    assert ours.texts == expected.texts
    np.testing.assert_allclose(ours.nats, expected.nats, rtol=1e-4)
    assert (ours.nats < 0).all()
