"""Fixtures that several packages' tests share."""

from __future__ import annotations

import signal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from charlstm.config import ModelConfig
from charlstm.data.vocabulary import END_OF_DOCUMENT, Vocabulary
from charlstm.model.runtime import start_tensorflow
from charlstm.model.weights import initial_weights
from charlstm.store.model_directory import save_model

start_tensorflow()
# How fast a machine is decides no test.
settings.register_profile("charlstm", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("charlstm")
# As the job of a shell in the background, or one that outlives its terminal, is started; what the tests start and
# interrupt would ignore it as well.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture
def vocabulary() -> Vocabulary:
    return Vocabulary((END_OF_DOCUMENT, "\n", " ", *"abcdefghijklmnopqrstuvwxyz"))


@pytest.fixture
def model_path(tmp_path: Path, vocabulary: Vocabulary) -> Path:
    """A small model directory with random weights, large enough for texts that vary."""
    path = tmp_path / "model"
    path.mkdir()
    config = ModelConfig(len(vocabulary), (12, 10), (0.0, 0.0))
    weights = {name: 3 * array for name, array in initial_weights(config, 7).items()}
    save_model(path, config, vocabulary, weights, training={}, dataset={}, lineage=[], result={})
    return path


@pytest.fixture(scope="session")
def words() -> str:
    """Some ten thousand characters of text that can be learned: words drawn from a short list."""
    random = np.random.default_rng(5)
    listed = ["the", "king", "rode", "over", "grey", "ford", "and", "sang", "of", "winter"]
    lines = [" ".join(random.choice(listed, 7)) for _ in range(400)]
    return "\n".join(lines) + "\n"
