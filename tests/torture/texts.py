"""Texts and names that nobody would write by hand, through `preprocess`, and what comes of them through `sample`.

Every plane of Unicode, control characters and lone surrogates, line ends of all kinds, NUL bytes, one line of 100 MB,
pipes that never end and pipes that nobody writes to, random bytes in every encoding, and names with spaces, line ends,
escape sequences and leading dashes.
"""

from __future__ import annotations

import encodings.aliases
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import numpy as np
from click.testing import CliRunner
from harness import LONGEST_SECONDS, Tally, TookTooLong, arguments, time_limit

from charlstm.cli.main import main as charlstm
from charlstm.config import CorpusConfig, ModelConfig
from charlstm.data import sources
from charlstm.model.weights import initial_weights
from charlstm.store.dataset_directory import load_dataset, write_dataset
from charlstm.store.model_directory import save_model

GIB = 1 << 30
GOOD_ENDS = (0, 2, 4)
PLANE = 1 << 16
NAMES = (
    "with space",
    "new\nline",
    "-dash",
    "--json",
    "esc\x1b[2J",
    "\udcff",
    "é",
    "e\u0301",
    "\u202e",
    "a;b",
    "$(x)",
    "'",
    '"',
)


def preprocess(tally: Tally, kind: str, line: list[str], content: object = "") -> dict[str, object] | None:
    """Run one `preprocess --json` and return what it prints, None where it refuses."""
    tally.count(kind)
    try:
        with time_limit():
            result = CliRunner().invoke(charlstm, ["preprocess", "--json", "--overwrite", *line])
    except TookTooLong as problem:
        tally.find(kind, (line, content, str(problem)))
        return None
    if result.exit_code not in GOOD_ENDS or "\x1b" in result.output or "Traceback" in result.output:
        tally.find(kind, (line, content, result.exit_code, result.output[-300:]))
    if result.exit_code != 0:
        if result.stdout:
            tally.find(kind, (line, "stdout in spite of a failure", result.stdout[:100]))
        return None
    load_dataset(Path(line[line.index("-o") + 1]))
    return json.loads(result.stdout)  # type: ignore[no-any-return]


def planes(tally: Tally) -> None:
    """Read every character of every plane, and let a model of them write."""
    for plane in range(17):
        codes = range(plane * PLANE, (plane + 1) * PLANE)
        characters = [chr(code) for code in codes if code and not 0xD800 <= code <= 0xDFFF]
        text = "".join(character + ("\n" if number % 50 == 49 else "") for number, character in enumerate(characters))
        Path("plane.txt").write_text(text, encoding="utf-8", newline="")
        for form in ("none", "nfc", "nfkc", "ascii"):
            line = ["plane.txt", "-o", "set", "--normalize", form]
            summary = preprocess(tally, "planes", line, plane)
            if summary is None and form != "ascii":
                tally.find("planes", (plane, form, "is refused"))
            if form == "none" and summary is not None:
                write(tally, plane)


def write(tally: Tally, plane: int) -> None:
    """Sample from a model with the symbols of the dataset, most of which its terminal should not be given."""
    vocabulary = load_dataset(Path("set")).vocabulary
    config = ModelConfig(len(vocabulary), (1,), (0.0,))
    weights = initial_weights(config, 1)
    Path("m").mkdir(exist_ok=True)
    save_model(Path("m"), config, vocabulary, weights, training={}, dataset={}, lineage=[], result={})
    for options in ([], ["--json"], ["--raw"]):
        tally.count("sample")
        seed = "".join(vocabulary.symbols[-3:])
        line = ["sample", "-m", "m", "--length", "300", "--temperature", "9", "--seed", seed, *options]
        with time_limit():
            result = CliRunner().invoke(charlstm, line)
        bad = [sign for sign in result.stdout if (ord(sign) < 32 and sign not in "\n\t") or 127 <= ord(sign) < 160]
        if result.exit_code != 0 or (bad and options != ["--raw"]):
            tally.find("sample", (plane, options, result.exit_code, bad, result.stderr[-300:]))


