"""run.json: what a run in a model directory was asked to do, so that it can be gone on with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from charlstm.config import ModelConfig, TrainingConfig, TransferConfig
from charlstm.config_json import added, check_version, misfit_of_keys
from charlstm.errors import ModelError, OptionError
from charlstm.store import json_file
from charlstm.store.model_directory import weight_shapes

RUN = "run.json"
FORMAT_VERSION = 1
Command = Literal["pretrain", "transfer"]


@dataclass(frozen=True)
class RunFile:
    """A run as it was asked for.

    Attributes:
        command: what it does.
        given: the options that were given by name, as JSON.
        texts: the dataset directory or the texts as they were named.
        dataset: what config.json says of the dataset: path, fingerprint, summary.
        model: the network.
        training: how it is trained.
        base: the model directory that it starts from, by a name of its own; None when pretraining.
        transfer: what is retrained; None when pretraining.
        trained: the names of the weights that change.
        new_symbols: how many symbols at the end of the vocabulary are trained even in frozen weights.
        lineage: the models that it descends from.
        new_symbols_read: whether that holds for the weights too that symbols are read by.
    """

    command: Command
    given: dict[str, Any]
    texts: list[str]
    dataset: dict[str, Any]
    model: ModelConfig
    training: TrainingConfig
    base: str | None
    transfer: TransferConfig | None
    trained: list[str]
    new_symbols: int
    lineage: list[dict[str, Any]]
    new_symbols_read: bool = added(True)


def write_run(directory: Path, run: RunFile) -> None:
    """Write run.json into a directory."""
    document = {
        "format_version": FORMAT_VERSION,
        **vars(run),
        "model": run.model.to_json(),
        "training": run.training.to_json(),
        "transfer": None if run.transfer is None else run.transfer.to_json(),
    }
    json_file.write_json(directory / RUN, document)


def read_run(directory: Path) -> RunFile:
    """Read run.json, checking all of it.

    Raises:
        ModelError: it is missing or not of the form that `write_run` gives.
    """
    path = directory / RUN
    document = json_file.read_json(path, ModelError)
    check_version(document, FORMAT_VERSION, str(path), ModelError)
    del document["format_version"]
    if (misfit := misfit_of_keys(RunFile, document)) is not None:
        raise ModelError(f"{path} {misfit}")
    try:
        document["model"] = ModelConfig.from_json(document["model"])
        document["training"] = TrainingConfig.from_json(document["training"])
        if document["transfer"] is not None:
            document["transfer"] = TransferConfig.from_json(document["transfer"])
    except OptionError as problem:
        raise ModelError(f"{path}: {problem}") from None
    run = RunFile(**document)
    if (misfit := _misfit(run)) is not None:
        raise ModelError(f"{path}: the value of {misfit!r} cannot be used")
    return run


def _misfit(run: RunFile) -> str | None:
    """Return the name of a value that is not of its type or range, None where all are."""
    size = run.model.vocabulary_size
    names = weight_shapes(run.model)
    checks = {
        "command": run.command in get_args(Command),
        "given": isinstance(run.given, dict),
        "texts": _is_list_of(run.texts, str),
        "dataset": isinstance(run.dataset, dict) and isinstance(run.dataset.get("path"), str),
        "base": run.base is None if run.command == "pretrain" else isinstance(run.base, str),
        "transfer": (run.transfer is None) == (run.command == "pretrain"),
        "trained": _is_list_of(run.trained, str) and set(run.trained) <= set(names),
        "new_symbols": type(run.new_symbols) is int and 0 <= run.new_symbols <= size,
        "new_symbols_read": isinstance(run.new_symbols_read, bool),
        "lineage": _is_list_of(run.lineage, dict) and (run.base is None or len(run.lineage) > 0),
    }
    return next((name for name, holds in checks.items() if not holds), None)


def _is_list_of(value: Any, kind: type) -> bool:
    return isinstance(value, list) and all(isinstance(item, kind) for item in value)
