#!/usr/bin/env python3
"""What the methods of the literature are worth on two small corpora, at an equal number of characters read.

    examples/methods.py TINYSHAKESPEARE.txt GUTENBERG_FOLDER DICKINSON.txt OUT_FOLDER

On tinyshakespeare each regulariser alone, gradual learning and the schedules against a plain training; from books to
poems the parts of ULMFiT against a plain transfer; each with several random seeds.  What each training gave is kept in
OUT_FOLDER/results.json, and the page that they make in OUT_FOLDER/methods.md.  Stop it whenever you like: run again, it
goes on where it was; what stands in results.json is not trained again.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

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
    "input dropout 0.1": ["--input-dropout", "0.1"],
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
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=3)
    asked = parser.parse_args()
    out, units = asked.out, str(asked.units)
    seeds = range(1, asked.seeds + 1)
    for name, source, how in (
        ("shakespeare", asked.shakespeare, ["--split", "0.9,0.05,0.05", "--split-by", "position"]),
        ("books", asked.books, []),
        ("poems", asked.poems, ["--documents", "blank-lines", "--split", "0.34,0.33,0.33"]),
    ):
        if not (out / name).exists():
            charlstm("preprocess", str(source), "-o", str(out / name), *how)
    plain = ["--layers", "3", "--units", units, "--dropout", "0.2", "--epochs", str(asked.epochs), "--patience", "0"]
    plain += ["--batch-size", "32", "--sequence-length", "80"]
    base = ["--layers", "3", "--units", units, "--epochs", str(2 * asked.epochs), "--dropout", "0.2"]
    over = ["-m", str(out / "books-base-1"), "--epochs", "12", "--patience", "0"]
    results = Results(out / "results.json")
    for seed in seeds:
        for name, options in FROM_SCRATCH.items():
            results.train("pretrain", "shakespeare", name, seed, [*plain, *filled(options, units)])
    results.train("pretrain", "books", "base", 1, base)
    for seed in seeds:
        for name, options in CARRIED_OVER.items():
            results.train("transfer", "poems", name, seed, [*over, *options])
    page = [
        "# The methods at a small size",
        "",
        f"3 layers of {units} units, {asked.seeds} random seeds. Test loss in nats per character, mean and standard "
        "deviation over the seeds; all trainings of a table read the same number of characters, up to some per cent "
        "where lengths are random.",
        *table(f"From scratch, tinyshakespeare, {asked.epochs} epochs", results.losses("shakespeare")),
        *table("From books to poems, 12 epochs", results.losses("poems")),
    ]
    (out / "methods.md").write_text("\n".join(page) + "\n", encoding="utf-8")
    print(out / "methods.md")


class Results:
    """What each training gave, by dataset, method and random seed, in a file that is complete after each of them."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}

    def train(self, command: str, dataset: str, name: str, seed: int, options: Sequence[str]) -> None:
        """Train, or go on with it, unless its result is kept already."""
        of_method = self._kept.setdefault(dataset, {}).setdefault(name, {})
        if str(seed) in of_method:
            return
        folder = self._path.parent
        model = folder / f"{dataset}-{name.replace(' ', '-').replace(',', '')}-{seed}"
        fixed = ["--random-seed", str(seed), "--resume", "-o", str(model)]
        charlstm(command, str(folder / dataset), *options, *fixed)
        of_method[str(seed)] = json.loads((model / "config.json").read_text(encoding="utf-8"))["result"]
        scratch = self._path.with_suffix(".new")
        scratch.write_text(json.dumps(self._kept, indent=1) + "\n", encoding="utf-8")
        scratch.replace(self._path)

    def losses(self, dataset: str) -> Mapping[str, Sequence[float]]:
        """Return the test losses of each method, one a seed."""
        return {
            name: [float(result["test_nats_per_char"]) for result in by_seed.values()]
            for name, by_seed in self._kept[dataset].items()
        }


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
    """Return a table of losses against the plain training, and what it says in words."""
    rows = ["", f"## {title}", "", "| method | test loss | against plain |", "|---|---|---|"]
    helped, harmed, open_ = [], [], []
    plain = losses["plain"]
    for name, values in losses.items():
        mean, difference = statistics.mean(values), statistics.mean(values) - statistics.mean(plain)
        rows.append(f"| {name} | {mean:.4f} ± {deviation(values):.4f} | {difference:+.4f} |")
        if name == "plain":
            continue
        # Of independent means: the standard error of their difference.
        error = math.sqrt((deviation(values) ** 2 + deviation(plain) ** 2) / len(values))
        (open_ if abs(difference) <= 2 * error else helped if difference < 0 else harmed).append(name)
    if len(plain) < 2:
        return [*rows, "", "One seed each says nothing of what is chance."]
    words = (("Better than plain", helped), ("Worse than plain", harmed), ("Not told apart from plain", open_))
    said = [f"{what} (by more than two standard errors): {', '.join(names)}." for what, names in words[:2] if names]
    said += [f"{words[2][0]}: {', '.join(open_)}."] if open_ else []
    return [*rows, "", " ".join(said)]


def deviation(values: Sequence[float]) -> float:
    """Return the standard deviation, 0 for a single value."""
    return statistics.stdev(values) if len(values) > 1 else 0.0


if __name__ == "__main__":
    main()
