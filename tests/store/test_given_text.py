from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from charlstm.config import CorpusConfig
from charlstm.errors import ModelError
from charlstm.store.given_text import corpus_like
from charlstm.store.model_directory import load_model

WHOLE = CorpusConfig(unknown="symbol", split=(1.0, 0.0, 0.0))


def test_a_text_is_read_in_the_form_of_that_of_the_model(model_path: Path) -> None:
    model = load_model(model_path)
    assert corpus_like(model) == WHOLE
    options = CorpusConfig(normalize="ascii", lowercase=True, min_count=3, documents="line").to_json()
    told = replace(model, dataset={"path": "dataset", "options": options, "is_tokenized": True})
    assert corpus_like(told) == replace(WHOLE, normalize="ascii", lowercase=True, tokenized=True)


@pytest.mark.parametrize("dataset", [{"options": []}, {"options": {"lowercase": True}}, {"is_tokenized": 1}])
def test_what_a_model_says_of_its_text_is_checked(model_path: Path, dataset: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match=r"config\.json"):
        corpus_like(replace(load_model(model_path), dataset=dataset))
