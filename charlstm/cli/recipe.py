"""Presets in the command line: the values of a recipe for options that are not given, and what --dry-run shows."""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping
from typing import Any, get_args

import click

from charlstm.cli.params import GIVEN
from charlstm.config import Level, PresetName
from charlstm.training.presets import sizes_of
from charlstm.training.recipes import RECIPES

# An option that is given takes the place of others of a preset, which say the same in another way.
TAKES_THE_PLACE_OF: Mapping[str, tuple[str, ...]] = {
    "dropout": ("phase_dropout",),
    "layers": ("phase_dropout", "phase_epochs"),
    "epochs": ("phase_epochs",),
    "schedule": ("decay", "decay_epochs", "decay_after", "decay_patience", "warmup_steps"),
    "optimizer": ("rmsprop_decay",),
    "layer_rates": ("layer_rate_decay",),
}


def follow_recipe(context: click.Context) -> None:
    """Give the options of a training command the values of the preset, where they are not given by themselves."""
    if context.params["preset"] not in RECIPES:
        return
    for name, value in _values(context).items():
        if context.get_parameter_source(name) not in GIVEN:
            context.params[name] = value


def print_recipe(context: click.Context, *, as_json: bool) -> None:
    """Print what the preset stands for, with the options that are given beside it."""
    from charlstm.cli.console import emit_facts, emit_json

    command, preset = str(context.info_name), context.params["preset"]
    if preset not in RECIPES:
        _print_sizes(command, preset, as_json=as_json)
        return
    named = _values(context)
    others = {"texts", "model", "preset", "dry_run", "as_json", "out", "overwrite", "resume"}
    given = [name for name in context.params if name not in others and context.get_parameter_source(name) in GIVEN]
    options = {f"--{name.replace('_', '-')}": context.params[name] for name in dict.fromkeys([*named, *given])}
    if as_json:
        emit_json({"preset": preset, "source": RECIPES[preset].source, "options": options})
        return
    line = [part for name, value in options.items() if value is not False for part in _parts(name, value)]
    emit_facts(f"Preset {preset}", {"source": RECIPES[preset].source, "options": shlex.join(line)})


def _print_sizes(command: str, preset: PresetName, *, as_json: bool) -> None:
    """Print what a preset that goes by the size of the training text takes for each."""
    from charlstm.cli.console import emit_json, emit_table

    sizes = {level: sizes_of(preset, level, is_transfer=command == "transfer") for level in get_args(Level)}
    if as_json:
        of_base = {"layers", "units"} if command == "transfer" else set()
        rows = {
            level: [{name: value for name, value in size.to_json().items() if name not in of_base} for size in each]
            for level, each in sizes.items()
        }
        emit_json({"preset": preset, "sizes": rows})
        return
    for level, each in sizes.items():
        unit = "words" if level == "word" else "characters"
        columns = ["up to", "layers", "batch", "dropout", "weight drop", "epochs", "patience"]
        lines = [
            [
                "any number" if math.isinf(size.symbols) else f"{size.symbols:,}",
                "of the base" if command == "transfer" else f"{size.layers} x {size.units}",
                f"{size.batch_size} x {size.sequence_length}",
                *(f"{value:g}" for value in (size.dropout, size.weight_drop, size.epochs, size.patience)),
            ]
            for size in each
        ]
        emit_table(f"Preset {preset}, by the {unit} to learn from", columns, lines)


def _values(context: click.Context) -> dict[str, Any]:
    """Return the options of the preset that go with those that are given."""
    values = dict(RECIPES[context.params["preset"]].commands[str(context.info_name)])
    given = [name for name in context.params if context.get_parameter_source(name) in GIVEN]
    replaced = [other for name in given for other in TAKES_THE_PLACE_OF.get(name, ())]
    if "gradual" in given and not context.params["gradual"]:
        replaced += ["phase_epochs", "phase_dropout"]
    if context.params.get("batching") == "documents":
        replaced += ["random_lengths"]
    values = {name: value for name, value in values.items() if name not in replaced}
    if "layers" in given:
        for name in ("units", "dropout"):
            values[name] = _for_layers(values.get(name, ()), context.params["layers"])
    return {name: value for name, value in values.items() if value != ()}


def _for_layers(values: tuple[Any, ...], layers: int) -> tuple[Any, ...]:
    """Return the values of so many layers: the highest stay, the lowest is repeated or falls away."""
    return values if len(values) < 2 else (values[:1] * (layers - len(values)) + values)[-layers:]


def _parts(name: str, value: Any) -> list[str]:
    return [name] if value is True else [name, _shown(value)]


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        between = ";" if value and isinstance(value[0], tuple) else ","
        return between.join(map(_shown, value))
    return f"{value:.12g}" if isinstance(value, float) else str(value)
