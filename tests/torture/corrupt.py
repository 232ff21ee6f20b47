"""Damaged and hostile model, dataset and run directories.

Every byte of every JSON file and of the header of the weights is changed, every length of the header is cut, and
random documents take the place of each JSON file, with hashes that fit, as a stranger could make them.  Allowed are:
the directory opens as something that can be used, or a ModelError or DataError says why not, within ten seconds and
a gigabyte.  Runs that can be read are then gone on with, and models with extreme weights write and score text, through
the command line, which must not call it a bug.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import random
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from click.testing import CliRunner
from harness import FIRST_FORMAT, Tally, TookTooLong, arguments, peak_memory, time_limit
from mutations import mutated
from safetensors.numpy import load_file, save_file

from charlstm.cli.main import main as charlstm
from charlstm.errors import DataError, ModelError
from charlstm.store.checkpoints import load_checkpoint
from charlstm.store.dataset_directory import load_dataset
from charlstm.store.model_directory import load_arrays, load_model, weight_shapes
from charlstm.store.run_file import read_run
from charlstm.training.position import position_of

CHECKPOINT = "checkpoints/step-000000000008"
GIB = 1 << 30
# Trainings that are gone on with; each takes some seconds.
RESUMES = 60
# Models that are written and scored with, and what some of their weights are.
WRITINGS = 500
EXTREME = (3e38, -3e38, 1e30, -1e30, 1e6, -1e6, 1e5, -1e5, 1e-45, -0.0)


def open_model(path: Path) -> object:
    """Open the finished model."""
    return load_model(path)


def open_dataset(path: Path) -> object:
    """Open the dataset."""
    return load_dataset(path)


def open_run(path: Path) -> object:
    """Open what stands in the directory of an unfinished run, but for the network."""
    run = read_run(path)
    original = FIRST_FORMAT / "unfinished" / CHECKPOINT / "slots.safetensors"
    slots = {name: array.shape for name, array in load_file(original).items()}
    position_of(load_checkpoint(path, lambda _: (run.model, slots), [].append))
    return run


OPENERS: dict[str, Callable[[Path], object]] = {"model": open_model, "dataset": open_dataset, "unfinished": open_run}
JSON_FILES = {
    "model": ["config.json", "vocabulary.json"],
    "dataset": ["dataset.json", "vocabulary.json"],
    "unfinished": ["run.json", f"{CHECKPOINT}/position.json", f"{CHECKPOINT}/manifest.json"],
}


def attempt(tally: Tally, kind: str, open_it: Callable[[], object], what: object) -> bool:
    """Open something damaged; return whether it opened."""
    tally.count(kind)
    try:
        with time_limit():
            open_it()
    except (ModelError, DataError):
        return False
    except (Exception, TookTooLong) as problem:
        tally.find(kind, (what, type(problem).__name__, str(problem)[:200]))
        return False
    return True


def corrupt_bytes(tally: Tally, name: str, scratch: Path, source: random.Random) -> None:
    """Change single bytes of all files of a directory, and cut them short."""
    directory = scratch / name
    for file in sorted(path for path in directory.rglob("*") if path.is_file()):
        content = file.read_bytes()
        is_json = file.suffix == ".json"
        head = len(content) if is_json else min(len(content), 8 + int.from_bytes(content[:8], "little"))
        if file.suffix == ".npy":
            head = 128
        sample = source.sample(range(head, len(content)), min(200, len(content) - head))
        for at in [*range(min(head, len(content))), *sample]:
            for value in {content[at] ^ 1 << source.randrange(8), 0x00, 0xFF, ord("9")} - {content[at]}:
                file.write_bytes(content[:at] + bytes([value]) + content[at + 1 :])
                attempt(tally, f"{name}, one byte", lambda: OPENERS[name](directory), (file.name, at, value))
        for length in range(min(head + 1, len(content))):
            file.write_bytes(content[:length])
            attempt(tally, f"{name}, cut short", lambda: OPENERS[name](directory), (file.name, length))
        file.write_bytes(content)
    OPENERS[name](directory)


def corrupt_arrays(tally: Tally, scratch: Path, source: random.Random) -> None:
    """Change the weights file under the eyes of its reader alone, without the hash that would tell."""
    file = scratch / "model" / "model.safetensors"
    shapes = weight_shapes(load_model(file.parent).config)
    content = file.read_bytes()
    head = 8 + int.from_bytes(content[:8], "little")
    for at in [*range(head), *source.sample(range(head, len(content)), 200)]:
        for value in {content[at] ^ 1 << source.randrange(8), 0x00, 0xFF, ord("9")}:
            file.write_bytes(content[:at] + bytes([value]) + content[at + 1 :])
            attempt(tally, "weights without hash, one byte", lambda: load_arrays(file, shapes), (at, value))
    for length in range(head + 1):
        file.write_bytes(content[:length])
        attempt(tally, "weights without hash, cut short", lambda: load_arrays(file, shapes), length)
    file.write_bytes(content)


def hostile_documents(tally: Tally, scratch: Path, count: int, source: random.Random) -> list[tuple[str, bytes]]:
    """Put random documents in the place of each JSON file; return those of runs that could be opened."""
    files = [(name, file) for name, names in JSON_FILES.items() for file in names]
    originals = {place: (scratch / place[0] / place[1]).read_bytes() for place in files}
    opened: list[tuple[str, bytes]] = []
    for number in range(count):
        name, file = place = files[number % len(files)]
        directory = scratch / name
        content = mutated(json.loads(originals[place]), source)
        (directory / file).write_bytes(content)
        with fitting_hash(directory, name, file):
            if attempt(tally, f"random {Path(file).name}", lambda: OPENERS[name](directory), content[:300]):  # noqa: B023
                if name == "unfinished":
                    opened.append((file, content))
                else:
                    describe(tally, directory)
        (directory / file).write_bytes(originals[place])
    return opened


@contextlib.contextmanager
def fitting_hash(directory: Path, name: str, file: str) -> Iterator[None]:
    """Let the recorded hash of a file be the one that it has."""
    recorded = {
        ("model", "vocabulary.json"): ("config.json", ("sha256", "vocabulary.json")),
        ("dataset", "vocabulary.json"): ("dataset.json", ("files", "vocabulary.json", "sha256")),
        ("unfinished", f"{CHECKPOINT}/position.json"): (f"{CHECKPOINT}/manifest.json", ("sha256", "position.json")),
    }.get((name, file))
    if recorded is None:
        yield
        return
    record, keys = directory / recorded[0], recorded[1]
    before = record.read_bytes()
    document = inner = json.loads(before)
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = hashlib.sha256((directory / file).read_bytes()).hexdigest()
    record.write_text(json.dumps(document))
    try:
        yield
    finally:
        record.write_bytes(before)


def describe(tally: Tally, directory: Path) -> None:
    """Let `info` show a directory that could be opened."""
    for options in ([], ["--json"]):
        tally.count("info")
        with time_limit():
            result = CliRunner().invoke(charlstm, ["info", str(directory), *options])
        if result.exit_code != 0 or "\x1b" in result.output:
            tally.find("info", (result.exit_code, result.output[:300], repr(result.exception)))


def write_with(tally: Tally, scratch: Path, count: int, source: random.Random) -> None:
    """Write and score text with models some of whose weights are extreme."""
    directory = scratch / "model"
    before = {name: (directory / name).read_bytes() for name in ("config.json", "model.safetensors")}
    text = scratch / "text.txt"
    text.write_text("Once upon a time\n", encoding="ascii")
    for number in range(count):
        (directory / "model.safetensors").write_bytes(before["model.safetensors"])
        arrays = load_file(directory / "model.safetensors")
        chosen = []
        for _ in range(source.choice([1, 3, 100])):
            array = arrays[name := source.choice(sorted(arrays))].reshape(-1)
            place, value = source.randrange(array.size), source.choice(EXTREME)
            array[place] = value
            chosen.append((name, place, value))
        save_file(arrays, directory / "model.safetensors")
        document = json.loads(before["config.json"])
        weights = (directory / "model.safetensors").read_bytes()
        document["sha256"]["model.safetensors"] = hashlib.sha256(weights).hexdigest()
        (directory / "config.json").write_text(json.dumps(document), encoding="ascii")
        writing = ["sample", "--length", "20", "--temperature", source.choice(["0", "1e-9", "0.7", "9"])]
        line = [*writing, "--num-samples", source.choice("13")] if number % 3 else ["score", str(text)]
        tally.count("extreme weights")
        with time_limit():
            result = CliRunner().invoke(charlstm, [*line, "-m", str(directory), "--json"])
        is_fine = result.exit_code == 5 or (result.exit_code == 0 and json.loads(result.stdout))
        if not is_fine or "Warning" in result.output:
            tally.find("extreme weights", (line, chosen[:3], result.exit_code, result.output[-300:]))
    for name, content in before.items():
        (directory / name).write_bytes(content)


def go_on(tally: Tally, scratch: Path, opened: list[tuple[str, bytes]], source: random.Random) -> None:
    """Go on with runs whose documents could be read, for three steps."""
    from charlstm.training import execution

    @contextlib.contextmanager
    def requests() -> Iterator[Callable[[], int | None]]:
        left = [3]

        def asked() -> int | None:
            left[0] -= 1
            return signal.SIGTERM if left[0] < 0 else None

        yield asked

    execution.stop_requests = requests
    for file, content in source.sample(opened, min(RESUMES, len(opened))):
        shutil.rmtree(scratch / "again", ignore_errors=True)
        shutil.copytree(FIRST_FORMAT / "unfinished", scratch / "again")
        (scratch / "again" / file).write_bytes(content)
        tally.count("resume")
        with fitting_hash(scratch / "again", "unfinished", file):
            try:
                with time_limit():
                    result = CliRunner().invoke(charlstm, ["pretrain", "--resume", "-o", str(scratch / "again")])
            except TookTooLong as problem:
                tally.find("resume", (file, content[:2000], str(problem)))
                continue
        if result.exit_code not in (0, 1, 2, 4, 5, 6, 143):
            tally.find("resume", (file, content[:2000], result.exit_code, result.output[-300:]))


def main() -> None:
    """Run all of it."""
    options = arguments(__doc__, 20_000)
    source = random.Random(options.random_seed)
    tally = Tally()
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        for directory in OPENERS:
            shutil.copytree(FIRST_FORMAT / directory, scratch / directory)
        for directory in OPENERS:
            corrupt_bytes(tally, directory, scratch, source)
        corrupt_arrays(tally, scratch, source)
        opened = hostile_documents(tally, scratch, options.count, source)
        write_with(tally, scratch, min(WRITINGS, options.count), source)
        tally.count("memory")
        if (peak := peak_memory()) > GIB:
            tally.find("memory", f"{peak:,} bytes")
        print(f"most memory at once: {peak / GIB:.2f} GiB")
        go_on(tally, scratch, opened, source)
    tally.end()


if __name__ == "__main__":
    main()
