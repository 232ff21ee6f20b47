"""The model directory: config.json, vocabulary.json, model.safetensors, history.csv.

`config.json` is written last and holds the SHA-256 of the others as they are then, so that a directory
whose vocabulary and weights fit it is a whole model; the history goes on where a run is extended.  Where it replaces
another, the new one first stands beside it as `.config.json.next`: whichever of the two fits the weights is
the one that counts.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save, save_file

from charlstm.config import ModelConfig
from charlstm.config_json import check_version
from charlstm.data.vocabulary import Vocabulary
from charlstm.errors import DataError, ModelError, OptionError, reading
from charlstm.store import atomic, json_file

FORMAT_VERSION = 1
CONFIG, VOCABULARY, WEIGHTS, HISTORY = "config.json", "vocabulary.json", "model.safetensors", "history.csv"
NEXT_CONFIG = ".config.json.next"
# The dataset that a run makes of texts stands in the model directory.
DATASET = "dataset"
# No network that has learned anything comes near it; and what is computed from weights up to it stays finite.
LARGEST_WEIGHT = 1e6
KEYS = ("format_version", "model", "training", "dataset", "lineage", "result", "sha256")

Weights = Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Model:
    """A trained network and what is known of it.

    Attributes:
        path: the model directory.
        config: the network.
        vocabulary: symbol of each id.
        weights: name -> array, as in `weight_shapes`.
        training: the training options, as JSON.
        dataset: a summary of the text that it was trained on, as JSON.
        lineage: the models that it descends from, the oldest first, as JSON: path, sha256 and what was retrained.
        result: losses and counts of the training, as JSON.
        sha256: of the weights file: the model's name for others.
    """

    path: Path
    config: ModelConfig
    vocabulary: Vocabulary
    weights: Weights
    training: dict[str, Any]
    dataset: dict[str, Any]
    lineage: list[dict[str, Any]]
    result: dict[str, Any]
    sha256: str


def weight_shapes(config: ModelConfig) -> dict[str, tuple[int, ...]]:
    """Return the name and shape of every weight, from the bottom to the head.

    Layer l has `lstm_l/kernel` (D, 4H), `lstm_l/recurrent_kernel` (H, 4H) and `lstm_l/bias` (4H,), gates in the
    order i, f, g, o as in keras.layers.LSTM; the head has `head/kernel` (H, V) and `head/bias` (V,).  Below the layers
    may be an `embedding/table` (V, E); where weights are tied, it stands for `head/kernel` too.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    inputs = config.vocabulary_size
    if config.embedding:
        shapes["embedding/table"] = (inputs, config.embedding)
        inputs = config.embedding
    for layer, units in enumerate(config.units):
        shapes[f"lstm_{layer}/kernel"] = (inputs, 4 * units)
        shapes[f"lstm_{layer}/recurrent_kernel"] = (units, 4 * units)
        shapes[f"lstm_{layer}/bias"] = (4 * units,)
        inputs = units
    if not config.tie_weights:
        shapes["head/kernel"] = (inputs, config.vocabulary_size)
    shapes["head/bias"] = (config.vocabulary_size,)
    return shapes


def save_model(
    path: Path,
    config: ModelConfig,
    vocabulary: Vocabulary,
    weights: Weights,
    *,
    training: dict[str, Any],
    dataset: dict[str, Any],
    lineage: list[dict[str, Any]],
    result: dict[str, Any],
) -> None:
    """Write a model into the existing directory `path`, whose history.csv is taken as it stands.

    A model that stood there before can be opened until the new one can.
    """
    contents = {
        VOCABULARY: json_file.encode_json(vocabulary.to_json()),
        WEIGHTS: save(_contiguous({name: weights[name] for name in weight_shapes(config)})),
    }
    if (path / HISTORY).exists():
        contents[HISTORY] = (path / HISTORY).read_bytes()
    document = {
        "format_version": FORMAT_VERSION,
        "model": config.to_json(),
        "training": training,
        "dataset": dataset,
        "lineage": lineage,
        "result": result,
        "sha256": {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()},
    }
    json_file.write_json(path / NEXT_CONFIG, document)
    atomic.write_bytes(path / VOCABULARY, contents[VOCABULARY])
    atomic.write_bytes(path / WEIGHTS, contents[WEIGHTS])
    os.replace(path / NEXT_CONFIG, path / CONFIG)
    atomic.sync_directory(path)


def load_model(path: Path) -> Model:
    """Open a model directory, checking all that it takes from it.

    Raises:
        ModelError: no directory, a dataset directory, an unfinished run, a file that is missing, a link,
            changed after it was written, of an unknown version, or that does not fit the configuration.
    """
    document = read_config(path)
    try:
        config = ModelConfig.from_json(document["model"])
    except OptionError as problem:
        raise ModelError(f"{path / CONFIG}: {problem}") from None
    for name in (VOCABULARY, WEIGHTS):
        if _sha256_of(path / name) != document["sha256"][name]:
            raise ModelError(f"{path / name} is damaged or was changed: its SHA-256 is not the one in {CONFIG}")
    vocabulary = Vocabulary.from_json(json_file.read_json(path / VOCABULARY, ModelError), ModelError)
    if len(vocabulary) != config.vocabulary_size:
        raise ModelError(
            f"{path / VOCABULARY} has {len(vocabulary)} symbols, but {CONFIG} says {config.vocabulary_size}"
        )
    weights = load_arrays(path / WEIGHTS, weight_shapes(config))
    if not are_usable(weights):
        raise ModelError(f"{path / WEIGHTS} holds a weight beyond ±{LARGEST_WEIGHT:g}, as no trained network has")
    return Model(
        path=path,
        config=config,
        vocabulary=vocabulary,
        weights=weights,
        training=document["training"],
        dataset=document["dataset"],
        lineage=document["lineage"],
        result=document["result"],
        sha256=document["sha256"][WEIGHTS],
    )


