"""Frozen dataclasses that say everything about a corpus, a model, a training, a transfer and a sampling.

Each is validated when it is built (an OptionError names the option and the value) and goes to and from
plain JSON; a JSON object with an unknown key, a missing key or a value of another type is refused.  Only a field that
is declared with `added` may be missing: files were written before it came.
"""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, Self, TypeVar

from charlstm.errors import OptionError

MAX_LAYERS = 64
MAX_UNITS = 65_536
MAX_COUNT = 1_000_000_000

Normalize = Literal["nfc", "nfkc", "ascii", "none"]
Unknown = Literal["drop", "symbol"]
Documents = Literal["file", "blank-lines", "line", "row"]
SplitBy = Literal["auto", "document", "position"]
Split = Literal["train", "valid", "test"]
Batching = Literal["stream", "documents"]
ScheduleName = Literal["constant", "cosine"]
OptimizerName = Literal["adam", "rmsprop", "sgd"]
Precision = Literal["float32", "bfloat16"]
NewSymbols = Literal["extend", "drop", "error"]
PresetName = Literal["default", "fast", "quality"]

Value = TypeVar("Value")


def added(default: Value) -> Value:
    """Declare a field of a dataclass that came later: where JSON lacks its key, it has its default.

    Args:
        default: what the field stands for in files that were written before there was a choice.
    """
    return dataclasses.field(default=default, metadata={"added": True})


def misfit_of_keys(kind: type, keys: Iterable[str]) -> str | None:
    """Return what is wrong with the keys of a JSON object that holds a dataclass, None where they fit its fields."""
    given, fields = set(keys), dataclasses.fields(kind)
    if unknown := sorted(given - {field.name for field in fields}):
        return f"has the unknown key {unknown[0][:60]!r}"
    missing = [field.name for field in fields if field.name not in given and "added" not in field.metadata]
    return f"lacks the key {missing[0]!r}" if missing else None


class Config:
    """What all configurations share: strict JSON in, JSON out."""

    def to_json(self) -> dict[str, Any]:
        """Return the fields as a JSON object; tuples become lists."""
        return {field.name: _to_json(getattr(self, field.name)) for field in dataclasses.fields(self)}  # type: ignore[arg-type]

    @classmethod
    def from_json(cls, document: Any) -> Self:
        """Build from a JSON object.

        Raises:
            OptionError: not an object, an unknown or missing key, a value of another type or out of range.
        """
        if not isinstance(document, dict):
            raise OptionError(f"{cls.__name__} must be an object, not {type(document).__name__}")
        if (misfit := misfit_of_keys(cls, document)) is not None:
            raise OptionError(f"{cls.__name__} {misfit}")
        return cls(**cls.values_from_json(document))

    @classmethod
    def values_from_json(cls, document: dict[str, Any]) -> dict[str, Any]:
        """Return the values of some of the fields from a JSON object, each of its type.

        Raises:
            OptionError: an unknown key, or a value of another type.
        """
        hints = typing.get_type_hints(cls)
        if unknown := sorted(set(document) - set(hints)):
            raise OptionError(f"{cls.__name__} has the unknown key {unknown[0][:60]!r}")
        return {name: _from_json(value, hints[name], name) for name, value in document.items()}


@dataclass(frozen=True)
class CorpusConfig(Config):
    """How text becomes a dataset.

    Attributes:
        encoding: a Python codec name; "utf-8" is strict and swallows a byte order mark.
        normalize: the Unicode normal form; "ascii" folds to the nearest ASCII text.
        lowercase: whether all text is lower-cased.
        keep: the symbols to keep; None keeps all.
        min_count: symbols that occur less often are left out; 1 keeps all.
        unknown: what is left out is dropped, or becomes the unknown symbol.
        keep_boilerplate: whether Project Gutenberg's licence header and footer stay.
        documents: what one document is.
        document_delimiter: text that stands between documents, instead of `documents`.
        column: the column (CSV, TSV) or key (JSONL) that holds the text.
        where: (column, value) pairs that a row must match.
        split: the shares of train, valid and test; they add up to 1.
        split_by: whole documents, shuffled, or positions in the text in order.
        random_seed: for the shuffle.
    """

    encoding: str = "utf-8"
    normalize: Normalize = "nfc"
    lowercase: bool = False
    keep: str | None = None
    min_count: int = 1
    unknown: Unknown = "drop"
    keep_boilerplate: bool = False
    documents: Documents = "file"
    document_delimiter: str | None = None
    column: str | None = None
    where: tuple[tuple[str, str], ...] = ()
    split: tuple[float, ...] = (0.8, 0.1, 0.1)
    split_by: SplitBy = "auto"
    random_seed: int = 1

    def __post_init__(self) -> None:
        if self.keep is not None and self.min_count > 1:
            raise OptionError("--keep and --min-count both limit the symbols: give one of them")
        _check(self.keep is None or len(self.keep) > 0, "keep", self.keep, "needs at least one symbol")
        _check(self.min_count >= 1, "min-count", self.min_count, "must be 1 or more")
        _check(self.document_delimiter != "", "document-delimiter", "''", "must not be empty")
        shares = ",".join(f"{share:g}" for share in self.split)
        _check(len(self.split) == 3, "split", shares, "needs three shares: train, valid, test")
        _check(all(0 <= share <= 1 for share in self.split), "split", shares, "needs shares between 0 and 1")
        total = sum(self.split)
        _check(math.isclose(total, 1, abs_tol=1e-6), "split", shares, f"must add up to 1, not {total:g}")
        _check(self.split[0] > 0, "split", shares, "leaves nothing to train on")
        _check_random_seed(self.random_seed)


