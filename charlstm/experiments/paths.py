"""Where in the directory of a sweep everything stands."""

from __future__ import annotations

from pathlib import Path

from charlstm.experiments.plan import Trial, fraction_name
from charlstm.store.trial_result import RESULT

TRIALS = "trials"


def dataset_path(out: Path, fraction: float) -> Path:
    """Return where a part of the training text stands as a dataset, with the whole validation and test texts."""
    return out / "datasets" / fraction_name(fraction)


def base_path(out: Path, label: str) -> Path:
    """Return where a copy of a base model stands."""
    return out / "bases" / label


def trial_path(out: Path, trial: Trial) -> Path:
    """Return the directory of a trial."""
    return out / TRIALS / trial.name


def model_path(out: Path, trial: Trial) -> Path:
    """Return the model directory of a trial that trains."""
    return trial_path(out, trial) / "model"


def is_finished(out: Path, trial: Trial) -> bool:
    """Tell whether a trial needs to be run no more."""
    return (trial_path(out, trial) / RESULT).exists()
