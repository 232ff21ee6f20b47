"""Command lines from the real options of every command, with hostile values: at random, and each value by itself.

They run in this process, in a scratch directory that is made anew for each.  None may be called a bug (exit code 3),
show a traceback or take over a minute; `--json` must print one document when all went well; and stdout stays empty
when it did not.  Lines that would train, score a text or start other processes do so for some of them, and stop before
it for the rest.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
from click.testing import CliRunner, Result
from harness import FIRST_FORMAT, Tally, TookTooLong, arguments, time_limit

from charlstm.cli.main import COMMANDS
from charlstm.cli.main import main as charlstm
from charlstm.errors import CharlstmError

# Lines that really train or score, each of which takes seconds, and those that start other processes: half a minute.
TRAINED = 150
BESIDE = 4

NUMBERS = (
    *(
        "0",
        "1",
        "2",
        "3",
        "7",
        "64",
        "65536",
        "65537",
        "-1",
        "-0",
        "+1",
        "1e3",
        "1e999",
        "1e-400",
        "nan",
        "inf",
        "-inf",
    ),
    *("0.5", "0.99", "1.0", "1.5", "9" * 19, "9" * 30, "9" * 400, "9" * 5000, "0x10", "1_000", " 1 ", "١٢", "²", ""),
    *("9223372036854775807", "9223372036854775808", "1e308", "5e-324", "NaN", "1,", ",", "1,1", "0,2", "0,0", "3,2,1"),
    *("0.5,0.25,0.25", "1,0,0", "0,0.5,0.5", "nan,0,1", "0.1,nan", ",".join(["1"] * 65), "all", "none"),
)
TEXTS = (
    *(
        "",
        " ",
        "x",
        "a b",
        "king",
        "the\nking",
        "\n",
        "\t",
        "\r",
        "\\n",
        "\\",
        "\x1b[2J",
        "\x07",
        "\udcff",
        "\udce4x",
        "é",
    ),
    *(
        "\U0001f600",
        "\u202eabc",
        "\u0301",
        "\ufeff",
        "x" * 3000,
        "--json",
        "--",
        "-",
        "-o",
        "--no-such",
        "=",
        "x=y",
        "=y",
    ),
    *(
        "utf-8",
        "UTF8",
        "utf-7",
        "utf-16",
        "latin-1",
        "idna",
        "punycode",
        "unicode_escape",
        "raw_unicode_escape",
        "rot13",
    ),
    *(
        "zlib",
        "undefined",
        "mbcs",
        "ascii",
        "cp037",
        "hz",
        "utf_8_sig",
        "../utf_8",
        "encodings.utf_8",
        "[bold]x[/bold]",
    ),
    *("%s", "{x}", "${HOME}", "$(id)", "~", "*", "nfc", "auto", "text", "king,queen", "Ⅻ", "ß", "İ"),
)
PATHS = (
    *(
        "dataset",
        "model",
        "unfinished",
        "text.txt",
        "empty.txt",
        "tiny.txt",
        "table.csv",
        "rows.jsonl",
        "binary",
        "folder",
    ),
    *(
        "empty",
        "missing",
        "missing/below",
        "text.txt/below",
        ".",
        "..",
        "./",
        "dataset/",
        "model/config.json",
        "python-manual",
    ),
    *(
        "link",
        "dangling",
        "loop",
        "loop/x",
        "/dev/null",
        "/dev/zero",
        "/dev/full/x",
        "/proc/self/mem",
        "",
        " ",
        "-",
        "--",
    ),
    *("-dash.txt", "new\nline.txt", "esc\x1b[2J.txt", "bytes-\udcff.txt", "x" * 300, "a/" * 2500, "dataset/train.npy"),
    *("ballads", "broken.gz", "utf16.txt", "fresh", "fresh/deeper", "runs/latest", "~", "C:\\x", "*.txt"),
)
OUTS = tuple(path for path in PATHS if path not in ("", "..", ".", "./", "~"))


# So that a sound line does not take long.
SMALL = {
    "--units": "3",
    "--batch-size": "2",
    "--sequence-length": "8",
    "--epochs": "1",
    "--max-minutes": "0.001",
    "--length": "10",
    "--steps": "3",
    "--repetitions": "1",
}
# What each command does well with, so that a single hostile value beside it gets as far as it can.
SOUND = {
    "preprocess": ["text.txt", "-o", "fresh"],
    "pretrain": ["text.txt", "-o", "fresh"],
    "transfer": ["text.txt", "-m", "model", "-o", "fresh"],
    "find-rate": ["text.txt"],
    "sweep": ["text.txt", "-m", "model", "--subsets", "none", "-o", "fresh"],
    "sample": ["-m", "model"],
    "evaluate": ["text.txt", "-m", "model"],
    "score": ["text.txt", "-m", "model"],
    "report": ["-m", "model", "--against", "dataset", "--length", "100"],
    "benchmark": [],
    "info": ["model"],
    "plot": ["model", "-o", "fresh.png"],
}


def options_of(command: str) -> list[click.Option]:
    """Return the options of a command, but for --help."""
    with click.Context(charlstm) as context:
        found = charlstm.get_command(context, command)
    assert found is not None
    return [parameter for parameter in found.params if isinstance(parameter, click.Option)]


def command_line(command: str, options: list[click.Option], source: random.Random) -> list[str]:
    """Return a random command line, small where it would take long."""
    line = [command]
    names = {name for option in options for name in option.opts}
    for name, value in SMALL.items():
        if name in names and source.random() < 0.95:
            line += [name, value]
    for option in options:
        if source.random() < max(0.08, 1.5 / len(options)):
            name = source.choice(option.opts)
            line += [name] if option.is_flag else [name, value_for(option, source)]
            if source.random() < 0.1 and not option.is_flag:
                line[-2:] = [f"{name}={line[-1]}"] if name.startswith("--") else [name + line[-1]]
    count = source.choice((0, 1, 1, 1, 1, 2, 3)) if command != "sample" else source.choice((0, 0, 0, 0, 0, 1))
    places = PATHS if source.random() < 0.5 else PATHS[:10]
    line += [source.choice(places) for _ in range(count)]
    if source.random() < 0.05:
        line.insert(source.randrange(len(line) + 1), source.choice(TEXTS))
    if source.random() < 0.1:
        source.shuffle(line)
        line.remove(command)
        line.insert(0, command)
    return line


def value_for(option: click.Option, source: random.Random) -> str:
    """Return a value for an option: often a good one, else a hostile one."""
    name = option.opts[-1]
    if isinstance(option.type, click.Choice) and source.random() < 0.7:
        return str(source.choice(list(option.type.choices)))
    if name == "--out":
        return source.choice(OUTS)
    if name == "--model":
        return source.choice(("model",) * 12 + PATHS)
    if takes_its_time(option):
        return source.choice([value for value in (*NUMBERS, *TEXTS) if is_brief(value)])
    if name in ("--units", "--layers", "--repetitions") and source.random() < 0.9:
        return source.choice(("1", "2", "3", "0", "-1", "1,2", "65537", "9" * 400, "x", "", "nan"))
    return source.choice(source.choice((NUMBERS, NUMBERS, TEXTS, PATHS)))


def takes_its_time(option: click.Option) -> bool:
    """Tell whether large values of an option are sound, and take as long as they say."""
    name = option.opts[-1]
    return name in ("--length", "--num-samples", "--epochs", "--beam", "--steps") or (
        name == "--seeds" and isinstance(option.type, click.IntRange)
    )


def is_brief(value: str) -> bool:
    """Tell whether a value is not a large number."""
    return len(value) < 3 or not value.strip("+ ").isdecimal()


def furnish(scratch: Path) -> None:
    """Make the files that the command lines name."""
    for name in ("dataset", "model", "unfinished"):
        shutil.copytree(FIRST_FORMAT / name, scratch / name)
    (scratch / "folder" / "inner").mkdir(parents=True)
    (scratch / "empty").mkdir()
    text = "the king rode over grey ford and sang of winter\n" * 20
    for name in ("text.txt", "-dash.txt", "new\nline.txt", "esc\x1b[2J.txt", "bytes-\udcff.txt", "folder/inner/a.md"):
        (scratch / name).write_text(text, encoding="utf-8")
    (scratch / "empty.txt").touch()
    (scratch / "tiny.txt").write_text("abc", encoding="utf-8")
    (scratch / "table.csv").write_text("x,text\ny,the king\nz,a ford\n" * 9, encoding="utf-8")
    rows = '{"text": "the \\ud800 king", "x": "y"}\n{"text": "a ford"}\n'
    (scratch / "rows.jsonl").write_text(rows, encoding="utf-8")
    (scratch / "binary").write_bytes(bytes(range(256)) * 4)
    (scratch / "broken.gz").write_bytes(b"\x1f\x8b\x08\x00rest")
    (scratch / "utf16.txt").write_text(text, encoding="utf-16")
    (scratch / "link").symlink_to("text.txt")
    (scratch / "dangling").symlink_to("nothing")
    (scratch / "loop").symlink_to("loop")
    (scratch / "runs").mkdir()
    shutil.copytree(scratch / "model", scratch / "runs" / "pretrain-1")
    (scratch / "runs" / "latest").symlink_to("pretrain-1")


def check(tally: Tally, line: list[str], result: Result) -> None:
    """Find what a command line must not do."""
    kind, shown = line[0] if line[0] in COMMANDS else "other", (line, result.exit_code, result.stderr[-300:])
    tally.count(kind)
    if result.exit_code == 3 or (result.exception and not isinstance(result.exception, SystemExit)):
        tally.find(kind, (*shown, repr(result.exception)[:200]))
    elif "Traceback (most recent" in (result.stderr if "python-manual" in line else result.output):
        # Python's manual speaks of tracebacks itself.
        tally.find(kind, ("a traceback", *shown))
    elif "\x1b" in result.stderr or ("\x1b" in result.stdout and "--raw" not in line):
        tally.find(kind, ("control characters", *shown))
    elif result.exit_code != 0 and result.stdout:
        tally.find(kind, ("stdout in spite of a failure", *shown, result.stdout[:200]))
    elif result.exit_code == 0 and asks_for_json(line):
        try:
            json.loads(result.stdout)
        except ValueError as problem:
            tally.find(kind, ("no JSON", *shown, str(problem), result.stdout[:200]))


def asks_for_json(line: list[str]) -> bool:
    """Tell whether a line asks for JSON: `--json` may be the value of another option, or stand behind their end."""
    if line[0] not in COMMANDS or {"--help", "-h"} & set(line):
        return False
    command = charlstm.get_command(click.Context(charlstm), line[0])
    assert command is not None
    return bool(command.make_context(line[0], line[1:], resilient_parsing=True).params.get("as_json"))


def run_lines(tally: Tally, lines: Iterator[list[str]], source: random.Random, trained: int) -> None:
    """Run command lines, letting `trained` of them train or score."""
    limit_training(trained)
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as name:
        work = Path(name) / "one" / "two" / "work"
        for line in lines:
            shutil.rmtree(Path(name) / "one", ignore_errors=True)
            work.mkdir(parents=True)
            os.chdir(work)
            furnish(work)
            environment = {"CHARLSTM_MAX_MINUTES": source.choice(NUMBERS)} if source.random() < 0.02 else {}
            text = source.choice(("", "the king\n" * 50, b"\xff\xfe", b"\x1f\x8b"))
            try:
                with time_limit():
                    result = CliRunner().invoke(charlstm, line, input=text, env=environment)
            except TookTooLong as problem:
                tally.find(line[0], (line, str(problem)))
                continue
            check(tally, line, result)
            os.chdir(before)


def limit_training(count: int) -> None:
    """Let only so many trainings and scorings of this process happen, and fewer in others; the rest are an error."""
    from charlstm.model.runtime import start_tensorflow

    start_tensorflow()
    from charlstm.benchmark.report import Benchmark
    from charlstm.evaluation import evaluate
    from charlstm.experiments import sweep
    from charlstm.training import execution, rate_range

    def limited(function: Callable[..., Any], left: list[int]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            left[0] -= 1
            if left[0] < 0:
                raise CharlstmError("enough was trained")
            return function(*args, **kwargs)

        return call

    trainings, beside = [count], [min(count, BESIDE)]
    execution._train = limited(execution._train, trainings)
    evaluate._score = limited(evaluate._score, trainings)
    rate_range.find_rate = limited(rate_range.find_rate, trainings)
    sweep._run_beside = limited(sweep._run_beside, beside)
    Benchmark.training = limited(Benchmark.training, beside)  # type: ignore[method-assign]
    Benchmark.sampling = limited(Benchmark.sampling, beside)  # type: ignore[method-assign]


def random_lines(count: int, source: random.Random, commands: list[str]) -> Iterator[list[str]]:
    """Yield command lines of all commands in turn."""
    options = {command: options_of(command) for command in commands}
    for number in range(count):
        command = commands[number % len(commands)]
        yield command_line(command, options[command], source)


def each_alone() -> Iterator[list[str]]:
    """Yield for each command a line that is sound but for one value, for each option and each value."""
    for command, sound in SOUND.items():
        options = options_of(command)
        names = {name for option in options for name in option.opts}
        small = [each for name, value in SMALL.items() if name in names and name not in sound for each in (name, value)]
        for option in options:
            name = option.opts[-1]
            values = NUMBERS + TEXTS + (OUTS if name == "--out" else PATHS)
            if takes_its_time(option):
                values = tuple(filter(is_brief, values))
            for value in dict.fromkeys([] if option.is_flag else values):
                yield [command, *sound, *small, f"{name}={value}"]


def main() -> None:
    """Run all of it."""
    options = arguments(__doc__, 5000)
    source = random.Random(options.random_seed)
    tally = Tally()
    alone = list(each_alone())
    some_alone = source.sample(alone, min(options.count, len(alone)))
    lines = itertools.chain(random_lines(options.count, source, list(COMMANDS)), some_alone)
    run_lines(tally, lines, source, TRAINED)
    tally.end()


if __name__ == "__main__":
    main()