def are_usable(weights: Weights) -> bool:
    """Tell whether all weights are finite, and small enough for all that is computed from them to be so too."""
    return all(bool((np.abs(array) <= LARGEST_WEIGHT).all()) for array in weights.values())


def dataset_of(model: Model, instead: str = "a DATASET or TEXT") -> Path:
    """Return the dataset that stands in a model directory.

    Args:
        model: the model.
        instead: what to name where there is none.

    Raises:
        DataError: there is none; a path that leads out of the directory is not followed.
    """
    path = model.path / DATASET
    if path.is_symlink() or not (path / "dataset.json").exists():
        raise DataError(f"{model.path} holds no dataset of its own: name {instead}")
    return path


def read_config(path: Path) -> dict[str, Any]:
    """Return the checked config.json of a model directory, without opening the weights."""
    with reading(path, ModelError):
        _check_is_model(path)
    document = _read_config(path / CONFIG)
    if os.path.lexists(path / NEXT_CONFIG):  # the writer was interrupted between two of its files
        following = _read_config(path / NEXT_CONFIG)
        if following["sha256"][WEIGHTS] == _sha256_of(path / WEIGHTS):
            return following
    return document


def _read_config(path: Path) -> dict[str, Any]:
    document = json_file.read_json(path, ModelError)
    check_version(document, FORMAT_VERSION, str(path), ModelError)
    if set(document) != set(KEYS):
        wrong = sorted(set(document) ^ set(KEYS))[0]
        raise ModelError(f"{path} {'lacks' if wrong in KEYS else 'has'} the {_kind(wrong)} {wrong[:60]!r}")
    for key in ("model", "training", "dataset", "result", "sha256"):
        if not isinstance(document[key], dict):
            raise ModelError(f"{path}: {key!r} must be an object")
    lineage = document["lineage"]
    if not isinstance(lineage, list) or not all(isinstance(ancestor, dict) for ancestor in lineage):
        raise ModelError(f"{path}: 'lineage' must be a list of objects")
    for name in (VOCABULARY, WEIGHTS):
        if not isinstance(document["sha256"].get(name), str):
            raise ModelError(f"{path}: 'sha256' lacks {name!r}")
    return document


def save_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write named arrays to a safetensors file, straight from where they are in memory.

    What a killed writer leaves behind has a name of the library's: for directories that are being made.

    Raises:
        OSError: the disk is full or cannot be written.
    """
    try:
        save_file(_contiguous(arrays), path)
    except SafetensorError as problem:
        number = re.search(r"\(os error (\d+)\)", str(problem))
        code = int(number[1]) if number else errno.EIO
        raise OSError(code, os.strerror(code), str(path)) from problem
    atomic.make_readable(path)


def _contiguous(arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    return {name: np.ascontiguousarray(array) for name, array in arrays.items()}


def load_arrays(path: Path, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, NDArray[np.float32]]:
    """Read the float32 arrays of a safetensors file.

    Args:
        path: the file.
        shapes: the names and shapes that must be in it, no more and no fewer; checked before anything is read.

    Raises:
        ModelError: missing, a link, no safetensors file, other names, shapes or types, or a value that is not finite.
    """
    if path.is_symlink() or not path.is_file():
        raise ModelError(f"{path} is {'missing' if not path.exists() else 'not a regular file'}")
    arrays = {}
    try:
        with safe_open(path, framework="numpy") as file:
            names = set(file.keys())
            if names != set(shapes):
                wrong = sorted(names ^ set(shapes))[0]
                raise ModelError(f"{path} {'lacks' if wrong in shapes else 'has an unexpected'} array {wrong[:60]!r}")
            for name, shape in shapes.items():
                found = file.get_slice(name)
                if tuple(found.get_shape()) != shape or found.get_dtype() != "F32":
                    got = f"{found.get_dtype()} {tuple(found.get_shape())}"
                    raise ModelError(f"{path}: {name!r} is {got}, not F32 {shape}")
            for name in shapes:
                arrays[name] = file.get_tensor(name)
    except SafetensorError as problem:
        raise ModelError(f"{path} is damaged: {problem}") from None
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise ModelError(f"{path}: {name!r} holds a value that is not finite")
    return arrays


def _sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file of the directory's own."""
    with reading(path, ModelError):
        if path.is_symlink() or not path.is_file():
            raise ModelError(f"{path} is {'missing' if not path.exists() else 'not a regular file'}")
        return json_file.sha256(path)


def _check_is_model(path: Path) -> None:
    if not path.exists():
        raise ModelError(f"{path} does not exist: give a model directory, made by charlstm pretrain or transfer")
    if not path.is_dir():
        raise ModelError(f"{path} is a file: give a model directory, made by charlstm pretrain or transfer")
    if (path / CONFIG).exists():
        return
    if (path / "dataset.json").exists():
        raise ModelError(f"{path} is a dataset, not a model: train one from it with charlstm pretrain {path}")
    raise ModelError(f"{path} holds no {CONFIG}, so it is no finished model")


def _kind(key: str) -> str:
    return "key" if key in KEYS else "unknown key"
