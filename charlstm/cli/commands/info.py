"""charlstm info: what a dataset or model directory holds."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from charlstm.cli.options import DIRECTORY, json_option

if TYPE_CHECKING:
    from charlstm.data.vocabulary import Vocabulary

# Numbers from here on are written with four decimals.
LEAST_FIXED = 0.1


@click.command()
@click.argument("path", type=DIRECTORY, required=False)
@json_option
def command(path: Path | None, as_json: bool) -> None:
    """Describe a dataset or model directory.

    Without PATH, the newest model. What is as usual, such as a method that is off, is only shown with --json.
    """
    from charlstm.cli.console import emit_facts, emit_json
    from charlstm.store.runs import newest_model

    path = path or newest_model()
    is_dataset = os.path.exists(path / "dataset.json")
    facts = _describe_dataset(path) if is_dataset else _describe_model(path)
    if as_json:
        emit_json(facts)
    else:
        usual = {} if is_dataset else _usual()
        facts = {name: value for name, value in facts.items() if value is not None and usual.get(name) != value}
        emit_facts(f"{facts.pop('kind').capitalize()} {path}", {name: _shown(value) for name, value in facts.items()})


def _describe_dataset(path: Path) -> dict[str, Any]:
    from charlstm.store.dataset_directory import load_dataset

    dataset = load_dataset(path)
    summary = dataset.summary
    return {
        "kind": "dataset",
        "fingerprint": dataset.fingerprint,
        "documents": summary["documents"],
        "characters": summary["characters"],
        **_symbols(dataset.vocabulary),
        "vocabulary_size": len(dataset.vocabulary),
        **{f"{split}_{dataset.vocabulary.unit}s": len(ids) for split, ids in dataset.splits.items()},
        "unigram_bits_per_char": summary["unigram_bits_per_char"],
        "xz_bits_per_char": summary["xz_bits_per_char"],
        "sources": [source["name"] for source in summary["sources"]],
    }


def _describe_model(path: Path) -> dict[str, Any]:
    from charlstm.store.model_directory import load_model

    model = load_model(path)
    facts = {
        "kind": "model",
        "sha256": model.sha256,
        "units": list(model.config.units),
        "dropout": list(model.config.dropout),
        "embedding": model.config.embedding,
        "tie_weights": model.config.tie_weights,
        "target_offset": model.config.target_offset,
        "parameters": model.config.parameters,
        **_symbols(model.vocabulary),
        "vocabulary_size": len(model.vocabulary),
        **{f"training_{name}": value for name, value in model.training.items()},
        "dataset": model.dataset.get("path"),
    }
    # What the file says of itself must not pass for what was found.
    result = {name: value for name, value in model.result.items() if name not in facts}
    return {**facts, **result, "lineage": model.lineage}


def _usual() -> dict[str, Any]:
    """Return the facts of a model that is as plain as can be."""
    from charlstm.config import ModelConfig, TrainingConfig
    from charlstm.config_json import value_to_json

    return {
        prefix + field.name: value_to_json(field.default)
        for prefix, config in (("", ModelConfig), ("training_", TrainingConfig))
        for field in dataclasses.fields(config)
        if field.default is not dataclasses.MISSING
    }


def _symbols(vocabulary: Vocabulary) -> dict[str, Any]:
    """Return what the symbols are; words are too many to name them."""
    if vocabulary.level == "word":
        return {"level": vocabulary.level}
    return {"symbols": "".join(symbol for symbol in vocabulary.symbols if len(symbol) == 1)}


def _shown(value: Any) -> str:
    if isinstance(value, float):
        # A rate or a decay may be far below a ten-thousandth.
        return f"{value:,.4f}" if abs(value) >= LEAST_FIXED or value == 0 else f"{value:.4g}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    if isinstance(value, list):
        has_objects = any(isinstance(item, dict) for item in value)
        return "\n".join(map(_shown_item, value)) if has_objects else _joined(value)
    return str(value).replace("\n", "\\n")


def _joined(values: list[Any]) -> str:
    return ", ".join(map(str, values))


def _shown_item(item: Any) -> str:
    if not isinstance(item, dict):
        return str(item)
    return ", ".join(
        f"{name} ({_shown_item(value)})" if isinstance(value, dict) else f"{name} {value}"
        for name, value in item.items()
    )
