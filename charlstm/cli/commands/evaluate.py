"""charlstm evaluate: how well a model predicts a text."""

from __future__ import annotations

from pathlib import Path

import click

from charlstm.cli.options import json_option, model_option, text_arguments


@click.command()
@text_arguments
@model_option("Model directory to judge.")
@click.option(
    "--split",
    type=click.Choice(["train", "valid", "test"]),
    default="test",
    show_default=True,
    help="Part of a dataset; a text is scored whole.",
)
@json_option
def command(texts: tuple[str, ...], model: Path | None, split: str, as_json: bool) -> None:
    """Score a dataset or text with a model: loss, bits per character, perplexity, accuracy.

    Beside them stands what the text costs by simpler means that learned on the same training text. Without a DATASET
    or TEXT, the model's own dataset is used.
    """
    import dataclasses

    from charlstm.cli.console import emit_facts, emit_json, note
    from charlstm.cli.progress import loss
    from charlstm.model.runtime import start_tensorflow
    from charlstm.store.runs import newest_model

    model = model or newest_model()
    start_tensorflow()
    from charlstm.evaluation.evaluate import evaluate

    report = evaluate(model, texts, split, note)  # type: ignore[arg-type]
    if as_json:
        emit_json(dataclasses.asdict(report))
        return
    facts = {
        "loss per character": loss(report.nats_per_char),
        "perplexity": f"{report.perplexity:.3f}",
        "accuracy": f"{report.accuracy:.1%}",
        "characters scored": f"{report.chars:,}",
    }
    yardsticks = {
        "unigram": report.unigram_bits_per_char,
        "5-gram": report.five_gram_bits_per_char,
        "xz": report.xz_bits_per_char,
    }
    facts |= {f"for comparison, {name}": f"{bits:.3f} bits" for name, bits in yardsticks.items() if bits is not None}
    emit_facts(f"{model} on {' '.join(texts) or 'its own dataset'}", facts)