@dataclass(frozen=True)
class ModelConfig(Config):
    """The network: one-hot symbols, a stack of LSTM layers, a softmax head.

    Attributes:
        vocabulary_size: the number of symbols V, of the input and of the head.
        units: the units H of each layer, from the bottom.
        dropout: the share of each layer's outputs that is dropped in training, from the bottom; 0 disables.
    """

    vocabulary_size: int
    units: tuple[int, ...]
    dropout: tuple[float, ...]

    def __post_init__(self) -> None:
        _check(self.vocabulary_size >= 1, "vocabulary-size", self.vocabulary_size, "must be 1 or more")
        _check(1 <= len(self.units) <= MAX_LAYERS, "layers", len(self.units), f"must be between 1 and {MAX_LAYERS}")
        for units in self.units:
            _check(1 <= units <= MAX_UNITS, "units", units, f"must be between 1 and {MAX_UNITS:,}")
        given = ",".join(f"{rate:g}" for rate in self.dropout)
        wants = f"needs one value, or one for each of the {len(self.units)} layers"
        _check(len(self.dropout) == len(self.units), "dropout", given, wants)
        _check(all(0 <= rate < 1 for rate in self.dropout), "dropout", given, "must be at least 0 and below 1")

    @property
    def layers(self) -> int:
        """The number of LSTM layers L."""
        return len(self.units)

    @property
    def parameters(self) -> int:
        """The number of weights, all layers and the head."""
        below = (self.vocabulary_size, *self.units)
        lstm = sum(4 * units * (inputs + units + 1) for inputs, units in zip(below, self.units, strict=False))
        return lstm + (self.units[-1] + 1) * self.vocabulary_size


@dataclass(frozen=True)
class TrainingConfig(Config):
    """How a network is trained.

    Attributes:
        batch_size: the number B of streams, or documents, that are read beside each other.
        sequence_length: the steps T between two updates, over which the gradient flows.
        epochs: how often the training text is read, at most.
        max_minutes: the minutes of training after which it ends; None for no limit.
        learning_rate: the highest rate of the schedule.
        schedule: the rate's course after the warm-up: flat, or half a cosine down to zero.
        warmup_steps: updates in which the rate rises from 0 to `learning_rate`.
        optimizer: the update rule.
        clip_norm: the largest global norm of the gradient; 0 disables.
        patience: evaluations without a new best validation loss after which training ends; 0 disables.
        random_seed: for the first weights, dropout and the order of the text.
        precision: the number format of the large matrix products.
        frozen_cache_gb: the disk space, in GiB, that outputs of frozen layers may take to be computed only once; 0
            disables, as it must where documents are read one by one.
        batching: what the rows of a batch are: long streams of text, in which the state goes on from document to
            document, or whole documents, each from a zero state.  Validation and test losses are those of one stream
            in either case, so that all runs compare.
    """

    batch_size: int
    sequence_length: int
    epochs: int
    max_minutes: float | None
    learning_rate: float
    schedule: ScheduleName
    warmup_steps: int
    optimizer: OptimizerName
    clip_norm: float
    patience: int
    random_seed: int
    precision: Precision
    frozen_cache_gb: float
    batching: Batching = added("stream")

    def __post_init__(self) -> None:
        _check(1 <= self.batch_size <= 65_536, "batch-size", self.batch_size, "must be between 1 and 65,536")
        steps = self.sequence_length
        _check(1 <= steps <= 65_536, "sequence-length", steps, "must be between 1 and 65,536")
        _check(1 <= self.epochs <= MAX_COUNT, "epochs", self.epochs, f"must be between 1 and {MAX_COUNT:,}")
        if self.max_minutes is not None:
            _check(0 < self.max_minutes <= MAX_COUNT, "max-minutes", self.max_minutes, "must be above 0")
        _check(0 < self.learning_rate < math.inf, "learning-rate", self.learning_rate, "must be above 0")
        steps = self.warmup_steps
        _check(0 <= steps <= MAX_COUNT, "warmup-steps", steps, f"must be between 0 and {MAX_COUNT:,}")
        _check(0 <= self.clip_norm < math.inf, "clip-norm", self.clip_norm, "must be 0 or more")
        _check(0 <= self.patience <= MAX_COUNT, "patience", self.patience, f"must be between 0 and {MAX_COUNT:,}")
        _check(0 <= self.frozen_cache_gb < math.inf, "frozen-cache-gb", self.frozen_cache_gb, "must be 0 or more")
        has_cache = self.frozen_cache_gb > 0 and self.batching == "documents"
        _check(not has_cache, "frozen-cache-gb", self.frozen_cache_gb, "must be 0 with --batching documents")
        _check_random_seed(self.random_seed)


