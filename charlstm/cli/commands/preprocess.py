"""charlstm preprocess: text to a dataset directory."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import click

from charlstm.cli.options import json_option, out_option, overwrite_option, random_seed_option
from charlstm.cli.params import COLUMN_VALUE, ESCAPED_TEXT, NUMBERS
from charlstm.config import Documents, Level, Normalize, SplitBy, Unknown


@click.command()
@click.argument("sources", nargs=-1, required=True, metavar="SOURCES...")
@out_option("Dataset directory to make.", "preprocess")
@click.option("--encoding", default="utf-8", show_default=True, metavar="NAME", help="Encoding of the text.")
@click.option(
    "--normalize",
    type=click.Choice(get_args(Normalize)),
    default="nfc",
    show_default=True,
    help="Unicode normal form; ascii folds to the nearest ASCII.",
)
@click.option(
    "--level",
    type=click.Choice(get_args(Level)),
    default="char",
    show_default=True,
    help="What a symbol is. Text with <unk> for rare words is taken as tokenised, and parted at white space only.",
)
@click.option("--lowercase", is_flag=True, help="Lower-case all text.")
@click.option("--keep", type=ESCAPED_TEXT, metavar="CHARS", show_default="all", help="The only symbols to keep.")
@click.option(
    "--min-count", type=click.IntRange(1), default=1, show_default=True, help="Leave out symbols that are rarer."
)
@click.option(
    "--max-vocabulary",
    type=click.IntRange(3),
    metavar="N",
    show_default="no limit",
    help="Keep the most frequent symbols only, N with the unknown one.",
)
@click.option(
    "--unknown",
    type=click.Choice(get_args(Unknown)),
    show_default="drop for characters, symbol for words",
    help="What is left out is dropped, or becomes the unknown symbol.",
)
@click.option("--keep-boilerplate", is_flag=True, help="Keep Project Gutenberg's licence header and footer.")
@click.option(
    "--documents",
    type=click.Choice(get_args(Documents)),
    default="file",
    show_default=True,
    help="What one document is; in a table, a row. blank-lines: two or more blank lines part documents, or one "
    "where the text nowhere has two.",
)
@click.option(
    "--document-delimiter",
    type=ESCAPED_TEXT,
    show_default="none",
    help=r"Text that stands between documents, such as '\n---\n'; instead of --documents.",
)
@click.option("--column", metavar="NAME", show_default="the only one, or text", help="Column that holds the text.")
@click.option("--where", type=COLUMN_VALUE, multiple=True, help="Take only rows with this value; repeatable.")
@click.option(
    "--split", type=NUMBERS, default="0.8,0.1,0.1", show_default=True, help="Shares of train, valid and test."
)
@click.option(
    "--split-by",
    type=click.Choice(get_args(SplitBy)),
    default="auto",
    show_default=True,
    help="Whole documents, shuffled, or the text in order; auto: documents, from ten of them upwards.",
)
@random_seed_option
@overwrite_option
@json_option
def command(sources: tuple[str, ...], out: Path | None, overwrite: bool, as_json: bool, **options: Any) -> None:
    """Turn text into a dataset directory.

    SOURCES are text files, folders, CSV, TSV and JSONL files, any of them compressed with gzip, - for standard
    input, or the built-in corpora python-manual and ballads.
    """
    from charlstm.cli.console import emit_facts, emit_json, note
    from charlstm.config import UNKNOWN_OF_LEVEL, CorpusConfig
    from charlstm.store.dataset_directory import write_dataset
    from charlstm.store.runs import next_run

    config = CorpusConfig(**{**options, "unknown": options["unknown"] or UNKNOWN_OF_LEVEL[options["level"]]})
    with _progress(quiet=as_json) as progress:
        dataset = write_dataset(sources, config, out or next_run("preprocess"), overwrite=overwrite, progress=progress)
    if as_json:
        emit_json({"dataset": str(dataset.path), "fingerprint": dataset.fingerprint, **dataset.summary})
    else:
        emit_facts(f"Dataset {dataset.path}", _facts(dataset.summary))
        if dataset.summary["skipped_files"]:
            note(f"{dataset.summary['skipped_files']:,} files in the folders are not text by their names: left out")


def _facts(summary: dict[str, Any]) -> dict[str, str]:
    facts = {
        "documents": f"{summary['documents']:,} (parted by: {summary['document_boundary']})",
        "characters": f"{summary['characters']:,}",
        "symbols": f"{summary['symbols']:,}",
    }
    if words := summary.get("words"):
        how = "parted at white space: <unk> stands in the text" if summary["is_tokenized"] else "of plain text"
        facts["words"] = f"{words:,} ({how})"
        facts["unknown words"] = f"{summary['unknown_words']:,} ({summary['unknown_words'] / words:.2%})"
    for kind in ("dropped", "unknown"):
        if count := summary[f"{kind}_characters"]:
            share = count / (summary["characters"] + (count if kind == "dropped" else 0))
            facts[f"{kind} characters"] = f"{count:,} ({share:.2%})"
    for split, size in summary["splits"].items():
        documents = f"{size['documents']:,} document{'' if size['documents'] == 1 else 's'}"
        facts[split] = f"{size['characters']:,} characters, {documents}"
    facts["split by"] = summary["split_by"]
    facts["unigram entropy"] = f"{summary['unigram_bits_per_char']:.3f} bits per character"
    facts["size under xz"] = f"{summary['xz_bits_per_char']:.3f} bits per character{_of_beginning(summary)}"
    return facts


def _of_beginning(summary: dict[str, Any]) -> str:
    whole = summary["characters"] + summary["documents"] + summary["dropped_characters"]
    if summary["xz_characters"] >= whole:
        return ""
    return f" (of the first {summary['xz_characters']:,})"


@contextlib.contextmanager
def _progress(*, quiet: bool) -> Iterator[Callable[[int, int | None], None] | None]:
    """Give what draws a bar on a terminal's stderr, None where there is no terminal."""
    from charlstm.cli.console import stderr_is_terminal

    if quiet or not stderr_is_terminal():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("reading"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
