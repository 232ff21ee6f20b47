"""Parameter types: lists of numbers, layer subsets, shares, column=value pairs, text with escapes."""

from __future__ import annotations

import math
from typing import Any

import click
from click.core import ParameterSource

from charlstm.config import LEAST_RATE, MOST_RATE

# Where the value of an option comes from that the user gave.
GIVEN = (ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT)


def is_on_command_line(context: click.Context, name: str) -> bool:
    """Tell whether an option was given for this command alone, and not by the environment for all to come."""
    return context.get_parameter_source(name) is ParameterSource.COMMANDLINE


class NumberList(click.ParamType[Any]):
    """Numbers between commas, as a tuple: `512` or `512,256`."""

    def __init__(self, number: type[int] | type[float]) -> None:
        self.number = number
        self.name = "integers" if number is int else "numbers"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:  # noqa: ARG002
        """Return what stands for the value in a help page."""
        return "N[,N...]" if self.number is int else "X[,X...]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Parse the text into a tuple of finite numbers."""
        if isinstance(value, tuple):
            return value
        try:
            numbers = tuple(self.number(part) for part in value.split(","))
            are_finite = all(math.isfinite(number) for number in numbers)
        except (ValueError, OverflowError):  # a whole number may have too many digits for a float
            are_finite = False
        if not are_finite:
            self.fail(f"{value!r} is not a list of {self.name} between commas", param, ctx)
        return numbers


class NumberOrList(NumberList):
    """A number, or several between commas as a tuple."""

    def __init__(self) -> None:
        super().__init__(float)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Parse the text into a finite number or a tuple of them."""
        if isinstance(value, float):
            return value
        numbers = super().convert(value, param, ctx)
        return numbers[0] if len(numbers) == 1 else numbers


class NumberLists(NumberList):
    """Lists of numbers between semicolons, as a tuple of tuples: `0.2;0.1,0.3`."""

    def __init__(self) -> None:
        super().__init__(float)

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:  # noqa: ARG002
        """Return what stands for the value in a help page."""
        return "X[,X...][;...]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Parse the text into a tuple of tuples of finite numbers."""
        if isinstance(value, tuple):
            return value
        return tuple(NumberList.convert(self, part, param, ctx) for part in value.split(";"))


class LayerSubset(click.ParamType[Any]):
    """LSTM layers from the bottom: `0,2`, `all` or `none`; `all` stays a word until the model is known."""

    name = "layers"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:  # noqa: ARG002
        """Return what stands for the value in a help page."""
        return "N[,N...]|all|none"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Parse the text into a tuple of layer numbers, or "all"."""
        if isinstance(value, tuple) or value == "all":
            return value
        if value == "none":
            return ()
        try:
            layers = tuple(int(part) for part in value.split(","))
        except ValueError:
            self.fail(f"{value!r} is not a list of layer numbers such as 0,2, nor 'all' or 'none'", param, ctx)
        if any(layer < 0 for layer in layers) or len(set(layers)) != len(layers):
            self.fail(f"{value!r} needs different layer numbers of 0 or more", param, ctx)
        return layers


class SubsetList(click.ParamType[Any]):
    """What a sweep retrains: `all` for every subset of layers, or a list with semicolons; checked where it is used."""

    name = "subsets"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:  # noqa: ARG002
        """Return what stands for the value in a help page."""
        return "all|SUBSET[;SUBSET...]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ARG002
        """Part the text into a tuple of subsets; ("every",) for `all`."""
        if isinstance(value, tuple):
            return value
        subsets = tuple(subset.strip() for subset in value.split(";"))
        return ("every",) if subsets == ("all",) else subsets


class ColumnValue(click.ParamType[Any]):
    """A condition on a row, `column=value`, as a pair."""

    name = "column=value"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Parse the text into (column, value)."""
        if isinstance(value, tuple):
            return value
        column, equals, wanted = value.partition("=")
        if not equals or not column:
            self.fail(f"{value!r} is not of the form column=value", param, ctx)
        return column, wanted


class EscapedText(click.ParamType[str]):
    r"""Text in which \n, \t and \\ stand for a line end, a tab and a backslash."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:  # noqa: ARG002
        """Replace the escapes."""
        parts = str(value).split("\\\\")
        return "\\".join(part.replace("\\n", "\n").replace("\\t", "\t") for part in parts)


INTEGERS = NumberList(int)
NUMBER_OR_LIST = NumberOrList()
NUMBER_LISTS = NumberLists()
NUMBERS = NumberList(float)
RATE = click.FloatRange(LEAST_RATE, MOST_RATE)
LAYERS = LayerSubset()
SUBSETS = SubsetList()
COLUMN_VALUE = ColumnValue()
ESCAPED_TEXT = EscapedText()
