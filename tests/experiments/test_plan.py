from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from made_up import BASE, sweep_file

from charlstm.errors import OptionError
from charlstm.experiments.plan import subsets_of, trials_of
from charlstm.experiments.settings import SCRATCH_PATIENCE, training_of


def test_every_subset_is_named_once_from_nothing_to_all() -> None:
    every = sweep_file(subsets=("every",))
    expected = ["untouched", "none", "0", "1", "2", "0,1", "0,2", "1,2", "all"]
    assert subsets_of(every, BASE) == expected
    assert subsets_of(replace(every, freeze_head=True), BASE) == [name for name in expected if name != "none"]


def test_a_list_is_put_in_order_and_different_names_of_one_subset_are_one() -> None:
    listed = sweep_file(subsets=("all", "2,0", "2", "0,1,2", "untouched", "0,2", "none"))
    assert subsets_of(listed, BASE) == ["untouched", "none", "2", "0,2", "all"]


def test_each_trial_is_there_once_and_the_base_untouched_depends_on_nothing() -> None:
    sweep = sweep_file(scratch=True, scratch_units=(8, 16), scratch_layers=(1, 2), fractions=(1.0, 0.5))
    trials = trials_of(sweep)
    assert len({trial.name for trial in trials}) == len(trials) == 1 + 2 * 2 + 2 * 2 * 2 * 2
    untouched = [trial for trial in trials if trial.kind == "untouched"]
    assert [trial.name for trial in untouched] == ["books_untouched"]
    assert {trial.units for trial in trials if trial.kind == "scratch"} == {(8,), (16,), (8, 8), (16, 16)}
    assert {trial.random_seed for trial in trials if trial.kind == "transfer"} == {1, 2}


def test_trials_of_one_kind_of_network_follow_each_other_and_the_longest_come_first() -> None:
    sweep = sweep_file(scratch=True, scratch_units=(8, 64), scratch_layers=(1, 2), fractions=(1.0, 0.5))
    groups = [trial.group for trial in trials_of(sweep)]
    changes = sum(one != other for one, other in pairwise(groups))
    assert changes == len(set(groups)) - 1
    assert groups[0] == (None, "scratch 2x64")
    assert groups[-1] == ("books", "untouched")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"subsets": ("0,7",)}, "no layer 7"),
        ({"subsets": ("none",), "freeze_head": True}, "trains nothing"),
        ({"subsets": ("every",), "bases": (replace(BASE, units=(4,) * 9),)}, "512 subsets"),
    ],
)
def test_a_subset_that_a_base_does_not_have_is_refused(changes: dict[str, object], says: str) -> None:
    with pytest.raises(OptionError, match=says):
        trials_of(sweep_file(**changes))


def test_a_model_from_scratch_is_given_more_patience_unless_told_otherwise() -> None:
    trials = {trial.kind: trial for trial in trials_of(sweep_file(scratch=True))}
    assert training_of(sweep_file(), trials["scratch"], 1000)["patience"] == SCRATCH_PATIENCE
    assert "patience" not in training_of(sweep_file(), trials["transfer"], 1000)
    told = sweep_file(training={"precision": "float32", "patience": 3})
    assert training_of(told, trials["scratch"], 1000)["patience"] == 3
