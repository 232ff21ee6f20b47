"""What is to be written, in batches: prompts times samples, as many beside each other as pay."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from charlstm.config import SamplingConfig
from charlstm.errors import ModelError
from charlstm.sampling.beam import BeamSearch
from charlstm.sampling.device import Device, start_generation
from charlstm.sampling.growing_texts import GrowingTexts, Prompt
from charlstm.sampling.mixture import Mixture
from charlstm.sampling.seed_text import SeedText, read_seed

# Texts of several seeds beside each other, at most: more are hardly faster, and have to wait for each other.
BATCH_TEXTS = 256

# What counts in a search for the likeliest text.
BEAM_OPTIONS = ("length", "stop", "forbid", "lines", "words", "until_document_end", "beam")


@dataclass(frozen=True)
class Sample:
    """A text and how it came about, in the keys of `sample --json`.

    Attributes:
        seed: the seed text as it was given.
        text: what was written after it.
        options: how it was drawn; the same options and models, the same text.
        log_probability_nats_per_char: of the text, as the model sees it without filters; None for an empty text.
        stopped_by: why it ended.
    """

    seed: str
    text: str
    options: dict[str, Any]
    log_probability_nats_per_char: float | None
    stopped_by: str | None


@dataclass(frozen=True)
class Batch:
    """Texts that are written beside each other.

    Attributes:
        seeds: of each text.
        configs: how each is drawn.
        generation: what writes them, to be iterated over.
    """

    seeds: Sequence[SeedText]
    configs: Sequence[SamplingConfig]
    generation: GrowingTexts | BeamSearch

    def samples(self) -> list[Sample]:
        """Return the texts, once they are written."""
        written = self.generation
        return [
            Sample(seed.text, text, _options(config), float(nats) / len(text) if text else None, reason)
            for seed, config, text, nats, reason in zip(
                self.seeds, self.configs, written.texts, written.nats, written.stopped_by, strict=True
            )
        ]


def batches(
    mixture: Mixture,
    seeds: Iterable[str],
    num_samples: int,
    configs: Sequence[SamplingConfig],
    *,
    device: Device = "auto",
    strict: bool = False,
    scored: bool = False,
) -> Iterator[Batch]:
    """Yield batches in the order of the seeds, each ready to be written.

    Args:
        mixture: the model.
        seeds: text to go on from; read only as far as they are needed.
        num_samples: texts for each seed.
        configs: how to draw, taken in turn from text to text; they differ in their temperature alone.
        device: where.
        strict: whether a symbol of a seed that the model does not know is an error.
        scored: whether log-probabilities are asked for.

    Raises:
        DataError: `strict`, and a seed has a symbol that the model does not know.
        ModelError: the end of a document is asked for, and the model knows none.
    """
    if configs[0].until_document_end and mixture.vocabulary.end_of_document is None:
        names = " and ".join(str(model.path) for model in mixture.models)
        raise ModelError(f"{names}: knows no end of documents, so --until-document-end waits in vain; leave it out")
    numbers = itertools.count()
    remaining = iter(seeds)
    at_once = 1 if configs[0].beam else max(1, BATCH_TEXTS // num_samples)
    while some := list(itertools.islice(remaining, at_once)):
        read = [read_seed(seed, mixture.vocabulary, strict=strict) for seed in some for _ in range(num_samples)]
        places = [next(numbers) for _ in read]
        own = [configs[place % len(configs)] for place in places]
        prompts = [Prompt(seed.ids, one.temperature, place) for seed, one, place in zip(read, own, places, strict=True)]
        yield Batch(read, own, start_generation(mixture, prompts, configs[0], device, scored=scored))


def _options(config: SamplingConfig) -> dict[str, Any]:
    options = config.to_json()
    return {name: options[name] for name in BEAM_OPTIONS} if config.beam else options
