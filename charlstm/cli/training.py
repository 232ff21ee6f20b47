"""What `pretrain` and `transfer` share: options into a run, and its report out."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from charlstm.cli.console import emit_facts, emit_json, emit_text
from charlstm.cli.method_options import refuse_idle
from charlstm.cli.options import BUILT_IN_MINUTES, BY_TEXT_SIZE
from charlstm.cli.params import GIVEN, is_on_command_line
from charlstm.cli.progress import duration, loss
from charlstm.config import TrainingConfig
from charlstm.errors import OptionError
from charlstm.store.runs import next_run

if TYPE_CHECKING:
    from charlstm.judging.closeness import Closeness
    from charlstm.training.execution import RunOptions
    from charlstm.training.report import Report
    from charlstm.training.runs import NetworkOptions

TRAINING = {field.name for field in dataclasses.fields(TrainingConfig)}
# Options that say where and how a run is kept, not what it is.
NOT_OF_THE_RUN = {"texts", "out", "resume", "overwrite", "checkpoint_minutes", "dry_run", "as_json"}
# Python's manual is read to try the program: by what writes words soonest, on however slow a machine.  Four minutes of
# one core came to a validation loss of 1.53, with a batch of 32, a rate of 3e-3 and a dropout of 0.13 to 1.73.
BUILT_IN_UNITS = (128,)
BUILT_IN_TRAINING = {"dropout": (0.0,), "batch_size": 16, "learning_rate": 5e-3, "warmup_steps": 400}


def pretraining(context: click.Context, texts: Sequence[str]) -> tuple[RunOptions, NetworkOptions]:
    """Return the run and the network that the options of `pretrain`, or of what measures for it, ask for."""
    from charlstm.training.runs import NetworkOptions

    usual = {"preset": ("default",), "optimizer": ("adam",), "schedule": ("cosine", None)}
    is_usual = all(context.params.get(name, values[0]) in values for name, values in usual.items())
    options = run_options(context, texts, "python-manual", BUILT_IN_TRAINING if is_usual else {})
    names = [field.name for field in dataclasses.fields(NetworkOptions)]
    network = NetworkOptions(**{name: context.params[name] for name in names})
    if not texts and is_usual:
        network = dataclasses.replace(network, units=network.units or BUILT_IN_UNITS)
    return options, network


def run_options(
    context: click.Context, texts: Sequence[str], default_text: str, defaults: Mapping[str, Any] | None = None
) -> RunOptions:
    """Return the run that the options of a training command ask for.

    Args:
        context: of the command, whose name is that of the run.
        texts: what was named.
        default_text: the built-in corpus to take where nothing was named.
        defaults: training options for it, in place of a choice by size.
    """
    from charlstm.training.execution import RunOptions

    values = context.params
    out = values["out"]
    if values.get("resume") and values["overwrite"]:
        raise OptionError("--resume goes on with what stands at --out, --overwrite replaces it: give one of them")
    if values.get("resume") and out is None:
        raise OptionError("--resume needs the model directory of the run: -o MODEL")
    given = {
        name: _plain(values[name])
        for name in values
        if name not in NOT_OF_THE_RUN and context.get_parameter_source(name) in GIVEN
    }
    options = RunOptions(
        texts=texts,
        out=out or next_run(str(context.info_name)),
        overwrite=values["overwrite"],
        resume=values.get("resume", False),
        preset=values["preset"] if values.get("preset") in BY_TEXT_SIZE else "default",
        checkpoint_minutes=values.get("checkpoint_minutes", 0.0),
        dropout=values["dropout"],
        training={name: values[name] for name in values if name in TRAINING},
        given=given,
    )
    if options.is_begun:
        # What the environment says is for runs to come.
        now = {name: given[name] for name in given if is_on_command_line(context, name)}
        return dataclasses.replace(options, given=now)
    refuse_idle(context)
    if texts:
        return options
    defaults = {"max_minutes": BUILT_IN_MINUTES, **(defaults or {})}
    chosen = {name: value for name, value in defaults.items() if values.get(name) is None}
    dropout = chosen.pop("dropout", options.dropout)
    return dataclasses.replace(options, texts=(default_text,), dropout=dropout, training={**options.training, **chosen})


def _plain(value: Any) -> Any:
    """Return an option's value as JSON reads it back."""
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return str(value) if isinstance(value, Path) else value


def emit_report(report: Report, closeness: Closeness | None = None, *, as_json: bool) -> None:
    """Print what a run gave: one JSON document, or a table and the command that samples from the model.

    Args:
        report: what it gave.
        closeness: after a transfer, whether the new model's text is closer to the target's or to the base's.
        as_json: whether to print JSON.
    """
    if as_json:
        document = report.told()
        if report.base_test_nats_per_char is None:
            document = {name: value for name, value in document.items() if not name.startswith("base_")}
        if closeness is not None:
            document["text_from_target_bits"] = closeness.from_target_bits
            document["text_from_base_bits"] = closeness.from_base_bits
        emit_json(document)
        return
    facts = _losses(report)
    facts["parameters"] = f"{report.parameters:,}, of which trained {report.trained_parameters:,}"
    read = f"{report.words_trained:,} words" if report.is_of_words else f"{report.chars_trained:,} characters"
    facts["trained on"] = f"{read}, {report.epochs:.1f} epochs, {report.steps:,} steps"
    facts["training time"] = f"{duration(report.training_seconds)}, ended by {report.stopped_by}"
    emit_facts(f"Model {report.model}", facts)
    if closeness is not None:
        emit_text(closeness.sentence())
    emit_text(f'Sample from it:  charlstm sample -m {shlex.quote(report.model)} --seed "aragorn"')


def _losses(report: Report) -> dict[str, str]:
    """Return the losses of a run as a person reads them: by word, where the model is of words, and by character."""
    facts = {}
    unit = "word" if report.is_of_words else "character"
    valid, test, base = report.valid_nats_per_char, report.test_nats_per_char, report.base_test_nats_per_char
    if report.is_of_words:
        valid, test, base = report.valid_nats_per_word, report.test_nats_per_word, report.base_test_nats_per_word
    if valid is not None:
        facts[f"validation loss per {unit}"] = loss(valid, unit)
    if test is not None and base is not None:
        facts["test loss, base untouched"] = loss(base, unit)
        facts["test loss, transferred"] = loss(test, unit)
        facts["difference"] = f"{test - base:+.4f} nats" + (f" ({(test - base) / base:+.1%})" if base else "")
    elif test is not None:
        facts[f"test loss per {unit}"] = loss(test, unit)
    by_character = {"validation": report.valid_nats_per_char, "test": report.test_nats_per_char}
    for name, nats in by_character.items() if report.is_of_words else ():
        if nats is not None:
            facts[f"{name} loss per character"] = loss(nats)
    return facts
