"""charlstm sample: text from a model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from charlstm.cli.console import emit_json, note, warn
from charlstm.cli.group import visible
from charlstm.cli.options import DIRECTORY, json_option, models_option, overwrite_option, random_seed_option
from charlstm.cli.params import NUMBERS, is_on_command_line
from charlstm.cli.sampling_options import DRAWING, LENGTH, LENGTH_UNTIL_AN_END, sampling_options
from charlstm.cli.standard_input import lines_of, text_of
from charlstm.errors import OptionError

if TYPE_CHECKING:
    from charlstm.sampling.batches import Batch, Sample
    from charlstm.sampling.device import Device
    from charlstm.sampling.seed_text import SeedText

# What has no meaning where a person writes with the model.
NOT_INTERACTIVE = (
    "seeds",
    "beam",
    "num_samples",
    "stop",
    "lines",
    "words",
    "until_document_end",
    "strict",
    "device",
    "as_json",
)

BETWEEN_TEXTS = f"\n{'-' * 20}\n\n"


@click.command()
@models_option("Model directory to sample from; repeatable, for models that write one text together.")
@click.option(
    "--weights", type=NUMBERS, show_default="all alike", help="How much the log-probabilities of each model count."
)
@sampling_options
@random_seed_option
@click.option("--strict", is_flag=True, help="Refuse a seed with symbols that the model does not know.")
@click.option("--raw", is_flag=True, help="Print control characters as they are, not made visible.")
@click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "gpu"]),
    default="auto",
    show_default=True,
    help="auto takes a GPU for 64 texts or more; the same random seed may give another text there.",
)
@click.option("--interactive", is_flag=True, help="Write with the model: type, accept what it suggests, undo, save.")
@click.option(
    "-o",
    "--out",
    type=DIRECTORY,
    metavar="FILE",
    show_default="the terminal",
    help="File to write to; FILE.json beside it records the command that makes the texts again, but of --interactive.",
)
@overwrite_option
@json_option
@click.pass_context
def command(
    context: click.Context,
    /,
    models: tuple[Path, ...],
    weights: tuple[float, ...] | None,
    seed: str,
    seeds: str | None,
    length: int | None,
    temperature: tuple[float, ...],
    num_samples: int | None,
    strict: bool,
    raw: bool,
    device: Device,
    interactive: bool,
    out: Path | None,
    overwrite: bool,
    as_json: bool,
    **drawing: Any,
) -> None:
    """Write text in the style of a model, streaming it as it comes."""
    _refuse_what_does_not_fit(context)
    from charlstm.config import SamplingConfig
    from charlstm.sampling.batches import batches
    from charlstm.sampling.mixture import mix
    from charlstm.store.atomic import refuse_existing_file
    from charlstm.store.model_directory import load_model
    from charlstm.store.runs import newest_model

    if length is None:
        has_end = drawing["lines"] or drawing["words"] or drawing["until_document_end"]
        length = LENGTH_UNTIL_AN_END if has_end else LENGTH
    configs = [SamplingConfig(length=length, temperature=each, **drawing) for each in temperature]
    num_samples = num_samples or len(configs)
    if out is not None:
        for path in [out] if interactive else [out, _record_path(out)]:
            refuse_existing_file(path, overwrite=overwrite)
    mixture = mix([load_model(path) for path in models or [newest_model()]], weights or ())
    if interactive:
        if mixture.vocabulary.level == "word":
            raise OptionError("--interactive goes by characters, but the model by words: leave it out")
        from charlstm.cli.interactive import write_together
        from charlstm.sampling.draft import Draft

        draft = Draft(mixture, configs[0])
        _warn_of(draft.type(seed))
        write_together(draft, out, str if raw else visible)
        return
    text = text_of(seed, "the seed")
    if seed == "-":
        # A line end at the end of standard input is that of `echo`.
        text = text.removesuffix("\n").removesuffix("\r")
    texts = lines_of(seeds, "the seeds") if seeds else [text]
    is_kept = as_json or out is not None
    work = batches(mixture, texts, num_samples, configs, device=device, strict=strict, scored=is_kept)
    if not is_kept:
        _stream(_announced(work), str if raw else visible)
        return
    samples: list[Sample] = []
    for batch in _announced(work):
        for _ in batch.generation:
            pass
        samples += batch.samples()
    if out is not None:
        from charlstm.cli.sample_record import record_of
        from charlstm.store.atomic import write_bytes
        from charlstm.store.json_file import write_json

        was_read = seeds is not None or seed == "-"
        read = "".join(f"{sample.seed}\n" for sample in samples[::num_samples]) if was_read else None
        text = BETWEEN_TEXTS.join(f"{sample.seed}{sample.text}\n" for sample in samples)
        out.parent.mkdir(parents=True, exist_ok=True)
        chosen = {"length": length} | ({} if drawing["beam"] else {"num_samples": num_samples})
        write_json(_record_path(out), record_of(context, mixture.models, chosen, read, samples))
        write_bytes(out, text.encode("utf-8", "surrogateescape"))
        note(f"{len(samples)} text{'s'[: len(samples) > 1]} in {out}; how to make them again is in {_record_path(out)}")
    if as_json:
        emit_json([vars(sample) for sample in samples])


def _refuse_what_does_not_fit(context: click.Context) -> None:
    """Raise an OptionError for options of which each makes sense, but not together."""
    options = context.params

    if options["seeds"] == "":
        raise OptionError("--seeds '': must name a file, or be - for standard input")
    if options["seeds"] is not None and is_on_command_line(context, "seed"):
        raise OptionError(f"--seeds {options['seeds']}: holds the texts to go on from; leave out --seed")
    if options["interactive"]:
        from charlstm.cli.interactive import refuse_without_terminal

        for name in NOT_INTERACTIVE:
            if is_on_command_line(context, name):
                raise OptionError(f"--interactive: writes one text by hand; leave out {_name(name)}")
        if len(options["temperature"]) > 1:
            shown = ",".join(f"{temperature:g}" for temperature in options["temperature"])
            raise OptionError(
                f"--temperature {shown}: must be one number with --interactive; the up and down keys change it"
            )
        if options["seed"] == "-":
            raise OptionError("--seed -: standard input is the keyboard with --interactive; give the text itself")
        refuse_without_terminal()
    if not options["beam"]:
        return
    if options["num_samples"] is not None:
        raise OptionError(f"--num-samples {options['num_samples']}: --beam finds one text; leave out one of the two")
    for name in DRAWING:
        if is_on_command_line(context, name):
            raise OptionError(f"--beam {options['beam']}: looks for the likeliest text; leave out {_name(name)}")


def _name(parameter: str) -> str:
    """Return how an option is called."""
    return "--json" if parameter == "as_json" else f"--{parameter.replace('_', '-')}"


def _record_path(out: Path) -> Path:
    return out.with_name(f"{out.name}.json")


def _announced(work: Iterator[Batch]) -> Iterator[Batch]:
    """Warn of the symbols of each seed that the model does not know before its batch is written."""
    for batch in work:
        for seed in dict.fromkeys(batch.seeds):
            _warn_of(seed)
        yield batch


def _stream(work: Iterator[Batch], show: Callable[[str], str]) -> None:
    """Print texts, the first of each batch as it comes."""
    between = ""
    for batch in work:
        click.echo(f"{between}{show(batch.seeds[0].text)}", nl=False)
        for pieces in batch.generation:
            if pieces[0]:
                click.echo(show(pieces[0]), nl=False)
        click.echo()
        between = BETWEEN_TEXTS
        for sample in batch.samples()[1:]:
            click.echo(f"{between}{show(sample.seed)}{show(sample.text)}")


def _warn_of(seed: SeedText) -> None:
    """Warn of the symbols of a seed that the model does not know."""
    parts = []
    for what, symbols in {
        "replaced by near ones": seed.folded,
        "read as the unknown word": seed.unknown,
        "skipped": seed.skipped,
    }.items():
        if symbols:
            parts.append(f"{what}: {' '.join(map(repr, symbols))}")
    if parts:
        warn(f"the seed has symbols that the model does not know; {'; '.join(parts)}")
