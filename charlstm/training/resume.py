"""What must hold before a run is gone on with."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from charlstm.errors import DataError, OptionError
from charlstm.store import json_file
from charlstm.store.dataset_directory import Dataset
from charlstm.store.model_directory import DATASET
from charlstm.store.run_file import RunFile


def extended_run(run: RunFile, texts: Sequence[str], given: Mapping[str, Any]) -> RunFile:
    """Return the run with the options that extend it; all other options must be what they were.

    Args:
        run: the run as it was asked for.
        texts: the texts that are named now; none means the same.
        given: the options that are given now, by their names in TrainingConfig, or as in `RunFile.given`.

    Raises:
        OptionError: an option would change the run; the sentence names it.
    """
    if texts and list(texts) != run.texts:
        raise OptionError(f"--resume goes on with {' '.join(run.texts)}, not {' '.join(texts)}: leave the texts out")
    training = run.training
    model = run.model.to_json()
    kept = {name: model[name] for name in ("embedding", "tie_weights", "target_offset")}
    effective = {**training.to_json(), **kept, "layers": run.model.layers, **run.given}
    for name, value in given.items():
        option = "--" + name.replace("_", "-")
        if name in ("epochs", "max_minutes"):
            before = getattr(training, name)
            if before is None or value < before:
                has = "no limit" if before is None else f"{before:g}"
                raise OptionError(f"{option} {value:g} would shorten the run, which has {has}: leave it out")
            training = replace(training, **{name: value})
        elif name not in effective or effective[name] != value:
            was = f"is {effective[name]}" if name in effective else "was left open"
            raise OptionError(f"{option} would change the run, for which it {was}: leave it out beside --resume")
    return replace(run, training=training)


def check_unchanged(run: RunFile, dataset: Dataset, out: Path) -> None:
    """Raise a DataError where the dataset, or a text that it was made of for the run, is not what it was.

    Args:
        run: what was asked for.
        dataset: the dataset, opened.
        out: the run's directory.
    """
    if dataset.fingerprint != run.dataset.get("fingerprint"):
        raise DataError(f"{dataset.path} is not the dataset that the run began with: begin a new run")
    if run.dataset["path"] != DATASET:
        return
    for source in dataset.summary["sources"]:
        path = Path(source["name"])
        if isinstance(folder := run.dataset.get("sources_from"), str):
            path = Path(os.path.relpath(out.resolve() / folder / path))
        if path.is_file() and json_file.sha256(path) != source["sha256"]:
            raise DataError(f"{path} has changed since the run began: begin a new run, or put the old text back")
