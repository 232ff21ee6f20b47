"""What tells the parts of a figure apart."""

from __future__ import annotations

from pathlib import Path

import pytest

from charlstm.errors import OptionError
from charlstm.plotting.style import MOST_LOOKS, colour_of, hatch_of, marker_of
from charlstm.plotting.subject import read_subject
from charlstm.store.sweep_file import MAX_BASES


def test_no_two_of_as_many_bases_and_models_as_a_figure_takes_look_alike() -> None:
    assert len({(colour_of(base), hatch_of(base)) for base in range(MAX_BASES)}) == MAX_BASES
    assert len({(colour_of(model), marker_of(model)) for model in range(MOST_LOOKS)}) == MOST_LOOKS


def test_more_models_are_refused() -> None:
    with pytest.raises(OptionError, match=f"at most {MOST_LOOKS}"):
        read_subject([Path(f"model-{number}") for number in range(MOST_LOOKS + 1)])
