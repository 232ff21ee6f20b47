"""Where text is drawn: in NumPy on the processor, or in TensorFlow on a GPU."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from charlstm.config import SamplingConfig
from charlstm.errors import CharlstmError, OptionError
from charlstm.sampling.beam import BeamSearch
from charlstm.sampling.generate import Generation
from charlstm.sampling.growing_texts import GrowingTexts, Prompt
from charlstm.sampling.mixture import Mixture

Device = Literal["auto", "cpu", "gpu"]

# From here on "auto" looks for a GPU: below, starting TensorFlow takes longer than the samples in NumPy.
MANY_SAMPLES = 64

# What the drivers of NVIDIA, of AMD and of the Windows subsystem for Linux put there.
DRIVER_FILES = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")


def start_generation(
    mixture: Mixture,
    prompts: Sequence[Prompt],
    config: SamplingConfig,
    device: Device = "auto",
    *,
    scored: bool = False,
) -> GrowingTexts | BeamSearch:
    """Return the generator of N texts on the device that was asked for.

    Args:
        mixture: the model, or several.
        prompts: the seed, temperature and number of each of the N texts; of one only for a beam search.
        config: how to draw.  A random seed gives the same text on one device; another device may round otherwise.
        device: "auto" takes a GPU for `MANY_SAMPLES` texts or more, if TensorFlow sees one and it can do what is
            asked for, and otherwise leaves TensorFlow alone.
        scored: whether log-probabilities are asked for.

    Raises:
        CharlstmError: "gpu", and TensorFlow sees none, or its memory does not suffice.
        OptionError: "gpu", and something is asked for that only the processor does.
    """
    obstacle = _only_on_the_processor(mixture, prompts, config)
    if device == "gpu" and obstacle:
        raise OptionError(f"--device gpu: {obstacle} only on the processor; take --device cpu")
    many = device == "auto" and not obstacle and len(prompts) >= MANY_SAMPLES and has_driver()
    if device == "gpu" or many:
        if found := find_gpu():
            from charlstm.sampling.compiled import CompiledGeneration

            (model,) = mixture.models
            return CompiledGeneration(
                model.config,
                model.weights,
                model.vocabulary,
                prompts,
                config,
                device=found,
                scored=scored,
            )
        if device == "gpu":
            raise CharlstmError(
                "TensorFlow sees no GPU here: take --device cpu, or install tensorflow[and-cuda] beside NVIDIA's driver"
            )
    if config.beam:
        (prompt,) = prompts
        return BeamSearch(mixture.network(config.beam), mixture.vocabulary, prompt.seed_ids, config)
    return Generation(mixture.network(len(prompts)), mixture.vocabulary, prompts, config, scored=scored)


def _only_on_the_processor(mixture: Mixture, prompts: Sequence[Prompt], config: SamplingConfig) -> str | None:
    """Return what of a request the compiled loop does not do, None if it does all."""
    if config.beam:
        return "--beam searches"
    if config.repetition_penalty > 1:
        return "--repetition-penalty works"
    if config.word_start_temperature is not None:
        return "--word-start-temperature works"
    if len(mixture.models) > 1:
        return "several models write together"
    if mixture.models[0].config.target_offset > 1:
        return "a model that predicts more than the next character writes"
    if len({prompt.seed_ids for prompt in prompts}) > 1:
        return "--seeds are gone on from"
    return None


def has_driver() -> bool:
    """Whether there may be a GPU: known at once, while TensorFlow takes seconds to say so."""
    return sys.platform == "linux" and any(Path(name).exists() for name in DRIVER_FILES)


def find_gpu() -> str | None:
    """Return TensorFlow's name of the first GPU, set up to compute alike in every run; None if it sees none."""
    from charlstm.model.runtime import start_tensorflow

    start_tensorflow()
    from charlstm.sampling.compiled import first_gpu

    return first_gpu()
