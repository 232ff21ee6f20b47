"""A short training, killed with SIGKILL at random instants and gone on with, ends as if undisturbed: to the bit.

Each run is killed one to eight times, each time at an instant drawn from all the time that an undisturbed run takes,
start-up and saving included, and then gone on with to its end; its weights and its history, but for the times, must
be those of the undisturbed run.  The processes are forked from one that has TensorFlow imported but never used it.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import tempfile
import time
from pathlib import Path

from harness import Tally, arguments

from charlstm.cli.main import main as charlstm
from charlstm.model.runtime import start_tensorflow
from charlstm.store.model_directory import load_model

WORDS = ["the", "king", "rode", "over", "grey", "ford", "and", "sang", "of", "winter"]
OPTIONS = [
    *["--layers", "2", "--units", "10", "--batch-size", "4", "--sequence-length", "20", "--dropout", "0.3"],
    *["--epochs", "4", "--warmup-steps", "10", "--patience", "0", "--checkpoint-minutes", "0.0005"],
]
MOST_KILLS = 8


def start(out: str) -> int:
    """Begin or go on with a training in a child process and return its number."""
    child = os.fork()
    if child:
        return child
    code = 99
    try:
        quiet = os.open(os.devnull, os.O_WRONLY)
        log = os.open(f"{out}.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(quiet, 1)
        os.dup2(log, 2)
        charlstm(["pretrain", "book.txt", "-o", out, *OPTIONS, "--resume"], standalone_mode=True)
        code = 0
    except SystemExit as end:
        code = int(end.code or 0)
    finally:
        os._exit(code)


def finish(out: str) -> int:
    """Let a training come to its end and return its exit code."""
    return os.waitstatus_to_exitcode(os.waitpid(start(out), 0)[1])


def kill(out: str, seconds: float) -> bool:
    """Kill a training after some time; tell whether it was still at work."""
    child = start(out)
    time.sleep(seconds)
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def results(model: str) -> tuple[bytes, list[list[str]]]:
    """Return the weights, and the history without the column of times."""
    load_model(Path(model))
    rows = [line.split(",") for line in Path(model, "history.csv").read_text(encoding="ascii").splitlines()]
    return Path(model, "model.safetensors").read_bytes(), [row[:3] + row[4:] for row in rows]


def main() -> None:
    """Run all of it."""
    options = arguments(__doc__, 200)
    source = random.Random(options.random_seed)
    tally = Tally()
    start_tensorflow()
    import charlstm.training.runs  # noqa: F401 -- so that the children need not

    with tempfile.TemporaryDirectory() as scratch:
        os.chdir(scratch)
        Path("book.txt").write_text(
            "\n".join(" ".join(source.choices(WORDS, k=6)) for _ in range(220)), encoding="ascii"
        )
        began = time.monotonic()
        if finish("whole") != 0:
            raise SystemExit(f"the undisturbed run failed: {Path('whole.log').read_text(encoding='utf-8')}")
        duration = time.monotonic() - began
        expected = results("whole")
        print(f"undisturbed, the run takes {duration:.1f} s", flush=True)
        runs = kills = 0
        while kills < options.count:
            runs += 1
            for _ in range(min(source.randint(1, MOST_KILLS), options.count - kills)):
                is_killed = kill("m", source.uniform(0, duration))
                kills += 1
                tally.count("killed at work" if is_killed else "already at its end")
            code = finish("m")
            if code != 0:
                tally.find("killed at work", (runs, code, Path("m.log").read_text(encoding="utf-8")[-500:]))
            elif results("m") != expected:
                tally.find("killed at work", (runs, "other results"))
            elif left := [str(path) for path in Path("m").rglob("*.tmp")]:
                tally.find("killed at work", (runs, "left behind", left))
            print(f"{kills:,} kills, {runs:,} runs, {sum(tally.found.values()):,} found", flush=True)
            shutil.rmtree("m", ignore_errors=True)
            for leftover in Path().glob(".m.*"):  # killed before the directory was there
                shutil.rmtree(leftover)
        os.chdir("/")
    print(f"runs gone on with to their end: {runs}")
    tally.end()


if __name__ == "__main__":
    main()
