from __future__ import annotations

import itertools
import signal
import threading
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from charlstm.evaluation import side_by_side
from charlstm.evaluation.side_by_side import nats_of_texts
from charlstm.model.numpy_lstm import NumpyLSTM
from charlstm.store.model_directory import Model, load_model

STEP = NumpyLSTM.step


@pytest.fixture
def model(model_path: Path) -> Model:
    return load_model(model_path)


def one_by_one(model: Model, text: np.ndarray) -> list[float]:
    network = NumpyLSTM(model.config, model.weights)
    nats = []
    for current, following in pairwise(text.tolist()):
        logits = network.step([current])[0].astype(np.float64)
        nats.append(float(np.log(np.exp(logits).sum()) - logits[following]))
    return nats


@pytest.mark.parametrize("cores", [1, 3, 64])
def test_each_text_costs_what_it_does_alone_from_a_zero_state(
    model: Model, cores: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(side_by_side, "cores", lambda: cores)
    monkeypatch.setattr(side_by_side, "BATCH", 4)
    monkeypatch.setattr(side_by_side, "LEAST_BATCH", 1)
    random = np.random.default_rng(3)
    lengths = [1, 2, 9, 8, 40, 3, 17, 2, 25, 10]
    texts = [random.integers(0, len(model.vocabulary), length) for length in lengths]
    found = nats_of_texts(model, texts)
    assert [len(nats) for nats in found] == [length - 1 for length in lengths]
    for text, nats in zip(texts, found, strict=True):
        np.testing.assert_allclose(nats, one_by_one(model, text), rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize("offset", [1, 3])
def test_products_in_bfloat16_cost_nearly_the_same(model: Model, offset: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(side_by_side, "BATCH", 4)
    monkeypatch.setattr(side_by_side, "LONGEST", 100)
    # As networks are, and unlike the fixture, this one forgets, and with that its errors.
    weights = {name: array / 3 for name, array in model.weights.items()}
    model = replace(model, config=replace(model.config, target_offset=offset), weights=weights)
    random = np.random.default_rng(3)
    lengths = [1, 2, 6, 9, 26, 32, 51, 88, 2, 149]
    texts = [random.integers(0, len(model.vocabulary), length) for length in lengths]
    exact, found = nats_of_texts(model, texts), nats_of_texts(model, texts, "bfloat16")
    for text, nats, other in zip(texts, found, exact, strict=True):
        assert len(nats) == len(text) - 1
        np.testing.assert_allclose(nats, other, atol=0.01)
    assert abs(np.concatenate(found) - np.concatenate(exact)).max() > 1e-5


def test_the_head_is_in_float32_in_any_case(model: Model) -> None:
    # All products of these layers are zero, and biases are float32.
    biased = {name: array for name, array in model.weights.items() if "bias" in name or "head" in name}
    zeros = {name: np.zeros_like(array) for name, array in model.weights.items()}
    biased |= {name: array + 1 for name, array in biased.items() if "lstm" in name}
    model = replace(model, weights=zeros | biased)
    text = np.random.default_rng(3).integers(0, len(model.vocabulary), 20)
    (exact,), (found,) = nats_of_texts(model, [text]), nats_of_texts(model, [text], "bfloat16")
    np.testing.assert_allclose(found, exact, atol=1e-5)


def test_the_parts_of_a_long_text_have_the_context_before_them(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(side_by_side, "LONGEST", 50)
    monkeypatch.setattr(side_by_side, "CONTEXT", 120)
    # As networks are, and unlike the fixture, this one forgets.
    model = replace(model, weights={name: array / 3 for name, array in model.weights.items()})
    text = np.random.default_rng(3).integers(0, len(model.vocabulary), 231)
    (nats,) = nats_of_texts(model, [text])
    expected = one_by_one(model, text)
    np.testing.assert_allclose(nats, expected, rtol=1e-3, atol=1e-3)
    monkeypatch.setattr(side_by_side, "CONTEXT", 0)
    (without,) = nats_of_texts(model, [text])
    np.testing.assert_allclose(without[:50], expected[:50], rtol=1e-3, atol=1e-3)
    assert abs(without[50:53] - expected[50:53]).max() > 0.01


def test_the_context_of_a_part_reaches_beyond_a_far_target(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(side_by_side, "CONTEXT", 120)
    # As networks are, and unlike the fixture, this one forgets.
    weights = {name: array / 3 for name, array in model.weights.items()}
    model = replace(model, config=replace(model.config, target_offset=150), weights=weights)
    text = np.random.default_rng(3).integers(0, len(model.vocabulary), 431)
    (whole,) = nats_of_texts(model, [text])
    monkeypatch.setattr(side_by_side, "LONGEST", 50)
    (nats,) = nats_of_texts(model, [text])
    np.testing.assert_allclose(nats, whole, rtol=1e-3, atol=1e-3)


def test_an_interrupt_ends_the_work_of_all_cores(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(side_by_side, "cores", lambda: 2)
    monkeypatch.setattr(side_by_side, "LONGEST", 10**9)
    monkeypatch.setattr(side_by_side, "LEAST_BATCH", 1)
    # A shell's background job ignores the signal.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    steps = itertools.count()

    def step(network: NumpyLSTM, ids: np.ndarray) -> np.ndarray:
        if next(steps) == 1_000:
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        return STEP(network, ids)

    monkeypatch.setattr(NumpyLSTM, "step", step)
    try:
        with pytest.raises(KeyboardInterrupt):
            nats_of_texts(model, [np.zeros(20_000, np.int64)] * 2)
    finally:
        signal.signal(signal.SIGINT, before)
    assert next(steps) < 10_000


def test_no_texts_cost_nothing(model: Model) -> None:
    assert nats_of_texts(model, []) == []
