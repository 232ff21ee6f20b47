"""Frozen dataclasses that say everything about a corpus, a model, a training, a transfer and a sampling.

Each is validated when it is built (an OptionError names the option and the value) and goes to and from plain JSON.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from charlstm.config_json import Config, added
from charlstm.config_json import check as _check
from charlstm.errors import OptionError
from charlstm.method_config import PhaseFields, RegularizerFields, ScheduleFields, ScheduleName, UpdateFields

MAX_LAYERS = 64
MAX_UNITS = 65_536
MAX_COUNT = 1_000_000_000
# The kernel unrolls its loop: tracing takes 7 ms per step and layer, not earned back on a long sequence.
MAX_UNROLLED_STEPS = 256
# Learning rates that are numbers in the float32 of the updates, and still are in small parts of them.
LEAST_RATE, MOST_RATE = 1e-30, 1e38

Normalize = Literal["nfc", "nfkc", "ascii", "none"]
Unknown = Literal["drop", "symbol"]
Level = Literal["char", "word"]
Documents = Literal["file", "blank-lines", "line", "row"]
SplitBy = Literal["auto", "document", "position"]
Split = Literal["train", "valid", "test"]
Batching = Literal["stream", "documents"]
OptimizerName = Literal["adam", "rmsprop", "sgd", "nt-asgd"]
Precision = Literal["float32", "bfloat16"]
NewSymbols = Literal["extend", "drop", "error"]
PresetName = Literal["default", "fast", "quality"]

# What becomes of symbols that are left out, where nobody says: a sentence without some of its words is none.
UNKNOWN_OF_LEVEL: dict[Level, Unknown] = {"char": "drop", "word": "symbol"}


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
        level: what a symbol is: a character, or a word, with punctuation marks and line ends as words.
        max_vocabulary: the number of symbols, at most, of which the most frequent are kept; None for no limit.
        tokenized: whether words are what stands between white space; None for text in which the unknown word does.
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
    level: Level = added("char")
    max_vocabulary: int | None = added(None)
    tokenized: bool | None = added(None)

    def __post_init__(self) -> None:
        for limit, is_given in {"min-count": self.min_count > 1, "max-vocabulary": self.max_vocabulary}.items():
            if self.keep is not None and is_given:
                raise OptionError(f"--keep and --{limit} both limit the symbols: give one of them")
        _check(
            self.level == "char" or self.keep is None,
            "keep",
            self.keep,
            "is of characters, not of words",
        )
        wants = "with --level word, what is left out becomes the unknown symbol, lest it tear sentences"
        _check(self.level == "char" or self.unknown == "symbol", "unknown", self.unknown, wants)
        most = self.max_vocabulary
        wants = f"must be between 3 and {MAX_COUNT:,}, one of which may be the unknown symbol"
        _check(most is None or 3 <= most <= MAX_COUNT, "max-vocabulary", most, wants)
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
    """The network: one-hot or embedded symbols, a stack of LSTM layers, a softmax head.

    Attributes:
        vocabulary_size: the number of symbols V, of the input and of the head.
        units: the units H of each layer, from the bottom.
        dropout: the share of each layer's outputs that is dropped in training, from the bottom; 0 disables.
        embedding: the size E of the vector that a symbol becomes; 0 for one-hot symbols.
        tie_weights: whether the embedding is the kernel of the head too.
        target_offset: how many symbols after the one that is read the one stands that is predicted.
    """

    vocabulary_size: int
    units: tuple[int, ...]
    dropout: tuple[float, ...]
    embedding: int = added(0)
    tie_weights: bool = added(False)
    target_offset: int = added(1)

    def __post_init__(self) -> None:
        _check(self.vocabulary_size >= 1, "vocabulary-size", self.vocabulary_size, "must be 1 or more")
        _check(1 <= len(self.units) <= MAX_LAYERS, "layers", len(self.units), f"must be between 1 and {MAX_LAYERS}")
        for units in self.units:
            _check(1 <= units <= MAX_UNITS, "units", units, f"must be between 1 and {MAX_UNITS:,}")
        given = ",".join(f"{rate:g}" for rate in self.dropout)
        wants = f"needs one value, or one for each of the {len(self.units)} layers"
        _check(len(self.dropout) == len(self.units), "dropout", given, wants)
        _check(all(0 <= rate < 1 for rate in self.dropout), "dropout", given, "must be at least 0 and below 1")
        _check(0 <= self.embedding <= MAX_UNITS, "embedding", self.embedding, f"must be between 0 and {MAX_UNITS:,}")
        _check(1 <= self.target_offset <= 65_536, "target-offset", self.target_offset, "must be between 1 and 65,536")
        if self.tie_weights and self.embedding != (highest := self.units[-1]):
            raise OptionError(
                f"--tie-weights: the highest layer has {highest:,} units, so the embedding must have as many: give "
                f"--embedding {highest}, or other --units"
            )

    @property
    def layers(self) -> int:
        """The number of LSTM layers L."""
        return len(self.units)

    @property
    def parameters(self) -> int:
        """The number of weights, all layers and the head."""
        below = (self.embedding or self.vocabulary_size, *self.units)
        lstm = sum(4 * units * (inputs + units + 1) for inputs, units in zip(below, self.units, strict=False))
        head = self.vocabulary_size * (1 if self.tie_weights else self.units[-1] + 1)
        return self.vocabulary_size * self.embedding + lstm + head


@dataclass(frozen=True)
class TrainingConfig(ScheduleFields, UpdateFields, RegularizerFields, PhaseFields):
    """How a network is trained; the methods of the literature stand in its bases.

    Attributes:
        batch_size: the number B of streams, or documents, that are read beside each other.
        sequence_length: the steps T between two updates, over which the gradient flows.
        epochs: how often the training text is read, at most.
        max_minutes: the minutes of training after which it ends; None for no limit.
        learning_rate: the highest rate of the schedule.
        schedule: the rate's course.
        warmup_steps: updates in which the rate rises from 0 to `learning_rate`.
        optimizer: the update rule.
        clip_norm: the largest norm of the whole gradient; or that of each LSTM layer's part, from the bottom, and maybe
            of the head's, which else has that of the highest layer; 0 disables.
        patience: evaluations without a new best validation loss after which training ends; 0 disables.
        random_seed: for the first weights, dropout and the order of the text.
        precision: the number format of the large matrix products.
        frozen_cache_gb: the disk space, in GiB, that outputs of frozen layers may take to be computed only once; 0
            disables, as it must where documents are read one by one.
        batching: what the rows of a batch are: long streams of text, in which the state goes on from document to
            document, or whole documents, each from a zero state.  Validation and test losses are those of one stream
            in either case, so that all runs compare.
        random_lengths: whether the sequence length varies at random around the given one, and the rate with it.
        cores: to keep at work, by parts of a batch where the layers are fewer.  How many parts decides how sums are
            rounded, so a run keeps its own number of cores, on however many it is gone on with.
    """

    batch_size: int
    sequence_length: int
    epochs: int
    max_minutes: float | None
    learning_rate: float
    schedule: ScheduleName
    warmup_steps: int
    optimizer: OptimizerName
    clip_norm: float | tuple[float, ...]
    patience: int
    random_seed: int
    precision: Precision
    frozen_cache_gb: float
    batching: Batching = added("stream")
    random_lengths: bool = added(False)
    cores: int = added(1)

    def __post_init__(self) -> None:
        _check(1 <= self.batch_size <= 65_536, "batch-size", self.batch_size, "must be between 1 and 65,536")
        steps = self.sequence_length
        _check(1 <= steps <= 65_536, "sequence-length", steps, "must be between 1 and 65,536")
        _check(1 <= self.epochs <= MAX_COUNT, "epochs", self.epochs, f"must be between 1 and {MAX_COUNT:,}")
        if self.max_minutes is not None:
            wants = f"must be above 0 and at most {MAX_COUNT:,}"
            _check(0 < self.max_minutes <= MAX_COUNT, "max-minutes", self.max_minutes, wants)
        wants = f"must be between {LEAST_RATE:g} and {MOST_RATE:g}"
        _check(LEAST_RATE <= self.learning_rate <= MOST_RATE, "learning-rate", self.learning_rate, wants)
        steps = self.warmup_steps
        _check(0 <= steps <= MAX_COUNT, "warmup-steps", steps, f"must be between 0 and {MAX_COUNT:,}")
        norms = self.clip_norm if isinstance(self.clip_norm, tuple) else (self.clip_norm,)
        given = ",".join(f"{norm:g}" for norm in norms)
        _check(len(norms) > 0 and all(0 <= norm < math.inf for norm in norms), "clip-norm", given, "must be 0 or more")
        _check(0 <= self.patience <= MAX_COUNT, "patience", self.patience, f"must be between 0 and {MAX_COUNT:,}")
        self.check_schedule(self.learning_rate)
        self.check_updates()
        self.check_regularizers()
        self.check_phases()
        size = self.frozen_cache_gb
        _check(0 <= size < math.inf, "frozen-cache-gb", size, "must be 0 or more and finite")
        has_cache = size > 0 and self.batching == "documents"
        _check(not has_cache, "frozen-cache-gb", size, "must be 0 with --batching documents")
        if self.random_lengths and self.batching == "documents":
            raise OptionError(
                "--random-lengths cuts streams of text, not documents: leave it out, or --batching stream"
            )
        _check(1 <= self.cores <= 65_536, "cores", self.cores, "must be between 1 and 65,536")
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
        _check(start is None or 0 <= start < math.inf, "word-start-temperature", start, "must be 0 or more and finite")
        _check(0 < self.top_p <= 1, "top-p", self.top_p, "must be above 0 and at most 1")
        _check(0 <= self.min_p <= 1, "min-p", self.min_p, "must be between 0 and 1")
        penalty = self.repetition_penalty
        _check(1 <= penalty < 1e9, "repetition-penalty", penalty, "must be at least 1 and below 1e9")
        _check(self.repetition_window >= 1, "repetition-window", self.repetition_window, "must be 1 or more")
        _check(self.stop != "", "stop", "''", "must not be empty")
        _check_random_seed(self.random_seed)


def _check_random_seed(value: int) -> None:
    _check(0 <= value < 2**63, "random-seed", value, "must be between 0 and 2^63 - 1")
