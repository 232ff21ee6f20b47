"""Checkpoints: step-N directories with everything that going on to the bit needs.

A checkpoint is written beside its place, synced, renamed, and then named by LATEST; a manifest holds the SHA-256 of
every file in it, so that what a crash or a bad disk left behind is recognised and an older checkpoint taken.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from charlstm.config import ModelConfig
from charlstm.errors import ModelError
from charlstm.store import atomic, json_file
from charlstm.store.history import Evaluation, read_history, write_history
from charlstm.store.model_directory import HISTORY, Weights, load_arrays, save_arrays, weight_shapes

CHECKPOINTS, LATEST = "checkpoints", "LATEST"
MANIFEST, POSITION = "manifest.json", "position.json"
CURRENT, BEST, SLOTS = "current.safetensors", "best.safetensors", "slots.safetensors"
FILES = (CURRENT, BEST, SLOTS, HISTORY, POSITION)
KEPT = 2
_NAME = re.compile(r"step-\d{12}")

Shapes = Mapping[str, tuple[int, ...]]
# From a position to the network of that moment, and name and shape of each of the slots.
FormOf = Callable[[Mapping[str, Any]], tuple[ModelConfig, Shapes]]


@dataclass(frozen=True)
class Checkpoint:
    """A moment of a training.

    Attributes:
        step: updates so far.
        weights: the network as it is.
        best: the network as it was at the best validation loss so far.
        slots: what the optimizer and the LSTM layers hold: float32 arrays by name.
        position: everything else that the next step depends on, as JSON.
        history: the evaluations so far.
    """

    step: int
    weights: Weights
    best: Weights
    slots: Mapping[str, NDArray[np.float32]]
    position: dict[str, Any]
    history: list[Evaluation]


def write_checkpoint(model: Path, checkpoint: Checkpoint, needed: int | None = None) -> None:
    """Add a checkpoint to a model directory, then remove all but it, the one before, and one that is needed.

    Args:
        model: the model directory.
        checkpoint: what to write.
        needed: the step of another checkpoint that stays.

    Raises:
        OSError: the disk is full or cannot be written; the earlier checkpoints stand.
    """
    parent = _checkpoints(model)
    name = _name_of(checkpoint.step)
    if not (parent / name / MANIFEST).exists():
        # What is no checkpoint any more stands in the way of one.
        shutil.rmtree(parent / name, ignore_errors=True)
    with atomic.new_directory(parent / name, overwrite=True) as directory:
        save_arrays(directory / CURRENT, checkpoint.weights)
        save_arrays(directory / BEST, checkpoint.best)
        save_arrays(directory / SLOTS, checkpoint.slots)
        write_history(directory / HISTORY, checkpoint.history)
        json_file.write_json(directory / POSITION, checkpoint.position)
        manifest = {file: json_file.sha256(directory / file) for file in FILES}
        json_file.write_json(directory / MANIFEST, {"format_version": 1, "step": checkpoint.step, "sha256": manifest})
    atomic.write_bytes(parent / LATEST, f"{name}\n".encode())
    found = _newest_first(parent)
    # Newer ones were damaged and passed over when the run was gone on with: they do not count among the last two.
    newer = [directory for directory in found if directory.name > name]
    for old in (*newer, *found[len(newer) + KEPT :]):
        if needed is None or old.name != _name_of(needed):
            shutil.rmtree(old, ignore_errors=True)


def load_checkpoint(model: Path, form_of: FormOf, warn: Callable[[str], None], until: int | None = None) -> Checkpoint:
    """Return the newest checkpoint that verifies.

    Args:
        model: the model directory.
        form_of: tells from a position which network it is of; may raise a ModelError.
        warn: is told of newer checkpoints that did not verify.
        until: the step up to which it may be; None for any.

    Raises:
        ModelError: there is none.
    """
    for directory in _newest_first(_checkpoints(model)):
        if until is not None and directory.name > _name_of(until):
            continue
        try:
            return _read(directory, form_of)
        except (ModelError, OSError) as problem:
            warn(f"{directory} is not used: {problem}")
    raise ModelError(f"{model} has no checkpoint that can be gone on from")


def newest_history(model: Path) -> list[Evaluation]:
    """Return the evaluations up to the newest checkpoint whose history verifies, without opening its arrays.

    Raises:
        ModelError: there is none.
    """
    for directory in _newest_first(_checkpoints(model)):
        try:
            _verify(directory / HISTORY, _read_manifest(directory)[1])
            return read_history(directory / HISTORY)
        except (ModelError, OSError):  # an older one may be whole
            continue
    raise ModelError(f"{model} has no checkpoint with a history that can be read")


def has_checkpoints(model: Path) -> bool:
    """Tell whether there is a checkpoint, good or not; a run may have been killed while it wrote the first.

    Raises:
        ModelError: what stands in their place is a link.
    """
    return bool(_newest_first(_checkpoints(model)))


def check_size(model: Path, config: ModelConfig) -> None:
    """Raise a ModelError unless a checkpoint can hold the weights of a network: before memory is taken for it."""
    files = [directory / CURRENT for directory in _newest_first(_checkpoints(model))]
    if not any(file.is_file() and file.stat().st_size >= 4 * config.parameters for file in files):
        raise ModelError(f"{model} has no checkpoint of {config.parameters:,} weights, as its run has")


def _read(directory: Path, form_of: FormOf) -> Checkpoint:
    step, hashes = _read_manifest(directory)
    for file in FILES:
        _verify(directory / file, hashes)
    position = json_file.read_json(directory / POSITION, ModelError)
    config, slot_shapes = form_of(position)
    return Checkpoint(
        step=step,
        weights=load_arrays(directory / CURRENT, weight_shapes(config)),
        best=load_arrays(directory / BEST, weight_shapes(config)),
        slots=load_arrays(directory / SLOTS, slot_shapes),
        position=position,
        history=read_history(directory / HISTORY),
    )


def _read_manifest(directory: Path) -> tuple[int, dict[str, Any]]:
    """Return the step of a checkpoint and the SHA-256 of its files by their names."""
    manifest = json_file.read_json(directory / MANIFEST, ModelError)
    step, hashes = manifest.get("step"), manifest.get("sha256")
    if set(manifest) != {"format_version", "step", "sha256"} or type(manifest["format_version"]) is not int:
        raise ModelError(f"{directory / MANIFEST} is of another form than this program writes")
    if manifest["format_version"] != 1:
        raise ModelError(f"{directory / MANIFEST} is of another form than this program writes")
    if type(step) is not int or directory.name != _name_of(step) or not isinstance(hashes, dict):
        raise ModelError(f"{directory / MANIFEST} does not fit its directory")
    return step, hashes


def _verify(path: Path, hashes: Mapping[str, Any]) -> None:
    """Raise a ModelError unless a file is as it was when the checkpoint was written."""
    if path.is_symlink() or not path.is_file():
        raise ModelError(f"{path} is missing or not a regular file")
    if json_file.sha256(path) != hashes.get(path.name):
        raise ModelError(f"{path} was changed or damaged: its SHA-256 is not the recorded one")


def _checkpoints(model: Path) -> Path:
    """Return where the checkpoints of a model stand; what a link there names is nothing of its own."""
    parent = model / CHECKPOINTS
    if parent.is_symlink():
        raise ModelError(f"{parent} is a link; a directory's checkpoints must be its own")
    return parent


def _name_of(step: int) -> str:
    return f"step-{step:012}"


def _newest_first(parent: Path) -> list[Path]:
    if not parent.is_dir():
        return []
    return sorted(
        (path for path in parent.iterdir() if _NAME.fullmatch(path.name) and not path.is_symlink()), reverse=True
    )
