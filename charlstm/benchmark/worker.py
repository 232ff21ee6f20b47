"""The process of one contender: builds its entrants, then runs one timed repetition for each line on standard input.

It ends when standard input does, at once: so it never outlives the process that started it.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
import time

from charlstm.benchmark.contenders import Entrant, Shape, Step

# A repetition is as many steps as fill this time, and at least one.
REPETITION_SECONDS = 0.25


def main() -> None:
    """Read the entrants (JSON, the first argument); answer "ready", then characters per second, a line each."""
    # Libraries may print what they like; the pipe is for answers only.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_read_or_end, args=(lines,), daemon=True).start()

    def answer(**content: object) -> None:
        print(json.dumps(content), file=answers, flush=True)

    try:
        repetitions = [Repetition(entrant.prepare()) for entrant in decode(sys.argv[1])]
        answer(ready=True)
        while True:
            answer(chars_per_second=repetitions[int(lines.get())].run())
    except Exception as error:
        answer(failed=" ".join(f"{type(error).__name__}: {error}".split())[:200])


class Repetition:
    """Timed repetitions of a step.

    Args:
        step: it is run once here, for most compile at first.
    """

    def __init__(self, step: Step) -> None:
        self._step = step
        self._steps = 0
        step()

    def run(self) -> float:
        """Return the characters per second of one repetition; the first also finds how many steps it takes."""
        if self._steps == 0:
            self._steps = max(1, round(REPETITION_SECONDS / self._run(1)[1]))
        chars, seconds = self._run(self._steps)
        return chars / seconds

    def _run(self, steps: int) -> tuple[int, float]:
        began = time.perf_counter()
        chars = sum(self._step() for _ in range(steps))
        return chars, time.perf_counter() - began


def encode(entrants: list[Entrant]) -> str:
    """Return entrants as the argument of `main`."""
    rows = [(entrant.contender, entrant.task, vars(entrant.shape), entrant.precision) for entrant in entrants]
    return json.dumps(rows)


def decode(argument: str) -> list[Entrant]:
    """Return the entrants that `encode` was given."""
    rows = json.loads(argument)
    return [Entrant(contender, task, Shape(**shape), precision) for contender, task, shape, precision in rows]


def _read_or_end(lines: queue.SimpleQueue[str]) -> None:
    for line in sys.stdin:
        lines.put(line)
    os._exit(0)
