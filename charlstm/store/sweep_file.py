"""sweep.json: what a sweep was asked to compare, from which its trials follow."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from charlstm.config import MAX_LAYERS, MAX_UNITS, ModelConfig, NewSymbols, PresetName, TrainingConfig
from charlstm.config_json import Config, check_version
from charlstm.errors import ModelError, OptionError
from charlstm.store import json_file

SWEEP = "sweep.json"
FORMAT_VERSION = 1

# Bounds on what is worth comparing; a file from a stranger keeps to them too.
MAX_BASES, MAX_SUBSETS, MAX_FRACTIONS, MAX_SEEDS, MAX_SIZES, MAX_TRIALS = 20, 500, 50, 10_000, 50, 100_000
EVERY_SUBSET = "every"
# 2^8 subsets are as many as anyone will wait for.
MOST_LAYERS_FOR_EVERY_SUBSET = 8
_SUBSET = re.compile(r"\d{1,3}(,\d{1,3})*|none|all|untouched", re.ASCII)

# Stands in for the options that are chosen for each trial, to check those that are given for all of them.
_TEMPLATE = TrainingConfig(1, 1, 1, None, 1.0, "constant", 0, "adam", 0.0, 0, 1, "float32", 0.0)


@dataclass(frozen=True)
class SweepBase(Config):
    """A base model of a sweep, of which a copy stands in bases/<label>.

    Attributes:
        label: its name within the sweep: letters, digits, dots and dashes.
        path: the model directory as it was named.
        sha256: of its weights.
        units: of its LSTM layers, from the bottom.
    """

    label: str
    path: str
    sha256: str
    units: tuple[int, ...]

    def __post_init__(self) -> None:
        ModelConfig(1, self.units, (0.0,) * len(self.units))


@dataclass(frozen=True)
class SweepFile(Config):
    """A sweep as it was asked for.

    Attributes:
        command: the command line.
        texts: the dataset directory or the texts as they were named.
        fingerprint: of the dataset.
        bases: the models that are carried over.
        subsets: what is retrained: layers such as "0,2", "none" for the head only, "all", "untouched" for the base as
            it is; or "every" alone for all of that.
        scratch: whether models are trained on the target alone, too.
        scratch_units: their units.
        scratch_layers: their LSTM layers.
        seeds: the random seeds of each trial are 1 to this.
        fractions: the parts of the training text, each above 0 and at most 1.
        freeze_head: whether the softmax head of a base keeps its weights.
        new_symbols: what happens to symbols that a base never saw.
        preset: the table by which options that are not given are chosen.
        dropout: one value, or one a layer; None for a choice by size.
        training: fields of TrainingConfig that are given for all trials, as JSON; the precision always is.
    """

    command: str
    texts: tuple[str, ...]
    fingerprint: str
    bases: tuple[SweepBase, ...]
    subsets: tuple[str, ...]
    scratch: bool
    scratch_units: tuple[int, ...]
    scratch_layers: tuple[int, ...]
    seeds: int
    fractions: tuple[float, ...]
    freeze_head: bool
    new_symbols: NewSymbols
    preset: PresetName
    dropout: tuple[float, ...] | None
    training: dict[str, Any]

    def __post_init__(self) -> None:
        _check_count("model", len(self.bases), MAX_BASES)
        _check_count("subsets", len(self.subsets), MAX_SUBSETS)
        _check_count("fractions", len(self.fractions), MAX_FRACTIONS)
        if not 1 <= self.seeds <= MAX_SEEDS:
            raise OptionError(f"--seeds {self.seeds}: must be between 1 and {MAX_SEEDS:,}")
        for fraction in self.fractions:
            if not 0 < fraction <= 1:
                raise OptionError(f"--fractions {fraction:g}: must be above 0 and at most 1")
        for option, values, most in (
            ("scratch-units", self.scratch_units, MAX_UNITS),
            ("scratch-layers", self.scratch_layers, MAX_LAYERS),
        ):
            _check_count(option, len(values), MAX_SIZES)
            if wrong := [value for value in values if not 1 <= value <= most]:
                raise OptionError(f"--{option} {wrong[0]}: must be between 1 and {most:,}")
        if len(self.subsets) > 1 or self.subsets != (EVERY_SUBSET,):
            for subset in self.subsets:
                if not _SUBSET.fullmatch(subset):
                    raise OptionError(
                        f"--subsets {subset[:60]!r}: wants layer numbers such as 0,2, or none, all or untouched; "
                        "several with a semicolon between them"
                    )
        if (trials := self._most_trials()) > MAX_TRIALS:
            raise OptionError(f"--seeds {self.seeds} makes {trials:,} trials in all; at most {MAX_TRIALS:,} are run")
        if "precision" not in self.training:
            raise OptionError("'training' lacks the key 'precision'")
        replace(_TEMPLATE, **TrainingConfig.values_from_json(self.training))

    def _most_trials(self) -> int:
        """Return how many trials there are; there are fewer where several names are of one subset.

        An untouched base has one trial alone.  One with too many layers for every subset is refused elsewhere.
        """
        bases = len(self.bases)
        if self.subsets == (EVERY_SUBSET,):
            subsets: int = sum(2 ** min(len(base.units), MOST_LAYERS_FOR_EVERY_SUBSET) for base in self.bases)
            retrained, untouched = subsets - (bases if self.freeze_head else 0), bases
        else:
            retrained = bases * sum(subset != "untouched" for subset in self.subsets)
            untouched = bases if "untouched" in self.subsets else 0
        sizes = len(self.scratch_units) * len(self.scratch_layers) if self.scratch else 0
        return untouched + (retrained + sizes) * len(self.fractions) * self.seeds


def write_sweep(directory: Path, sweep: SweepFile) -> None:
    """Write sweep.json into a directory."""
    json_file.write_json(directory / SWEEP, {"format_version": FORMAT_VERSION, **sweep.to_json()})


def read_sweep(directory: Path) -> SweepFile:
    """Read sweep.json, checking all of it.

    Raises:
        ModelError: it is missing or not of the form that `write_sweep` gives.
    """
    path = directory / SWEEP
    document = json_file.read_json(path, ModelError)
    check_version(document, FORMAT_VERSION, str(path), ModelError)
    del document["format_version"]
    try:
        sweep = SweepFile.from_json(document)
    except OptionError as problem:
        raise ModelError(f"{path}: {problem}") from None
    try:
        shlex.split(sweep.command)
    except ValueError:
        raise ModelError(f"{path}: the value of 'command' is no command line: a quotation mark stands alone") from None
    labels = [base.label for base in sweep.bases]
    if len(set(labels)) < len(labels) or not all(map(is_label, labels)):
        raise ModelError(f"{path}: the labels of 'bases' must be different names of letters, digits, dots and dashes")
    return sweep


def is_label(name: str) -> bool:
    """Tell whether a name can be that of a directory and a part of a trial's name."""
    plain = name.replace("-", "").replace(".", "")
    return plain.isascii() and plain.isalnum() and len(name) <= 100 and name[0] not in ".-"


def _check_count(option: str, count: int, most: int) -> None:
    if not 1 <= count <= most:
        raise OptionError(f"--{option}: {count:,} values were given, but it takes 1 to {most:,}")
