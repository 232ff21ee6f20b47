"""Which number format the large matrix products use."""

from __future__ import annotations

import platform
from pathlib import Path

from charlstm.config import MAX_UNROLLED_STEPS, Precision
from charlstm.errors import OptionError

# x86 and Arm flags of instructions that multiply bfloat16 matrices.
BFLOAT16_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}
CPU_INFO = Path("/proc/cpuinfo")


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


def processor_has_bfloat16(cpu_info: Path = CPU_INFO) -> bool:
    """Tell whether the processor multiplies bfloat16 in hardware; where the system does not say, it does not."""
    if platform.system() != "Linux" or not cpu_info.exists():
        return False
    flags = (line for line in cpu_info.read_text().splitlines() if line.lower().startswith(("flags", "features")))
    return bool(BFLOAT16_FLAGS & set(next(flags, "").split()))


def _gpu_has_bfloat16() -> bool | None:
    """Tell whether the first GPU, which computes, multiplies bfloat16; None without a GPU."""
    import tensorflow as tf

    for gpu in tf.config.list_physical_devices("GPU"):
        details = tf.config.experimental.get_device_details(gpu)
        # NVIDIA's GPUs have it from compute capability 8.0.
        return bool(details.get("compute_capability", (0, 0)) >= (8, 0))
    return None
