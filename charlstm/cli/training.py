"""What `pretrain` and `transfer` share: options into a run, and its report out."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from charlstm.cli.console import emit_facts, emit_json
from charlstm.cli.progress import duration, loss
from charlstm.config import CorpusConfig
from charlstm.store.runs import next_run

if TYPE_CHECKING:
    from charlstm.training.runs import Report, RunOptions


def run_options(command: str, texts: Sequence[str], out: Path | None, training: dict[str, Any]) -> RunOptions:
    """Return the run that the options of a training command ask for."""
    from charlstm.training.runs import RunOptions

    given = dict(training)
    return RunOptions(
        texts=texts,
        corpus=CorpusConfig(random_seed=given["random_seed"]),
        out=out or next_run(command),
        overwrite=given.pop("overwrite"),
        dropout=given.pop("dropout"),
        training=given,
    )


def emit_report(report: Report, *, as_json: bool) -> None:
    """Print what a run gave: one JSON document, or a table and the command that samples from the model."""
    if as_json:
        document = dataclasses.asdict(report)
        if report.base_test_nats_per_char is None:
            del document["base_test_nats_per_char"]
        emit_json(document)
        return
    facts = {}
    if report.valid_nats_per_char is not None:
        facts["validation loss per character"] = loss(report.valid_nats_per_char)
    test, base = report.test_nats_per_char, report.base_test_nats_per_char
    if test is not None and base is not None:
        facts["test loss, base untouched"] = loss(base)
        facts["test loss, transferred"] = loss(test)
        facts["difference"] = f"{test - base:+.4f} nats ({(test - base) / base:+.1%})"
    elif test is not None:
        facts["test loss per character"] = loss(test)
    facts["parameters"] = f"{report.parameters:,}, of which trained {report.trained_parameters:,}"
    facts["trained on"] = f"{report.chars_trained:,} characters, {report.epochs:.1f} epochs, {report.steps:,} steps"
    facts["training time"] = f"{duration(report.training_seconds)}, ended by {report.stopped_by}"
    emit_facts(f"Model {report.model}", facts)
    print(f'Sample from it:  charlstm sample -m {report.model} --seed "aragorn"')
