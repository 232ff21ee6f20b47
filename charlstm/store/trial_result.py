"""result.json: what came of one trial of a sweep, down to what each test document costs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from charlstm.config_json import Config, check_version
from charlstm.errors import ModelError, OptionError
from charlstm.store import json_file

RESULT = "result.json"
FORMAT_VERSION = 1
MAX_NATS = 1e15


@dataclass(frozen=True)
class TrialResult(Config):
    """What came of one trial; all losses are without dropout.

    Attributes:
        train_nats_per_char: the loss over the text that it was trained on.
        valid_nats_per_char: the loss over the validation text.
        test_nats: what each document of the test text costs.
        test_chars: scored symbols of each.
        padded_nats_per_char: the test loss where padding to the longest document counts too, as in DocumentLosses.
        parameters: weights of the network.
        trained_parameters: those of them that were trained.
        epochs: passes over the training text.
        training_seconds: spent in training steps.
        stopped_by: why the training ended: "epochs", "patience", "max_minutes", "diverged" or, without one, "".
    """

    train_nats_per_char: float
    valid_nats_per_char: float
    test_nats: tuple[float, ...]
    test_chars: tuple[int, ...]
    padded_nats_per_char: float
    parameters: int
    trained_parameters: int
    epochs: float
    training_seconds: float
    stopped_by: str

    def __post_init__(self) -> None:
        if len(self.test_nats) != len(self.test_chars):
            raise OptionError("'test_nats' and 'test_chars' are of different lengths")
        if min(self.test_chars, default=-1) < 0 or not 0 < sum(self.test_chars) < 1 << 62:
            raise OptionError("'test_chars' must be counts, not all of them 0")
        if not all(0 <= nats < MAX_NATS for nats in self.test_nats):
            raise OptionError(f"'test_nats' must be between 0 and {MAX_NATS:g}")

    @property
    def test_nats_per_char(self) -> float:
        """The loss over the test text."""
        return sum(self.test_nats) / sum(self.test_chars)


def write_result(directory: Path, result: TrialResult) -> None:
    """Write result.json into the directory of a trial, which is finished with it."""
    json_file.write_json(directory / RESULT, {"format_version": FORMAT_VERSION, **result.to_json()})


def read_result(directory: Path) -> TrialResult:
    """Read result.json, checking all of it.

    Raises:
        ModelError: it is missing or not of the form that `write_result` gives.
    """
    path = directory / RESULT
    document = json_file.read_json(path, ModelError)
    check_version(document, FORMAT_VERSION, str(path), ModelError)
    del document["format_version"]
    try:
        return TrialResult.from_json(document)
    except OptionError as problem:
        raise ModelError(f"{path}: {problem}") from None
