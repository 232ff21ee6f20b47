"""The race, over contenders that only count."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from charlstm.benchmark.contenders import Entrant, Shape
from charlstm.benchmark.race import race, worker_command
from charlstm.benchmark.worker import Repetition, decode, encode

SHAPE = Shape(1, 2, 3, 4)
OWN = Entrant("charlstm", "training", SHAPE)
OWN_BFLOAT16 = Entrant("charlstm", "training", SHAPE, "bfloat16")
KERAS = Entrant("keras", "training", SHAPE)
LIMIT = Entrant("limit", "training", SHAPE)

# Answers each line with 1, 2, 3, ... characters per second, and writes down its turns.
COUNTING = """
import os, sys
name, log, end = sys.argv[1], sys.argv[2], int(sys.argv[3])
open(log, "a").write(f"process {os.getpid()}\\n")
print('{"ready": true}', flush=True)
for count, line in enumerate(sys.stdin, 1):
    if count == end: sys.exit(9)
    open(log, "a").write(f"{name} {line}")
    print('{"chars_per_second": %d}' % count, flush=True)
"""


def unseen(done: int, total: int) -> None:
    del done, total


class Fakes:
    """Commands of counting contenders; `ends` names the turn at which one of them dies."""

    def __init__(self, log: Path, **ends: int) -> None:
        self.log = log
        self.ends = ends
        self.left_out: list[tuple[str, str]] = []

    def command(self, entrants: Sequence[Entrant]) -> list[str]:
        name = entrants[0].contender
        return [sys.executable, "-c", COUNTING, name, str(self.log), str(self.ends.get(name, 0))]

    def race(self, entrants: Sequence[Entrant], repetitions: int) -> dict[Entrant, list[float]]:
        return race(entrants, repetitions, unseen, self.note, self.command)

    def note(self, contender: str, reason: str) -> None:
        self.left_out.append((contender, reason))

    def turns(self) -> list[str]:
        return [line for line in self.log.read_text().splitlines() if not line.startswith("process")]

    def are_ended(self) -> bool:
        pids = [int(line.split()[1]) for line in self.log.read_text().splitlines() if line.startswith("process")]
        return bool(pids) and not any(is_running(pid) for pid in pids)


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_the_contenders_take_turns_and_the_first_round_does_not_count(tmp_path: Path) -> None:
    fakes = Fakes(tmp_path / "log")
    rates = fakes.race([OWN, KERAS, OWN_BFLOAT16, LIMIT], repetitions=2)
    assert fakes.turns() == ["charlstm 0", "keras 0", "charlstm 1", "limit 0"] * 3
    assert rates == {OWN: [3, 5], KERAS: [2, 3], OWN_BFLOAT16: [4, 6], LIMIT: [2, 3]}
    assert fakes.are_ended()


@pytest.mark.parametrize("turn", [1, 2])
def test_who_fails_is_left_out_and_the_others_go_on(tmp_path: Path, turn: int) -> None:
    fakes = Fakes(tmp_path / "log", keras=turn)
    assert fakes.race([OWN, KERAS, LIMIT], repetitions=2) == {OWN: [2, 3], LIMIT: [2, 3]}
    assert fakes.left_out == [("keras", "its process ended with status 9")]
    assert fakes.turns().count("keras 0") == turn - 1


def test_an_interrupt_ends_the_contenders(tmp_path: Path) -> None:
    fakes = Fakes(tmp_path / "log")

    def interrupt(done: int, total: int) -> None:  # noqa: ARG001
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        race([OWN, LIMIT], 5, interrupt, fakes.note, fakes.command)
    assert fakes.are_ended()


def test_a_worker_that_cannot_begin_says_why() -> None:
    reasons = []
    nobody = Entrant("nobody", "training", SHAPE)
    assert race([nobody], 1, unseen, lambda name, reason: reasons.append((name, reason))) == {}
    assert reasons == [("nobody", "KeyError: 'nobody'")]


def test_a_worker_ends_with_its_parent() -> None:
    # Preparing takes TensorFlow some seconds: the worker must not wait for that.
    worker = subprocess.Popen(worker_command([OWN]), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert worker.stdin is not None
    assert worker.stdout is not None
    time.sleep(0.5)
    worker.stdin.close()
    assert worker.wait() == 0
    worker.stdout.close()


def test_entrants_reach_the_worker_as_they_are() -> None:
    assert decode(encode([OWN, OWN_BFLOAT16])) == [OWN, OWN_BFLOAT16]


def test_a_repetition_is_as_many_steps_as_fill_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = 0.0

    def step() -> int:
        nonlocal clock
        clock += 0.1
        return 12

    monkeypatch.setattr("time.perf_counter", lambda: clock)
    monkeypatch.setattr("charlstm.benchmark.worker.REPETITION_SECONDS", 0.5)
    repetition = Repetition(step)
    assert [repetition.run(), repetition.run()] == pytest.approx([120, 120])
    # One step to compile, one to find the number, and twice five.
    assert clock == pytest.approx(1.2)
