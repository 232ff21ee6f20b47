"""Which number format the large matrix products use."""

from __future__ import annotations

from charlstm.config import MAX_UNROLLED_STEPS, Precision
from charlstm.errors import OptionError
from charlstm.model.processor import processor_has_bfloat16


def choose_precision(wanted: str, steps: int) -> Precision:
    """Return the precision for "float32", "bfloat16" or "auto".

    "auto" takes bfloat16 where what computes, the GPU if there is one and else the processor, has it in hardware, and
    where it can be had: a processor multiplies in bfloat16 in the own kernel only, which has a longest sequence.

    Args:
        wanted: what is asked for.
        steps: of the longest sequence of a training.

    Raises:
        OptionError: bfloat16 is asked for and cannot be had.
    """
    if wanted == "float32":
        return "float32"
    of_gpu = _gpu_has_bfloat16()
    if of_gpu is None and steps > MAX_UNROLLED_STEPS:
        if wanted == "bfloat16":
            raise OptionError(
                f"--precision bfloat16: without a GPU, it is for sequences of up to {MAX_UNROLLED_STEPS} steps, not of "
                f"{steps} (--sequence-length, and what --random-lengths adds)"
            )
        return "float32"
    if wanted == "bfloat16":
        return "bfloat16"
    return "bfloat16" if (processor_has_bfloat16() if of_gpu is None else of_gpu) else "float32"


def _gpu_has_bfloat16() -> bool | None:
    """Tell whether the first GPU, which computes, multiplies bfloat16; None without a GPU."""
    import tensorflow as tf

    for gpu in tf.config.list_physical_devices("GPU"):
        details = tf.config.experimental.get_device_details(gpu)
        # NVIDIA's GPUs have it from compute capability 8.0.
        return bool(details.get("compute_capability", (0, 0)) >= (8, 0))
    return None
