#!/usr/bin/env python3
"""What the methods of the literature are worth on a small text, at an equal number of characters read.

    examples/methods.py TINYSHAKESPEARE.txt GUTENBERG_FOLDER DICKINSON.txt OUT_FOLDER

From books to poems the parts of ULMFiT against a plain transfer; from scratch, on a part of tinyshakespeare of like
size, each regulariser alone, gradual learning and the schedules against a plain training; each with several random
seeds.  What each training gave is kept in OUT_FOLDER/results.json, and the page that they make so far in
OUT_FOLDER/methods.md.  Stop it whenever you like: run again, it goes on where it was; what stands in results.json is
not trained again.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

SHAKESPEARE_CHARS = 111_539  # a tenth of it; half of them are trained on
# Everything that is not named in a line is that of the plain training.
GRADUAL, BY_LAYER = ["--gradual"], ["--dropout", "0.1,0.2,0.3"]
AWD = [
    *["--embedding", "{units}", "--tie-weights", "--locked-dropout", "--weight-drop", "0.25"],
    *["--embedding-dropout", "0.025", "--input-dropout", "0.1", "--weight-decay", "1.2e-6", "--random-lengths"],
    *["--activation-regularization", "2", "--temporal-activation-regularization", "1"],
]
FROM_SCRATCH: Mapping[str, Sequence[str]] = {
    "plain": [],
    "no dropout": ["--dropout", "0"],
    "locked dropout": ["--locked-dropout"],
    "weight drop 0.25": ["--weight-drop", "0.25"],
    "weight drop 0.5": ["--weight-drop", "0.5"],
    "embedding": ["--embedding", "{units}"],
    "embedding, input dropout 0.1": ["--embedding", "{units}", "--input-dropout", "0.1"],
    "embedding dropout 0.05": ["--embedding-dropout", "0.05"],
    "activation regularisation 2": ["--activation-regularization", "2"],
    "temporal activation regularisation 1": ["--temporal-activation-regularization", "1"],
    "weight decay": ["--weight-decay", "1e-3"],
    "tied embedding": ["--embedding", "{units}", "--tie-weights"],
    "random lengths": ["--random-lengths"],
    "AWD set": AWD,
    "gradual learning": GRADUAL,
    "dropout by layer": BY_LAYER,
    "gradual learning, dropout by layer": [*GRADUAL, *BY_LAYER],
    "schedule constant": ["--schedule", "constant"],
    "schedule stlr": ["--schedule", "stlr"],
    "schedule cyclical": ["--schedule", "cyclical"],
    "schedule sgdr": ["--schedule", "sgdr"],
    "schedule one-cycle": ["--schedule", "one-cycle"],
    "schedule plateau": ["--schedule", "plateau"],
    "schedule step": ["--schedule", "step"],
}
STLR, RATES, UNFREEZE = ["--schedule", "stlr"], ["--layer-rate-decay", "2.6"], ["--unfreeze", "gradual"]
CARRIED_OVER: Mapping[str, Sequence[str]] = {
    "plain": [],
    "slanted triangular rate": STLR,
    "rates by layer": RATES,
    "gradual unfreezing": UNFREEZE,
    "all three": [*STLR, *RATES, *UNFREEZE],
}


def main() -> None:
    """Run what is left to run, then write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("shakespeare", "books", "poems", "out"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--units", type=int, default=256)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--seeds", type=int, default=3)
    asked = parser.parse_args()
    out, units = asked.out, str(asked.units)
    out.mkdir(parents=True, exist_ok=True)
    part = out / "shakespeare.txt"
    if not part.exists():
        # A small part, read many times: in a text that is read once, a regulariser has nothing to do.
        part.write_text(asked.shakespeare.read_text(encoding="utf-8")[:SHAKESPEARE_CHARS], encoding="utf-8")
    for name, source, how in (
        ("shakespeare", part, ["--split", "0.5,0.2,0.3", "--split-by", "position"]),
        ("books", asked.books, []),
        ("poems", asked.poems, ["--documents", "blank-lines", "--split", "0.34,0.33,0.33"]),
    ):
        if not (out / name).exists():
            charlstm("preprocess", str(source), "-o", str(out / name), *how)
    base = out / "books-base"
    size = ["--layers", "3", "--units", units, "--dropout", "0.2"]
    run = ["--epochs", str(asked.epochs), "--patience", "0"]
    plain = [*size, *run, "--batch-size", "16", "--sequence-length", "40", "--learning-rate", "0.003"]
    plain += ["--weight-drop", "0"]  # which a small text would else have
    results = Results(out / "results.json")
    write_page(out / "methods.md", results, asked)
    for seed in range(1, asked.seeds + 1):
        for name, options in CARRIED_OVER.items():
            if not results.has("poems", name, seed):
                if not is_finished(base):
                    charlstm("pretrain", str(out / "books"), *size, "--epochs", "3", "--resume", "-o", str(base))
                results.train("transfer", "poems", name, seed, ["-m", str(base), *run, *options])
                write_page(out / "methods.md", results, asked)
    for seed in range(1, asked.seeds + 1):
        for name, options in FROM_SCRATCH.items():
            if not results.has("shakespeare", name, seed):
                results.train("pretrain", "shakespeare", name, seed, [*plain, *filled(options, units)])
                write_page(out / "methods.md", results, asked)
    print(out / "methods.md")


