"""Presets of the literature in the command line: options that are not given take the recipe's values."""

from __future__ import annotations

import shlex
from typing import Any

import click

from charlstm.cli.training import GIVEN
from charlstm.errors import OptionError
from charlstm.training.recipes import RECIPES, recipes_of


def follow_recipe(context: click.Context) -> None:
    """Give the options of a training command the values of the preset, where they are not given by themselves."""
    recipe = RECIPES.get(context.params["preset"])
    if recipe is None:
        return
    for name, value in recipe.commands[str(context.info_name)].items():
        if context.get_parameter_source(name) not in GIVEN:
            context.params[name] = value


def print_recipe(context: click.Context, *, as_json: bool) -> None:
    """Print what the preset stands for, with the options that are given beside it."""
    from charlstm.cli.console import emit_facts, emit_json

    command, preset = str(context.info_name), context.params["preset"]
    if preset not in RECIPES:
        names = ", ".join(recipes_of(command))
        raise OptionError(f"--dry-run shows a preset with a fixed list of options: give --preset, one of {names}")
    named = RECIPES[preset].commands[command]
    others = {"texts", "model", "preset", "dry_run", "as_json", "out", "overwrite", "resume"}
    given = [name for name in context.params if name not in others and context.get_parameter_source(name) in GIVEN]
    options = {f"--{name.replace('_', '-')}": context.params[name] for name in dict.fromkeys([*named, *given])}
    if as_json:
        emit_json({"preset": preset, "source": RECIPES[preset].source, "options": options})
        return
    line = [part for name, value in options.items() if value is not False for part in _parts(name, value)]
    emit_facts(f"Preset {preset}", {"source": RECIPES[preset].source, "options": shlex.join(line)})


def _parts(name: str, value: Any) -> list[str]:
    return [name] if value is True else [name, _shown(value)]


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        between = ";" if value and isinstance(value[0], tuple) else ","
        return between.join(map(_shown, value))
    return f"{value:.12g}" if isinstance(value, float) else str(value)
