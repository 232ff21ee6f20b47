from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from charlstm.evaluation import side_by_side
from charlstm.evaluation.side_by_side import nats_of_texts
from charlstm.model.numpy_lstm import NumpyLSTM
from charlstm.store.model_directory import Model, load_model


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


@pytest.mark.parametrize("many", [0, 10**9])
def test_each_text_costs_what_it_does_alone_from_a_zero_state(
    model: Model, many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(side_by_side, "MANY_SYMBOLS", many)
    monkeypatch.setattr(side_by_side, "BATCH", 4)
    random = np.random.default_rng(3)
    lengths = [1, 2, 9, 8, 40, 3, 17, 2, 25, 10]
    texts = [random.integers(0, len(model.vocabulary), length) for length in lengths]
    found = nats_of_texts(model, texts)
    assert [len(nats) for nats in found] == [length - 1 for length in lengths]
    for text, nats in zip(texts, found, strict=True):
        np.testing.assert_allclose(nats, one_by_one(model, text), rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize("many", [0, 10**9])
def test_the_parts_of_a_long_text_have_the_context_before_them(
    model: Model, many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(side_by_side, "MANY_SYMBOLS", many)
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


def test_no_texts_cost_nothing(model: Model) -> None:
    assert nats_of_texts(model, []) == []