def write_page(path: Path, results: Results, asked: argparse.Namespace) -> None:
    """Write what the trainings so far say, of each method once it is trained with all seeds."""
    page = [
        "# The methods at a small size",
        "",
        f"3 layers of {asked.units} units, {asked.epochs} epochs, {asked.seeds} random seeds. Test loss in nats per "
        "character, mean and standard deviation over the seeds; all trainings of a table read the same number of "
        "characters, up to some per cent where lengths are random. Better and worse mean by more than two standard "
        "errors of the difference. The options of each method stand in `examples/methods.py`.",
        *table("From books to poems", results.losses("poems", asked.seeds)),
        *table("From scratch, on a part of tinyshakespeare", results.losses("shakespeare", asked.seeds)),
    ]
    path.write_text("\n".join(page) + "\n", encoding="utf-8")


class Results:
    """What each training gave, by dataset, method and random seed, in a file that is complete after each of them."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}

    def has(self, dataset: str, name: str, seed: int) -> bool:
        """Return whether this training's result is kept."""
        return str(seed) in self._kept.get(dataset, {}).get(name, {})

    def train(self, command: str, dataset: str, name: str, seed: int, options: Sequence[str]) -> None:
        """Train, or go on with it, and keep its result."""
        folder = self._path.parent
        model = folder / f"{dataset}-{name.replace(' ', '-').replace(',', '')}-{seed}"
        fixed = ["--random-seed", str(seed), "--resume", "-o", str(model)]
        charlstm(command, str(folder / dataset), *options, *fixed)
        result = json.loads((model / "config.json").read_text(encoding="utf-8"))["result"]
        self._kept.setdefault(dataset, {}).setdefault(name, {})[str(seed)] = result
        scratch = self._path.with_suffix(".new")
        scratch.write_text(json.dumps(self._kept, indent=1) + "\n", encoding="utf-8")
        scratch.replace(self._path)

    def losses(self, dataset: str, seeds: int) -> Mapping[str, Sequence[float]]:
        """Return the test losses of each method, one a seed, of those that have as many."""
        return {
            name: [float(result["test_nats_per_char"]) for result in by_seed.values()]
            for name, by_seed in self._kept.get(dataset, {}).items()
            if len(by_seed) >= seeds
        }


def is_finished(model: Path) -> bool:
    """Return whether a training has come to its end."""
    config = model / "config.json"
    return config.exists() and json.loads(config.read_text(encoding="utf-8")).get("result") is not None


def charlstm(*arguments: str) -> None:
    """Run the program, and end with its exit code where that is not 0."""
    print("charlstm", *arguments, flush=True)
    code = subprocess.run([sys.executable, "-m", "charlstm", *arguments], check=False).returncode
    if code:
        sys.exit(code)


def filled(options: Sequence[str], units: str) -> list[str]:
    """Return options with the units in their place."""
    return [option.format(units=units) for option in options]


def table(title: str, losses: Mapping[str, Sequence[float]]) -> list[str]:
    """Return a table of losses against the plain training, and what it says in words; nothing before the first."""
    if "plain" not in losses:
        return []
    rows = ["", f"## {title}", "", "| method | test loss | against plain |", "|---|---|---|"]
    plain = losses["plain"]
    said: dict[str, list[str]] = {"Better than plain": [], "Worse than plain": [], "Not told apart from plain": []}
    for name, values in losses.items():
        mean, difference = statistics.mean(values), statistics.mean(values) - statistics.mean(plain)
        spread = f" ± {statistics.stdev(values):.4f}" if len(values) > 1 else ""
        rows.append(f"| {name} | {mean:.4f}{spread} | {difference:+.4f} |")
        if name != "plain":
            said[verdict(values, plain)].append(name)
    same = [f"{one} and {other}" for one, other in itertools.combinations(losses, 2) if losses[one] == losses[other]]
    said["The same to the bit"] = same
    return [*rows, "", *(f"{what}: {'; '.join(names)}." for what, names in said.items() if names)]


def verdict(values: Sequence[float], plain: Sequence[float]) -> str:
    """Return whether losses differ from the plain ones by more than two standard errors of the difference."""
    if min(len(values), len(plain)) > 1:
        difference = statistics.mean(values) - statistics.mean(plain)
        error = math.sqrt(sum(statistics.variance(each) / len(each) for each in (values, plain)))
        if abs(difference) > 2 * error:
            return "Better than plain" if difference < 0 else "Worse than plain"
    return "Not told apart from plain"


if __name__ == "__main__":
    main()
