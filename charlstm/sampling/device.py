"""Where text is drawn: in NumPy on the processor, or in TensorFlow on a GPU."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from charlstm.config import SamplingConfig
from charlstm.errors import CharlstmError
from charlstm.sampling.growing_texts import GrowingTexts
from charlstm.store.model_directory import Model

Device = Literal["auto", "cpu", "gpu"]

# From here on "auto" looks for a GPU: below, starting TensorFlow takes longer than the samples in NumPy.
MANY_SAMPLES = 64

# What the drivers of NVIDIA, of AMD and of the Windows subsystem for Linux put there.
DRIVER_FILES = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")


def start_generation(
    model: Model, streams: int, seed_ids: Sequence[int], config: SamplingConfig, device: Device = "auto"
) -> GrowingTexts:
    """Return the generator of N texts on the device that was asked for.

    Args:
        model: the model.
        streams: the number of texts N.
        seed_ids: the symbols to read first; may be empty.
        config: how to draw.  A random seed gives the same text on one device; another device may round otherwise.
        device: "auto" takes a GPU for `MANY_SAMPLES` texts or more, if TensorFlow sees one, and otherwise leaves
            TensorFlow alone.

    Raises:
        CharlstmError: "gpu", and TensorFlow sees none, or its memory does not suffice, or the model's targets do not
            follow its inputs at once.
    """
    is_far = model.config.target_offset > 1
    if is_far and device == "gpu":
        raise CharlstmError(f"{model.path} predicts more than the next character, which --device cpu samples from only")
    if not is_far and (device == "gpu" or (device == "auto" and streams >= MANY_SAMPLES and has_driver())):
        if found := find_gpu():
            from charlstm.sampling.compiled import CompiledGeneration

            return CompiledGeneration(
                model.config, model.weights, model.vocabulary, streams, seed_ids, config, device=found
            )
        if device == "gpu":
            raise CharlstmError(
                "TensorFlow sees no GPU here: take --device cpu, or install tensorflow[and-cuda] beside NVIDIA's driver"
            )
    from charlstm.model.numpy_lstm import NumpyLSTM
    from charlstm.sampling.generate import Generation

    return Generation(NumpyLSTM(model.config, model.weights, streams), model.vocabulary, seed_ids, config)


def has_driver() -> bool:
    """Whether there may be a GPU: known at once, while TensorFlow takes seconds to say so."""
    return sys.platform == "linux" and any(Path(name).exists() for name in DRIVER_FILES)


def find_gpu() -> str | None:
    """Return TensorFlow's name of the first GPU, set up to compute alike in every run; None if it sees none."""
    from charlstm.model.runtime import start_tensorflow

    start_tensorflow()
    from charlstm.sampling.compiled import first_gpu

    return first_gpu()
