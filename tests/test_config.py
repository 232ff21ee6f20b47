from __future__ import annotations

from dataclasses import dataclass

import pytest

from charlstm.config_json import Config, added
from charlstm.errors import OptionError


@dataclass(frozen=True)
class Early(Config):
    epochs: int


@dataclass(frozen=True)
class Late(Config):
    epochs: int
    rates: tuple[float, ...] = added((0.5,))
    name: str | None = added(None)


def test_a_field_that_was_added_may_be_missing_and_has_its_default() -> None:
    assert Late.from_json(Early(3).to_json()) == Late(3, (0.5,), None)
    late = Late(3, (0.1, 0.2), "x")
    assert Late.from_json(late.to_json()) == late


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({"rates": [0.1], "name": None}, "lacks the key 'epochs'"),
        ({"epochs": 3, "rate": 0.1}, "unknown key 'rate'"),
        ({"epochs": 3, "rates": [True]}, "'rates' has the unusable value"),
        ({"epochs": 3, "rates": None}, "'rates' has the unusable value"),
    ],
)
def test_all_else_is_as_strict_as_ever(document: dict[str, object], says: str) -> None:
    with pytest.raises(OptionError, match=says):
        Late.from_json(document)


@dataclass(frozen=True)
class Either(Config):
    norm: float | tuple[float, ...]


@pytest.mark.parametrize("norm", [1.5, (0.5, 2.0), ()])
def test_a_number_or_a_list_comes_back_as_it_was(norm: float | tuple[float, ...]) -> None:
    assert Either.from_json(Either(norm).to_json()) == Either(norm)
    with pytest.raises(OptionError, match="'norm' has the unusable value None"):
        Either.from_json({"norm": None})
