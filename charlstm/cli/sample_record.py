"""What stands beside a file of samples: everything that it takes to make the texts again."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from charlstm import __version__
from charlstm.cli.params import ESCAPED_TEXT
from charlstm.cli.sampling_options import DRAWING

if TYPE_CHECKING:
    from charlstm.sampling.batches import Sample
    from charlstm.store.model_directory import Model

FORMAT_VERSION = 1

# Where results go, and how they look, is not part of them.
LEFT_OUT = ("out", "overwrite", "as_json", "raw", "interactive")


def record_of(
    context: click.Context,
    models: Sequence[Model],
    chosen: Mapping[str, Any],
    standard_input: str | None,
    samples: Sequence[Sample],
) -> dict[str, Any]:
    """Return the record as a JSON object.

    Args:
        context: of the command; every option is recorded, the defaults too, which may change.
        models: that wrote.
        chosen: options that were left open, by name, and what was chosen for them.
        standard_input: what the command reads there, None for nothing.
        samples: the texts.
    """
    given = context.params | {"models": [model.path for model in models], **chosen}
    if given["seeds"] is not None:
        given["seeds"] = "-"  # the file may change: what it held is recorded
    unwanted = {*LEFT_OUT, *(DRAWING if given["beam"] else ()), *(("seed",) if given["seeds"] else ())}
    words = ["charlstm", "sample"]
    for parameter in context.command.params:
        if isinstance(parameter, click.Option) and parameter.name is not None and parameter.name not in unwanted:
            words += _words(parameter, given[parameter.name])
    return {
        "format_version": FORMAT_VERSION,
        "charlstm_version": __version__,
        "command": shlex.join(words),
        "standard_input": standard_input,
        "models": [{"path": str(model.path), "sha256": model.sha256} for model in models],
        "samples": [dataclasses.asdict(sample) for sample in samples],
    }


def _words(option: click.Option, value: Any) -> list[str]:
    """Return how an option with this value stands on a command line."""
    name = next(name for name in option.opts if name.startswith("--"))
    if value is None or value is False:
        return []
    if value is True:
        return [name]
    if option.multiple:
        return [f"{name}={item}" for item in value]
    if isinstance(value, tuple):
        value = ",".join(map(repr, value))
    if option.type is ESCAPED_TEXT:
        value = value.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t")
    return [f"{name}={value}"]
