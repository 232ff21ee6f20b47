"""Making the directory of a sweep, or finding that the one that stands there is of the same sweep."""

from __future__ import annotations

import contextlib
import dataclasses
import re
import shlex
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from charlstm.config import CorpusConfig, NewSymbols, Precision, PresetName, TrainingConfig
from charlstm.config_json import value_to_json
from charlstm.data.batches import longest_length
from charlstm.data.vocabulary import listed
from charlstm.errors import CharlstmError, DataError, ModelError, OptionError
from charlstm.experiments.fractions import Part, parts_of
from charlstm.experiments.paths import TRIALS, base_path, dataset_path
from charlstm.experiments.plan import subsets_of, trials_of
from charlstm.experiments.settings import check_settings
from charlstm.model.runtime import start_tensorflow
from charlstm.store import atomic
from charlstm.store.dataset_directory import Dataset, write_with_training_text
from charlstm.store.given_text import open_dataset
from charlstm.store.lock import LockedError
from charlstm.store.model_directory import Model, load_model, save_model
from charlstm.store.sweep_file import SWEEP, SweepBase, SweepFile, read_sweep, write_sweep
from charlstm.training.precision import choose_precision

# Between two looks at whether another process has made the directory.
WAIT_SECONDS = 0.5
# The fields of TrainingConfig that came later, as JSON: what they are where a sweep does not name them, but for what is
# chosen by size there.
USUAL = {
    field.name: value_to_json(field.default)
    for field in dataclasses.fields(TrainingConfig)
    if "added" in field.metadata and field.name != "weight_drop"
}


@dataclass(frozen=True)
class SweepOptions:
    """What a sweep compares and where it goes.

    Attributes:
        texts: one dataset directory, or the sources of a text; empty only when going on.
        bases: the model directories to start from; empty only when going on.
        out: the sweep's directory.
        overwrite: whether one that stands there is replaced.
        resume: whether one that stands there is gone on with.
        command: the command line.
        subsets: as in SweepFile.
        scratch: whether models are trained on the target alone, too.
        scratch_units: their units.
        scratch_layers: their LSTM layers.
        seeds: the random seeds of each trial are 1 to this.
        fractions: the parts of the training text.
        freeze_head: whether the softmax head of a base keeps its weights.
        new_symbols: what happens to symbols that a base never saw.
        preset: the table by which options that are not given are chosen.
        dropout: one value, or one a layer; None for a choice by size.
        training: fields of TrainingConfig for all trials; None or absent for a choice by size. The precision may be
            "auto".
        given: the names of options that the user gave, which must not change when going on.
    """

    texts: Sequence[str]
    bases: Sequence[Path]
    out: Path
    overwrite: bool
    resume: bool
    command: str
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
    training: Mapping[str, Any]
    given: Set[str]

    @property
    def is_begun(self) -> bool:
        """Whether there is a sweep to go on with."""
        return self.resume and (self.out / SWEEP).exists()


def begin_or_resume(options: SweepOptions) -> SweepFile:
    """Return the sweep in `options.out`, made new, or found there where it may be gone on with.

    Raises:
        CharlstmError: something stands there that may be neither replaced nor gone on with.
        DataError: the text cannot be used, or is not that of the sweep.
        ModelError: a base cannot be used, or is not that of the sweep.
        OptionError: options that do not fit together, or would change the sweep.
    """
    out = options.out
    if options.is_begun:
        return _found(options)
    if options.resume and out.exists():
        raise ModelError(f"{out} holds no {SWEEP}, so there is no sweep in it to go on with")
    if (out / SWEEP).exists() and not options.overwrite:
        raise OptionError(f"{out} holds a sweep: give --resume to go on with it, --overwrite, or another --out")
    atomic.refuse_existing(out, overwrite=options.overwrite)
    while True:
        try:
            return _made(options)
        except (CharlstmError, OSError) as problem:
            # Another process may have been a moment faster, or be making it just now.
            if options.is_begun:
                return _found(options)
            if not (options.resume and isinstance(problem, LockedError)):
                raise
        time.sleep(WAIT_SECONDS)


