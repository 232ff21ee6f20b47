"""Texts that a model writes to be judged."""

from __future__ import annotations

from charlstm.config import SamplingConfig
from charlstm.sampling.device import start_generation
from charlstm.sampling.growing_texts import Prompt
from charlstm.sampling.mixture import mix
from charlstm.store.model_directory import Model


def texts_by(model: Model, count: int, config: SamplingConfig) -> list[str]:
    """Return so many texts of a model, each begun as a document is, on the processor: where all machines agree."""
    prompts = [Prompt((), number=number) for number in range(count)]
    generation = start_generation(mix([model]), prompts, config, "cpu")
    for _ in generation:
        pass
    return generation.texts