def line_ends(tally: Tally, source: random.Random, count: int) -> None:
    """Read random mixes of line ends, blanks and marks, in all ways of telling documents apart."""
    pieces = [
        "\r",
        "\n",
        "\r\n",
        "\n\n",
        "\r\r\n",
        " ",
        "\t",
        "\f",
        "\v",
        "\x85",
        "\u2028",
        "a",
        "b",
        "a b",
        "\ufeff",
        "\x1c",
        "\x1b[2J",
    ]
    for _ in range(count):
        content = "".join(source.choices(pieces, k=source.choice((0, 1, 3, 10, 300)))).encode()
        if source.random() < 0.1:
            content += source.choice((b"\0", b"\xff", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\xaf"))
        Path("mix.txt").write_bytes(content)
        options = ["--documents", source.choice(("file", "blank-lines", "line"))]
        if source.random() < 0.2:
            options = ["--document-delimiter", source.choice(pieces)]
        expected = content.decode("utf-8", "replace").removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
        summary = preprocess(
            tally, "line ends", ["mix.txt", "-o", "set", "--normalize", "none", *options], content[:300]
        )
        if summary is not None and options == ["--documents", "file"]:
            found = sum(len(part) for part in load_dataset(Path("set")).splits.values()) - 1
            if not 0 <= len(expected) - found <= len(expected) - len(expected.strip()):
                tally.find("line ends", (content[:300], found, len(expected)))


def random_bytes(tally: Tally, source: random.Random, count: int) -> None:
    """Read random bytes in every encoding that Python knows."""
    names = sorted(
        {*encodings.aliases.aliases.values(), "idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined"}
    )
    for number in range(count):
        encoding = names[number % len(names)]
        words = "the king rode \u00e9\u4e00\r\n" * source.randrange(30)
        try:
            content = words.encode(encoding, "ignore")
        except (LookupError, ValueError):
            content = b""
        if isinstance(content, bytes) and source.random() < 0.7:
            content += source.choice(
                (source.randbytes(40), rb"\ud800\x1b[2J\N{DIGIT ONE}", b"+2AA-+//4-", b"+AAA-", b"~{", b"xn--a")
            )
        Path("raw.txt").write_bytes(content)
        preprocess(tally, "encodings", ["raw.txt", "-o", "set", "--encoding", encoding], (encoding, content[:100]))


def tables(tally: Tally, source: random.Random, count: int) -> None:
    """Read random tables: escapes that make surrogates and NUL, stray quotes, missing columns."""
    pieces = [
        '"',
        ",",
        "\n",
        "text",
        "a",
        "{",
        "}",
        "[",
        "]",
        ":",
        '"text":',
        "\\ud800",
        "\\u0000",
        "\t",
        "null",
        "1",
        "\\",
        '{"text": "ab"}\n',
        "[" * 3000,
    ]
    for _ in range(count):
        name = source.choice(("t.csv", "t.tsv", "t.jsonl"))
        start = source.choice(("", "text\n", "x,text\n", '{"text": "abc def"}\n'))
        text = start + "".join(source.choices(pieces, k=source.randrange(40)))
        Path(name).write_text(text, encoding="utf-8", newline="")
        options = source.choice(([], ["--column", "text"], ["--where", "x=a"], ["--documents", "row"]))
        preprocess(tally, "tables", [name, "-o", "set", *options], text[:300])


def names(tally: Tally) -> None:
    """Read files and write datasets with such names, and show them."""
    for name in NAMES:
        file = f"{name}.txt"
        Path(file).write_text("the king rode over\n" * 20, encoding="utf-8")
        for line in (["-o", f"{name} set", "--", file], ["-o", f"{name} set", f"./{file}"]):
            if preprocess(tally, "names", line) is None:
                tally.find("names", (line, "is refused"))
        for options in ([], ["--json"]):
            tally.count("names")
            result = CliRunner().invoke(charlstm, ["info", *options, "--", f"{name} set"])
            if result.exit_code != 0 or "\x1b" in result.output:
                tally.find("names", (name, options, result.exit_code, result.output[-300:]))
        tally.count("names")
        result = CliRunner().invoke(charlstm, ["preprocess", "--overwrite", "-o", f"{name} set", "--", file])
        if result.exit_code != 0 or "\x1b" in result.output:
            tally.find("names", (name, result.exit_code, result.output[-300:]))


def one_line(tally: Tally) -> None:
    """Read one line of 100 MB, in a gigabyte."""
    Path("line.txt").write_bytes(
        np.random.default_rng(1).choice(np.frombuffer(b"abc def", np.uint8), 100_000_000).tobytes()
    )
    code = (
        "import sys, pathlib; from charlstm.config import CorpusConfig;"
        "from charlstm.store.dataset_directory import write_dataset;"
        "write_dataset([sys.argv[1]], CorpusConfig(documents=sys.argv[2]), pathlib.Path('long'), overwrite=True);"
        "print(open('/proc/self/status').read().split('VmHWM:')[1].split()[0])"
    )
    for documents in ("file", "line", "blank-lines"):
        tally.count("100 MB line")
        done = subprocess.run(
            [sys.executable, "-c", code, "line.txt", documents], capture_output=True, text=True, check=False
        )
        if done.returncode != 0 or 1024 * int(done.stdout) > GIB:
            tally.find("100 MB line", (documents, done.stdout, done.stderr[-300:]))
    Path("line.txt").unlink()


def pipes(tally: Tally) -> None:
    """Read pipes: one that ends, ones that never end, ones that nobody writes to."""
    os.mkfifo("pipe.txt")

    def feed(content: bytes, *, endless: bool) -> None:
        try:
            with open("pipe.txt", "wb") as pipe:
                pipe.write(content)
                while endless:
                    pipe.write(content)
        except BrokenPipeError:
            pass

    sources.MAX_SPOOLED_BYTES = 64 << 20  # reading four gigabytes to the bound would only take longer
    for content, endless in ((b"the king rode over\n" * 50, False), (b"y\n" * 50_000, True), (bytes(1 << 16), True)):
        feeder = threading.Thread(target=feed, args=(content,), kwargs={"endless": endless}, daemon=True)
        feeder.start()
        summary = preprocess(tally, "pipes", ["pipe.txt", "-o", "set"], content[:20])
        if (summary is None) != endless:
            tally.find("pipes", (content[:20], summary))
        feeder.join(10)
    # Whoever names a pipe waits for its writer, as any program does; Ctrl-C ends that.
    tally.count("pipes")
    waiting = subprocess.Popen(
        [sys.executable, "-m", "charlstm", "preprocess", "pipe.txt", "-o", "set2"], stderr=subprocess.PIPE
    )
    try:
        waiting.wait(timeout=5)
        tally.find("pipes", ("did not wait for a writer", waiting.returncode))
    except subprocess.TimeoutExpired:
        waiting.send_signal(2)
        if waiting.wait(timeout=LONGEST_SECONDS) != 130 or Path("set2").exists():
            tally.find("pipes", ("was not interrupted in order", waiting.returncode))
    finally:
        waiting.kill()
    # Inside a folder or a directory of ours a pipe is nothing to wait for.
    Path("folder").mkdir()
    os.mkfifo("folder/pipe.txt")
    Path("folder/a.txt").write_text("the king rode over\n" * 20, encoding="ascii")
    if preprocess(tally, "pipes", ["folder", "-o", "set"]) is None:
        tally.find("pipes", "a folder with a pipe is refused")
    for name in ("dataset.json", "vocabulary.json", "train.npy"):
        write_dataset(["folder/a.txt"], CorpusConfig(), Path("piped"), overwrite=True)
        Path("piped", name).unlink()
        os.mkfifo(f"piped/{name}")
        tally.count("pipes")
        with time_limit():
            result = CliRunner().invoke(charlstm, ["info", "piped"])
        if result.exit_code != 4:
            tally.find("pipes", (name, result.exit_code, result.output))


def main() -> None:
    """Run all of it."""
    options = arguments(__doc__, 1000)
    source = random.Random(options.random_seed)
    tally = Tally()
    with tempfile.TemporaryDirectory() as scratch:
        os.chdir(scratch)
        planes(tally)
        line_ends(tally, source, options.count)
        random_bytes(tally, source, options.count)
        tables(tally, source, options.count)
        names(tally)
        pipes(tally)
        one_line(tally)
        os.chdir("/")
    tally.end()


if __name__ == "__main__":
    main()