@dataclass(frozen=True)
class TransferConfig(Config):
    """What of a base model is retrained.

    Attributes:
        retrain: the LSTM layers that train, numbered from the bottom.
        freeze_head: whether the softmax head keeps its weights too.
        new_symbols: symbols that the base never saw are added, dropped, or an error.
    """

    retrain: tuple[int, ...]
    freeze_head: bool
    new_symbols: NewSymbols

    def __post_init__(self) -> None:
        given = ",".join(map(str, self.retrain))
        _check(len(set(self.retrain)) == len(self.retrain), "retrain", given, "names a layer twice")
        _check(all(layer >= 0 for layer in self.retrain), "retrain", given, "needs layer numbers of 0 or more")


@dataclass(frozen=True)
class SamplingConfig(Config):
    """How text is drawn from a model.

    Attributes:
        length: symbols to write, at most.
        temperature: the logits are divided by it; 0 takes the likeliest symbol.
        top_k: draw among the k likeliest symbols only; 0 disables.
        top_p: draw among the fewest symbols whose probabilities add up to p; 1 disables.
        stop: text after which a sample ends; None disables.
        random_seed: the same seed, the same text.
        min_p: draw among the symbols with at least this part of the likeliest one's probability; 0 disables.
        repetition_penalty: what the probability of a symbol is divided by that was read lately; 1 disables.
        repetition_window: how many symbols back "lately" is.
        word_start_temperature: the temperature wherever the symbol before belongs to no word; None for the same.
        forbid: characters that are never written.
        lines: a sample ends before this line end; 0 disables.
        words: a sample ends after this word; 0 disables.
        until_document_end: whether a sample ends where the model ends the document.
        beam: look for the likeliest text with this many beside each other, instead of drawing one; 0 disables.
    """

    length: int = 500
    temperature: float = 0.7
    top_k: int = 0
    top_p: float = 1.0
    stop: str | None = None
    random_seed: int = 1
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    repetition_window: int = 64
    word_start_temperature: float | None = None
    forbid: str = ""
    lines: int = 0
    words: int = 0
    until_document_end: bool = False
    beam: int = 0

    def __post_init__(self) -> None:
        for name in ("length", "top_k", "lines", "words", "beam"):
            _check(getattr(self, name) >= 0, name.replace("_", "-"), getattr(self, name), "must be 0 or more")
        _check(0 <= self.temperature < math.inf, "temperature", self.temperature, "must be 0 or more")
        start = self.word_start_temperature
        _check(start is None or 0 <= start < math.inf, "word-start-temperature", start, "must be 0 or more")
        _check(0 < self.top_p <= 1, "top-p", self.top_p, "must be above 0 and at most 1")
        _check(0 <= self.min_p <= 1, "min-p", self.min_p, "must be between 0 and 1")
        _check(1 <= self.repetition_penalty < 1e9, "repetition-penalty", self.repetition_penalty, "must be 1 or more")
        _check(self.repetition_window >= 1, "repetition-window", self.repetition_window, "must be 1 or more")
        _check(self.stop != "", "stop", "''", "must not be empty")
        _check_random_seed(self.random_seed)


def _check(holds: bool, option: str, value: object, wants: str) -> None:
    if not holds:
        raise OptionError(f"--{option} {value}: {wants}")


def _check_random_seed(value: int) -> None:
    _check(0 <= value < 2**63, "random-seed", value, "must be between 0 and 2^63 - 1")


def _to_json(value: Any) -> Any:
    if isinstance(value, Config):
        return value.to_json()
    return [_to_json(item) for item in value] if isinstance(value, tuple) else value


def _from_json(value: Any, hint: Any, name: str) -> Any:
    """Return `value` as the type `hint`; every type that configurations use is handled, no other."""
    origin = typing.get_origin(hint)
    if origin is Literal:
        if isinstance(value, str) and value in typing.get_args(hint):
            return value
    elif origin is types.UnionType:
        if value is None:
            return None
        return _from_json(value, typing.get_args(hint)[0], name)
    elif origin is dict:
        if isinstance(value, dict):
            return value
    elif isinstance(hint, type) and issubclass(hint, Config):
        return hint.from_json(value)
    elif origin is tuple:
        parts = typing.get_args(hint)
        if isinstance(value, list) and parts[-1] is Ellipsis:
            return tuple(_from_json(item, parts[0], name) for item in value)
        if isinstance(value, list) and len(value) == len(parts):
            return tuple(_from_json(item, part, name) for item, part in zip(value, parts, strict=True))
    elif hint is float:
        if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= 1e300:
            return float(value)
    elif isinstance(value, hint) and (hint is bool or not isinstance(value, bool)):
        return value
    raise OptionError(f"the key {name!r} has the unusable value {repr(value)[:60]}")
