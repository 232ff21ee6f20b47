"""How a judged model is shown: tables, sentences, and a sample with what it copies marked."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import click

from charlstm.cli.console import emit_table, emit_text, stdout_console
from charlstm.cli.group import visible
from charlstm.judging.findings import findings

if TYPE_CHECKING:
    from charlstm.judging.judgement import Judgement
    from charlstm.judging.report import ModelReport

COPIED = "reverse"
# Where there are no styles to mark with.
BEGIN, END = "[[", "]]"


def document_of(report: ModelReport) -> dict[str, Any]:
    """Return a report as a JSON object; copied stretches are pairs of begin and end."""
    document = dataclasses.asdict(report)
    del document["is_copied"]
    return {**document, "copied": stretches(report.is_copied.tolist()), "findings": findings(report)}


def emit_model_report(report: ModelReport) -> None:
    """Print a report to stdout."""
    columns = ["", "its text", *([] if report.held_out is None else ["held-out text"])]
    judgements = [report.text, *([] if report.held_out is None else [report.held_out])]
    sides = [_cells(judgement) for judgement in judgements]
    rows = [[name, *(side[name] for side in sides)] for name in sides[0]]
    emit_table(f"{report.model} against {report.dataset}, temperature {report.temperature:g}", columns, rows)
    for title, both in {
        "Most frequent words, in a thousand": report.frequent_words,
        "Most frequent suffixes, in a thousand": report.frequent_suffixes,
    }.items():
        _emit_side_by_side(title, both)
    for sentence in findings(report):
        emit_text(sentence)
    emit_text("\nA sample; what it copies, 32 characters or more, is marked:\n")
    _emit_marked(report.sample, stretches(report.is_copied.tolist()))


def stretches(flags: list[bool]) -> list[tuple[int, int]]:
    """Return the begin and end of each run of true flags."""
    padded = [False, *flags, False]
    edges = [place for place in range(len(flags) + 1) if padded[place] != padded[place + 1]]
    return list(zip(edges[::2], edges[1::2], strict=True))


def _cells(judgement: Judgement) -> dict[str, str]:
    """Return the name and value of each row of the table."""
    return {
        "characters": f"{judgement.chars:,}",
        "words that stand in the training text": _share(judgement.known_word_share),
        "characters: Jensen-Shannon divergence": _number(judgement.character_divergence_bits, "bits", 4),
        "word length: earth mover's distance": _number(judgement.word_length_distance_chars, "characters", 2),
        "line length: earth mover's distance": _number(judgement.line_length_distance_chars, "characters", 2),
        **{f"distinct-{length} of words": _share(share) for length, share in judgement.distinct.items()},
        "longest loop": f"{judgement.longest_loop_chars:,} characters",
        **{f"{length}-grams in the training text": _share(share) for length, share in judgement.copied_shares.items()},
        "longest copied stretch": f"{judgement.longest_copy_chars:,} characters",
        "within copied stretches of 32 or more": _share(judgement.copied_char_share),
    }


def _emit_side_by_side(title: str, both: dict[str, Any]) -> None:
    rows = []
    for place in range(max(map(len, both.values()))):
        row = []
        for side in ("text", "corpus"):
            has_one = place < len(both[side])
            row += [both[side][place].item, f"{both[side][place].per_thousand:.1f}"] if has_one else ["", ""]
        rows.append(row)
    if rows:
        emit_table(title, ["its text", "", "training text", ""], rows, texts=(0, 2))


def _emit_marked(text: str, copied: list[tuple[int, int]]) -> None:
    from rich.text import Text

    console = stdout_console()
    has_styles = console.is_terminal and console.color_system is not None and not console.no_color
    marked, done = Text(), 0
    for begin, end in copied:
        marked.append(visible(text[done:begin]))
        if has_styles:
            marked.append(visible(text[begin:end]), COPIED)
        else:
            marked.append(BEGIN + visible(text[begin:end]) + END)
        done = end
    marked.append(visible(text[done:]))
    if has_styles:
        console.print(marked, soft_wrap=True)
    else:
        click.echo(marked.plain)


def _share(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"


def _number(value: float | None, unit: str, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f} {unit}"
