"""A race: each contender in a process of its own, all of them taking turns, so that they see the same minute."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from charlstm.benchmark import worker
from charlstm.benchmark.contenders import Entrant
from charlstm.model.runtime import process_command

# Characters per second of each repetition, of those who came to the end.
Rates = dict[Entrant, list[float]]
# Takes the repetitions that are done, and their number.
Progress = Callable[[int, int], None]

# Threads of the last repetition may still spin for some milliseconds.
PAUSE_SECONDS = 0.02
# The first round is not counted.
WARM_UP_ROUNDS = 1


class LeftOutError(Exception):
    """A contender that fails; the text says why."""


class WorkerProcess:
    """The process of one contender.

    Args:
        entrants: what it does.
        command: the program and its arguments.
    """

    def __init__(self, entrants: Sequence[Entrant], command: Sequence[str]) -> None:
        self._entrants = list(entrants)
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            encoding="utf-8",
            # All contenders run on the processor.
            env=os.environ | {"CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # It has nothing to save, so it need not be asked.
        self._process.kill()
        self._process.communicate()

    def wait_until_ready(self) -> None:
        """Wait until it has built what it needs."""
        self._answer()

    def run(self, entrant: Entrant) -> float:
        """Return the characters per second of one repetition."""
        assert self._process.stdin is not None
        try:
            print(self._entrants.index(entrant), file=self._process.stdin, flush=True)
        except OSError:
            raise LeftOutError(self._end()) from None
        return float(self._answer()["chars_per_second"])

    def _answer(self) -> dict[str, float]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise LeftOutError(self._end())
        answer: dict[str, float] = json.loads(line)
        if "failed" in answer:
            raise LeftOutError(str(answer["failed"]))
        return answer

    def _end(self) -> str:
        return f"its process ended with status {self._process.wait()}"


def worker_command(entrants: Sequence[Entrant]) -> list[str]:
    """Return the command of a worker."""
    return process_command("charlstm.benchmark.worker", worker.encode(list(entrants)))


def race(
    entrants: Sequence[Entrant],
    repetitions: int,
    progress: Progress,
    left_out: Callable[[str, str], None],
    command: Callable[[Sequence[Entrant]], Sequence[str]] = worker_command,
) -> Rates:
    """Run all entrants in turn, and return their rates.

    Args:
        entrants: in the order of their turns.
        repetitions: rounds that count.
        progress: takes the repetitions done.
        left_out: takes the name of a contender that fails, and why.
        command: entrants of one contender -> the command of its process.

    Returns:
        The rates of the entrants whose contender did not fail, one a round.
    """
    rates: Rates = {entrant: [] for entrant in entrants}
    running: dict[str, WorkerProcess] = {}

    def attempt(contender: str, action: Callable[[WorkerProcess], None]) -> None:
        if contender not in running:
            return
        try:
            action(running[contender])
        except LeftOutError as problem:
            del running[contender]
            left_out(contender, str(problem))

    with ExitStack() as stack:
        for contender in dict.fromkeys(entrant.contender for entrant in entrants):
            own = [entrant for entrant in entrants if entrant.contender == contender]
            running[contender] = stack.enter_context(WorkerProcess(own, command(own)))
        for contender in list(running):
            attempt(contender, WorkerProcess.wait_until_ready)
        rounds = WARM_UP_ROUNDS + repetitions
        for turn in range(rounds * len(entrants)):
            entrant = entrants[turn % len(entrants)]
            progress(turn, rounds * len(entrants))
            time.sleep(PAUSE_SECONDS)
            attempt(entrant.contender, lambda process, entrant=entrant: rates[entrant].append(process.run(entrant)))  # type: ignore[misc]
    return {entrant: rates[entrant][WARM_UP_ROUNDS:] for entrant in entrants if entrant.contender in running}
