"""charlstm evaluate: how well a model predicts a text."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click

from charlstm.cli.options import json_option, model_option, text_arguments
from charlstm.config import Split
from charlstm.errors import OptionError

if TYPE_CHECKING:
    from charlstm.evaluation.documents import DocumentScore
    from charlstm.evaluation.evaluate import EvaluationReport

# How many of the worst and of the best documents are shown.
EXTREMES = 5


@click.command()
@text_arguments
@model_option("Model directory to judge.")
@click.option(
    "--split",
    type=click.Choice(get_args(Split)),
    show_default="test",
    help="Part of a dataset; a text is scored whole.",
)
@click.option(
    "--per-document", is_flag=True, help="Show the documents that are predicted worst and best; with --json, all."
)
@click.option(
    "--show",
    metavar="TEXT",
    help="Show how much each symbol of this text surprises; `-` reads standard input.",
)
@json_option
def command(
    texts: tuple[str, ...],
    model: Path | None,
    split: str | None,
    per_document: bool,
    show: str | None,
    as_json: bool,
) -> None:
    """Score a dataset or text with a model.

    By loss, bits per character, perplexity and accuracy. The perplexity of a model of words is that per word; its bits
    per character compare with those of other models, but for what it would cost to spell the words that it does not
    know.

    Beside them stands what the text costs by simpler means that learned on the same training text. Without a DATASET
    or TEXT, it is the dataset in the model's directory, which a model has that was trained on texts. A text is read as
    the model's own was: in its normal form and case, tokenised or not.
    """
    import dataclasses

    from charlstm.cli.console import emit_json, note
    from charlstm.store.runs import newest_model

    if show is not None:
        for option, is_given in {
            "DATASET and TEXT": texts,
            "--per-document": per_document,
            "--split": split,
        }.items():
            if is_given:
                raise OptionError(f"--show scores the text that it is given and nothing else: leave out {option}")
        _show(model or newest_model(), show, as_json=as_json)
        return
    from charlstm.model.runtime import start_tensorflow

    model = model or newest_model()
    start_tensorflow()
    from charlstm.evaluation.evaluate import evaluate

    report = evaluate(model, texts, split, note, per_document=per_document)  # type: ignore[arg-type]
    if as_json:
        document = dataclasses.asdict(report)
        for name in ("documents", "nats_per_word", "words"):
            if document[name] is None:
                del document[name]
        emit_json(document)
        return
    _emit(f"{model} on {' '.join(texts) or 'its own dataset'}", report)
    if report.documents is not None:
        _emit_documents([document for document in report.documents if document.chars])


def _show(model: Path, value: str, *, as_json: bool) -> None:
    """Print how much each character or word of a text surprises the model."""
    import dataclasses

    from charlstm.model.runtime import keep_products_on_a_core

    keep_products_on_a_core()
    from charlstm.cli.console import emit_json, note
    from charlstm.cli.standard_input import text_of
    from charlstm.cli.surprise import emit_surprises
    from charlstm.evaluation.surprise import surprises
    from charlstm.store.model_directory import load_model

    trained = load_model(model)
    characters = surprises(trained, text_of(value, "the text"), note)
    if as_json:
        emit_json([dataclasses.asdict(each) for each in characters])
    else:
        emit_surprises(characters, trained.vocabulary.unit)


def _emit(title: str, report: EvaluationReport) -> None:
    from charlstm.cli.console import emit_facts
    from charlstm.cli.progress import loss

    facts = {"loss per character": loss(report.nats_per_char)}
    if report.nats_per_word is None:
        facts["perplexity"] = f"{report.perplexity:.3f}"
    else:
        facts = {"loss per word": loss(report.nats_per_word, "word"), **facts}
    facts["accuracy"] = f"{report.accuracy:.1%}"
    if report.words is not None:
        facts["words scored"] = f"{report.words:,}"
    facts["characters scored"] = f"{report.chars:,}"
    yardsticks = {
        "unigram": report.unigram_bits_per_char,
        "5-gram": report.five_gram_bits_per_char,
        "xz": report.xz_bits_per_char,
    }
    facts |= {f"for comparison, {name}": f"{bits:.3f} bits" for name, bits in yardsticks.items() if bits is not None}
    emit_facts(title, facts)


def _emit_documents(documents: list[DocumentScore]) -> None:
    """Print the documents that are predicted worst and best, or all, where they are few."""
    from charlstm.cli.console import emit_table

    worst_first = sorted(documents, key=lambda document: -(document.bits_per_char or 0.0))
    few = len(worst_first) <= 2 * EXTREMES
    tables = (
        {"All documents, the worst first": worst_first}
        if few
        else {
            f"Worst of {len(worst_first):,} documents": worst_first[:EXTREMES],
            "Best": worst_first[: -EXTREMES - 1 : -1],
        }
    )
    columns = ("number", "characters", "bits/character", "beginning")
    for title, shown in tables.items():
        rows = [
            (
                f"{each.number:,}",
                f"{each.chars:,}",
                f"{each.bits_per_char:.3f}",
                " ".join(each.beginning.split()),
            )
            for each in shown
        ]
        emit_table(title, columns, rows, texts=(3,), passages=3)
