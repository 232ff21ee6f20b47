from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from itertools import pairwise

import pytest
from made_up import BASE, sweep_file

from charlstm.errors import OptionError
from charlstm.experiments import plan
from charlstm.experiments.plan import Trial, subsets_of, trials_of
from charlstm.experiments.settings import SCRATCH_PATIENCE, training_of
from charlstm.store.sweep_file import SweepFile


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


def random_sweep(source: random.Random) -> SweepFile:
    """Return a sweep of some bases, subsets, sizes and fractions, in no order."""
    names = ["none", "0", "1", "0,1", "all", "untouched"]
    bases = tuple(
        replace(BASE, label=f"base-{number}", units=tuple(source.choices((4, 8, 64), k=source.randint(2, 3))))
        for number in range(source.randint(1, 4))
    )
    return sweep_file(
        bases=bases,
        subsets=source.choice([("every",), tuple(source.sample(names, source.randint(1, 6)))]),
        scratch=source.random() < 0.7,
        scratch_units=tuple(source.sample((4, 8, 16, 64), source.randint(1, 4))),
        scratch_layers=tuple(source.sample((1, 2, 3), source.randint(1, 3))),
        fractions=tuple(source.sample((0.1, 0.25, 0.5, 1.0), source.randint(1, 4))),
        seeds=source.randint(1, 3),
    )


def in_order_by_definition(sweep: SweepFile) -> tuple[Trial, ...]:
    """Return the trials in the order that `trials_of` is to give, with a look at all of them for each group."""
    trials = [trial for base in sweep.bases for trial in plan._of_base(sweep, base)]
    trials += plan._from_scratch(sweep) if sweep.scratch else []
    groups = list(dict.fromkeys(trial.group for trial in trials))
    longest = {group: max(trial.work for trial in trials if trial.group == group) for group in groups}
    groups.sort(key=lambda group: -longest[group])
    return tuple(sorted(trials, key=lambda trial: (groups.index(trial.group), -trial.fraction)))


@pytest.mark.parametrize("seed", range(40))
def test_trials_come_in_the_order_of_the_definition(seed: int) -> None:
    sweep = random_sweep(random.Random(seed))
    assert trials_of(sweep) == in_order_by_definition(sweep)


def test_each_trial_is_looked_at_a_few_times_however_many_groups_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: Counter[str] = Counter()

    def counted(name: str) -> property:
        found = vars(Trial)[name].fget

        def look(trial: Trial) -> object:
            looks[name] += 1
            return found(trial)

        return property(look)

    for name in ("group", "work"):
        monkeypatch.setattr(Trial, name, counted(name))
    sizes = {"scratch_units": tuple(range(1, 21)), "scratch_layers": tuple(range(1, 11))}
    trials = trials_of(sweep_file(scratch=True, seeds=1, **sizes))
    assert len({trial.group for trial in trials}) == len(trials) == 202
    assert looks["work"] == 202
    assert looks["group"] <= 4 * 202


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


def test_trials_do_not_depend_on_how_many_cores_they_are_given() -> None:
    for trial in trials_of(sweep_file(scratch=True)):
        assert training_of(sweep_file(), trial, 1000)["cores"] == 1