def _made(options: SweepOptions) -> SweepFile:
    models = [load_model(base) for base in options.bases]
    with _opened(options.texts) as dataset:
        _check_texts(dataset)
        for model in models:
            _check_symbols(dataset, model, options.new_symbols)
        start_tensorflow()  # here, or it would start by itself and not quietly
        # All machines that work on a sweep use the precision of the one that began it.
        precision = choose_precision(options.training["precision"], _longest_asked_for(options.training))
        sweep = _asked_for(options, dataset.fingerprint, _described(models), precision)
        parts = parts_of(dataset, sweep.fractions)
        networks = {base.label: model.config for base, model in zip(sweep.bases, models, strict=True)}
        characters = {fraction: len(part.ids) for fraction, part in parts.items()}
        documents = {fraction: len(part.starts) for fraction, part in parts.items()}
        check_settings(sweep, networks, trials_of(sweep), characters, documents)
        with atomic.new_directory(options.out, overwrite=options.overwrite) as directory:
            _fill(directory, sweep, dataset, parts, models)
    return sweep


def _longest_asked_for(training: Mapping[str, Any]) -> int:
    """Return the steps of the longest sequence that options ask for, 0 for the usual ones, which are never long."""
    return longest_length(training["sequence_length"] or 0, random_lengths=bool(training["random_lengths"]))


def _fill(
    directory: Path, sweep: SweepFile, dataset: Dataset, parts: Mapping[float, Part], models: Sequence[Model]
) -> None:
    """Write all that the trials need into a directory, so that nothing outside it matters any more."""
    for fraction, part in parts.items():
        write_with_training_text(dataset, part.ids, part.starts, dataset_path(directory, fraction))
    for base, model in zip(sweep.bases, models, strict=True):
        copy = base_path(directory, base.label)
        copy.mkdir(parents=True)
        save_model(
            copy,
            model.config,
            model.vocabulary,
            model.weights,
            training=model.training,
            dataset=model.dataset,
            lineage=model.lineage,
            result=model.result,
        )
    (directory / TRIALS).mkdir()
    write_sweep(directory, sweep)


def _found(options: SweepOptions) -> SweepFile:
    """Return the sweep that stands in `options.out`, if it is the one that is asked for, extended to more seeds."""
    out = options.out
    sweep = read_sweep(out)
    trials_of(sweep)
    if options.texts:
        with _opened(options.texts) as dataset:
            if dataset.fingerprint != sweep.fingerprint:
                raise DataError(
                    f"{' '.join(options.texts)} is not the text that the sweep in {out} was begun with "
                    f"({' '.join(sweep.texts)}): leave it out, or choose another --out"
                )
    if options.bases:
        named = [load_model(base).sha256 for base in options.bases]
        begun = [base.sha256 for base in sweep.bases]
        if named != begun:
            shown = ", ".join(base.path for base in sweep.bases)
            raise ModelError(
                f"{', '.join(map(str, options.bases))}: not the base models that the sweep in {out} was begun with "
                f"({shown}): leave them out, or choose another --out"
            )
    precision = options.training["precision"]
    if precision == "auto":
        precision = sweep.training["precision"]
    asked = _asked_for(options, sweep.fingerprint, sweep.bases, precision)
    before, now = ({**USUAL, **each.to_json(), **each.training} for each in (sweep, asked))
    for name in sorted(options.given):
        is_extended = name == "seeds" and asked.seeds > sweep.seeds
        if name == "subsets" and all(subsets_of(asked, base) == subsets_of(sweep, base) for base in sweep.bases):
            continue
        if not is_extended and before.get(name) != now.get(name):
            was = f"is {_shown(name, before[name])}" if before.get(name) is not None else "was chosen by size"
            option = "--" + name.replace("_", "-")
            raise OptionError(f"{option} would change the sweep, for which it {was}: leave it out beside --resume")
    if "seeds" in options.given and asked.seeds > sweep.seeds:
        sweep = replace(sweep, seeds=asked.seeds, command=_with_seeds(sweep.command, asked.seeds))
        write_sweep(out, sweep)
    return sweep


