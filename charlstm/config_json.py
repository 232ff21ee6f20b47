"""Dataclasses that go to and from plain JSON, strictly.

A JSON object with an unknown key, a missing key or a value of another type is refused.  Only a field that is declared
with `added` may be missing: files were written before it came.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Iterable
from typing import Any, Literal, Self, TypeVar

from charlstm.errors import CharlstmError, OptionError

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


def check_version(document: dict[str, Any], version: int, named: str, error: type[CharlstmError]) -> None:
    """Raise an error unless a JSON object, which is called so, has the format version that this program reads."""
    found = document.get("format_version")
    if type(found) is not int or found != version:
        raise error(f"{named} has the format version {str(found)[:40]}; this charlstm reads {version}")


class Config:
    """What all configurations share: strict JSON in, JSON out."""

    def to_json(self) -> dict[str, Any]:
        """Return the fields as a JSON object; tuples become lists."""
        return {field.name: value_to_json(getattr(self, field.name)) for field in dataclasses.fields(self)}  # type: ignore[arg-type]

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


def check(holds: bool, option: str, value: object, wants: str) -> None:
    """Raise an OptionError that names the option, its value and what it wants, unless that holds."""
    if not holds:
        raise OptionError(f"--{option} {value}: {wants}")


def value_to_json(value: Any) -> Any:
    """Return a value of a field as JSON: configurations become objects, tuples lists."""
    if isinstance(value, Config):
        return value.to_json()
    return [value_to_json(item) for item in value] if isinstance(value, tuple) else value


def _from_json(value: Any, hint: Any, name: str) -> Any:
    """Return `value` as the type `hint`; every type that configurations use is handled, no other."""
    origin = typing.get_origin(hint)
    if origin is Literal:
        if isinstance(value, str) and value in typing.get_args(hint):
            return value
    elif origin is types.UnionType:
        kinds = typing.get_args(hint)
        if value is None and types.NoneType in kinds:
            return None
        lists = [kind for kind in kinds if typing.get_origin(kind) is tuple]
        return _from_json(value, lists[0] if lists and isinstance(value, list) else kinds[0], name)
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
