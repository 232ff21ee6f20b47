from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from charlstm.data.vocabulary import END_OF_DOCUMENT, Vocabulary
from charlstm.evaluation.documents import DocumentLosses, document_losses, document_scores, sum_by_document
from charlstm.model.network import Network
from charlstm.model.numpy_lstm import NumpyLSTM
from charlstm.store.model_directory import load_model
from charlstm.training.scoring import Scorer


def test_documents_cost_what_the_numpy_network_says(model_path: Path) -> None:
    model = load_model(model_path)
    ids = np.random.default_rng(2).integers(0, len(model.vocabulary), 90).astype(np.uint8)
    starts = np.array([0, 1, 30, 31])
    network = Network(model.config)
    network.assign(model.weights)
    losses = document_losses(Scorer(network), ids, starts)

    twin = NumpyLSTM(model.config, model.weights)
    nats = [0.0]
    for current, following in itertools.pairwise(ids):
        logits = twin.step([int(current)])[0].astype(np.float64)
        nats.append(float(np.log(np.exp(logits).sum()) - logits[following]))
    expected = [sum(nats[0:1]), sum(nats[1:30]), sum(nats[30:31]), sum(nats[31:90])]
    np.testing.assert_allclose(losses.nats, expected, rtol=1e-5)
    assert losses.chars.tolist() == [0, 29, 1, 59]
    assert losses.nats_per_char == pytest.approx(Scorer(network).score(ids).nats_per_char, rel=1e-6)


def test_a_document_of_which_nothing_is_scored_has_no_loss() -> None:
    # Symbols of the documents, as the model knows them: none, two (the first of all is not scored), none, three, none.
    losses = sum_by_document(np.array([1, 2, 3, 4], np.float32), np.array([0, 0, 2, 2, 5]))
    assert losses.nats.tolist() == [0, 1, 0, 9, 0]
    assert losses.chars.tolist() == [0, 1, 0, 3, 0]
    vocabulary = Vocabulary((END_OF_DOCUMENT, *"abXY"))
    ids, starts = np.array([3, 0, 1, 0, 4, 0, 2, 1, 0, 3]), np.array([0, 2, 4, 6, 9])
    scores = document_scores(losses, ids, starts, vocabulary)
    assert [score.beginning for score in scores] == ["X", "a", "Y", "ba", "X"]
    assert [score.number for score in scores] == [1, 2, 3, 4, 5]
    assert [score.nats_per_char for score in scores] == [None, 1, None, 3, None]
    assert scores[3].bits_per_char == pytest.approx(3 / np.log(2))
    assert scores[0].bits_per_char is None


def test_the_padded_loss_counts_the_padding_of_every_document() -> None:
    losses = DocumentLosses(np.array([2.0, 3.0, 1.0]), np.array([1, 4, 2]))
    assert losses.nats_per_char == pytest.approx(6 / 7)
    assert losses.padded_nats_per_char == pytest.approx(6 / 12)