def _with_seeds(command: str, seeds: int) -> str:
    """Return the command of a sweep for so many random seeds."""
    parts = shlex.split(command)
    place = parts.index("--seeds") if "--seeds" in parts else len(parts)
    parts[place : place + 2] = ["--seeds", str(seeds)]
    return shlex.join(parts)


def _asked_for(
    options: SweepOptions, fingerprint: str, bases: tuple[SweepBase, ...], precision: Precision
) -> SweepFile:
    """Return the sweep that options ask for, each of their lists without repetition and in order."""
    given = {name: value_to_json(value) for name, value in options.training.items() if value is not None}
    # What is off goes without saying.
    training = {name: value for name, value in given.items() if name not in USUAL or value != USUAL[name]}
    return SweepFile(
        command=options.command,
        texts=tuple(options.texts),
        fingerprint=fingerprint,
        bases=bases,
        subsets=tuple(dict.fromkeys(options.subsets)),
        scratch=options.scratch,
        scratch_units=tuple(sorted(set(options.scratch_units))),
        scratch_layers=tuple(sorted(set(options.scratch_layers))),
        seeds=options.seeds,
        fractions=tuple(sorted({float(f"{each:.12g}") for each in options.fractions}, reverse=True)),
        freeze_head=options.freeze_head,
        new_symbols=options.new_symbols,
        preset=options.preset,
        dropout=options.dropout,
        training={**training, "precision": precision},
    )


@contextlib.contextmanager
def _opened(texts: Sequence[str]) -> Iterator[Dataset]:
    """Open the dataset directory that `texts` names, or make one of the texts for the time of the block."""
    with tempfile.TemporaryDirectory(prefix="charlstm-") as scratch:
        yield open_dataset(texts, CorpusConfig(), Path(scratch) / "dataset")


def _check_texts(dataset: Dataset) -> None:
    if dataset.vocabulary.level == "word":
        raise DataError(f"{dataset.path} is of words, but a sweep compares losses per character: give characters")
    for split, purpose in (("train", "learn from"), ("valid", "choose by"), ("test", "compare on")):
        if (count := len(dataset.splits[split])) < 2:
            raise DataError(
                f"{dataset.path} has {count} characters to {purpose} in its {split} split, but a sweep needs train, "
                "valid and test: charlstm preprocess --split makes them"
            )


def _check_symbols(dataset: Dataset, base: Model, new_symbols: NewSymbols) -> None:
    if base.vocabulary.level == "word":
        raise ModelError(f"{base.path} is of words, but a sweep compares losses per character: give other bases")
    if base.config.target_offset != 1:
        raise ModelError(
            f"{base.path} predicts what stands {base.config.target_offset} characters ahead (--target-offset), whose "
            "loss compares with no other: give bases that predict the next one"
        )
    new = [symbol for symbol in dataset.vocabulary.symbols if symbol not in base.vocabulary.ids]
    if new and new_symbols == "error":
        raise DataError(f"{dataset.path} has {len(new)} symbols that {base.path} never saw: {listed(new)}")


def _described(models: Sequence[Model]) -> tuple[SweepBase, ...]:
    bases: list[SweepBase] = []
    for model in models:
        if twice := [base.path for base in bases if base.sha256 == model.sha256]:
            raise OptionError(f"-m {model.path}: the same model as {twice[0]}: leave one of them out")
        label = plain = re.sub("[^A-Za-z0-9.-]+", "-", model.path.resolve().name)[:80].strip(".-") or "base"
        number = 2
        while label in [base.label for base in bases]:
            label, number = f"{plain}-{number}", number + 1
        bases.append(SweepBase(label, str(model.path), model.sha256, model.config.units))
    return tuple(bases)


def _shown(name: str, value: Any) -> str:
    between = ";" if name == "subsets" else ","
    return between.join(map(str, value)) if isinstance(value, list) else str(value)
