"""What came of a run: the report, and the model directory that says the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from charlstm.config_json import Config, added
from charlstm.data.batches import Ids
from charlstm.data.vocabulary import Vocabulary
from charlstm.errors import ModelError, OptionError
from charlstm.store.history import write_history
from charlstm.store.model_directory import CONFIG, HISTORY, read_config, save_model, weight_shapes
from charlstm.store.run_file import RunFile
from charlstm.training.compiled import scorer_of
from charlstm.training.job import Job
from charlstm.training.loop import Trainer
from charlstm.training.scoring import Scorer


@dataclass(frozen=True)
class Report(Config):
    """What a run gave.

    Attributes:
        model: the model directory.
        valid_nats_per_char: the loss over the validation text, None without one.
        test_nats_per_char: the loss over the test text, None without one.
        base_test_nats_per_char: that of the base model as it was, in a transfer.
        parameters: weights of the network.
        trained_parameters: those of them that were trained.
        chars_trained: characters read in training.
        training_seconds: spent in training steps.
        steps: batches read.
        epochs: passes over the training text.
        stopped_by: why the training ended.
        precision: of the matrix products.
        valid_nats_per_word: of a model of words, the loss over the validation text for each of them.
        test_nats_per_word: the same over the test text.
        base_test_nats_per_word: that of the base model as it was, in a transfer.
        words_trained: words read in training; None for a model of characters.
    """

    model: str
    valid_nats_per_char: float | None
    test_nats_per_char: float | None
    base_test_nats_per_char: float | None
    parameters: int
    trained_parameters: int
    chars_trained: int
    training_seconds: float
    steps: int
    epochs: float
    stopped_by: str
    precision: str
    valid_nats_per_word: float | None = added(None)
    test_nats_per_word: float | None = added(None)
    base_test_nats_per_word: float | None = added(None)
    words_trained: int | None = added(None)

    @property
    def is_of_words(self) -> bool:
        """Whether the model is of words."""
        return self.words_trained is not None

    def told(self) -> dict[str, Any]:
        """Return it as JSON, without what is said of words where the model is of characters."""
        return {name: value for name, value in asdict(self).items() if self.is_of_words or "word" not in name}


def save_result(
    out: Path,
    run: RunFile,
    vocabulary: Vocabulary,
    trainer: Trainer,
    splits: Mapping[str, Ids],
    characters: Mapping[str, int],
    heed: Callable[[], None],
) -> Report:
    """Write the model with the best weights so far and return what is to be said of it.

    Args:
        out: the model directory.
        run: what was asked for.
        vocabulary: of the model.
        trainer: what did it.
        splits: the text in the model's symbols.
        characters: how many characters each split has.
        heed: is called now and then before anything is written; what it raises ends it.
    """
    position = trainer.position
    # A run that ended in the midst of its phases has the network of that phase.
    model = trainer.job.model
    scorer = scorer_of(model, trainer.best)
    base_loss = position.base_test_nats_per_char
    report = Report(
        model=str(out),
        valid_nats_per_char=loss_of(scorer, splits["valid"], heed),
        test_nats_per_char=loss_of(scorer, splits["test"], heed),
        base_test_nats_per_char=base_loss if base_loss >= 0 else None,
        parameters=model.parameters,
        trained_parameters=_count_trained(trainer.job),
        chars_trained=trainer.batches.chars_before(position.step),
        training_seconds=position.seconds,
        steps=position.step,
        epochs=position.step / trainer.batches.steps_per_epoch,
        stopped_by=position.stopped_by,
        precision=run.training.precision,
    )
    if vocabulary.level == "word":
        report = _by_character(report, {name: len(ids) for name, ids in splits.items()}, characters)
    write_history(out / HISTORY, trainer.history)
    save_model(
        out,
        model,
        vocabulary,
        trainer.best,
        training=run.training.to_json(),
        dataset=run.dataset,
        lineage=run.lineage,
        result={name: value for name, value in report.told().items() if name != "model"},
    )
    return report


def _by_character(report: Report, words: Mapping[str, int], characters: Mapping[str, int]) -> Report:
    """Return a report of words, with its losses by character too, so that they compare with those of other models.

    Args:
        report: with the losses by word in place of those by character.
        words: how many words each split has.
        characters: how many characters they are in its text, with the white space between them.
    """
    sizes = {name: max(1, size) for name, size in characters.items()}
    by_word = {name: getattr(report, f"{name}_nats_per_char") for name in ("valid", "test", "base_test")}
    by_char: dict[str, Any] = {
        f"{name}_nats_per_char": None if nats is None else nats * words[split] / sizes[split]
        for name, nats in by_word.items()
        for split in [name.removeprefix("base_")]
    }
    words_by_name: dict[str, Any] = {f"{name}_nats_per_word": nats for name, nats in by_word.items()}
    return replace(
        report,
        **by_char,
        **words_by_name,
        words_trained=report.chars_trained,
        chars_trained=round(report.chars_trained * sizes["train"] / max(1, words["train"])),
    )


def report_of(out: Path) -> Report:
    """Return the report of a finished run."""
    result = read_config(out)["result"]
    try:
        return Report.from_json({**result, "model": str(out)})
    except OptionError as problem:
        raise ModelError(f"{out / CONFIG}: 'result' is not that of a run: {problem}") from None


def loss_of(scorer: Scorer, ids: Ids, heed: Callable[[], None]) -> float | None:
    """Return the loss over a text in nats per symbol, None where there is none to score.

    Args:
        scorer: of the network.
        ids: the text (N,).
        heed: is called between two pieces of the text; what it raises ends the scoring.
    """
    return scorer.score(ids, heed).nats_per_char if len(ids) > 1 else None


def _count_trained(job: Job) -> int:
    count, shapes = 0, weight_shapes(job.model)
    for name in job.trained:
        shape = shapes[name]
        mask = job.masks.get(name)
        count += int(np.prod(shape) if mask is None else np.broadcast_to(mask, shape).sum())
    return count
