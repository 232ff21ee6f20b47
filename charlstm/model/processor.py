"""What the processor is and can do, where the system says so."""

from __future__ import annotations

import platform
from pathlib import Path

CPU_INFO = Path("/proc/cpuinfo")

# x86 and Arm flags of instructions that multiply bfloat16 matrices.
BFLOAT16_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}
# AMD's family of Zen 3 and 4, of which only Zen 4 has AVX-512.
ZEN_3_AND_4 = "25"


def processor_has_bfloat16(cpu_info: Path = CPU_INFO) -> bool:
    """Tell whether the processor multiplies bfloat16 in hardware; where the system does not say, it does not."""
    core = _first_core(cpu_info)
    return bool(BFLOAT16_FLAGS & set((core.get("flags") or core.get("features", "")).split()))


def processor_is_zen_4(cpu_info: Path = CPU_INFO) -> bool:
    """Tell whether it is a Zen 4 of AMD; where the system does not say, it is not."""
    core = _first_core(cpu_info)
    is_of_family = core.get("vendor_id") == "AuthenticAMD" and core.get("cpu family") == ZEN_3_AND_4
    return is_of_family and "avx512f" in core.get("flags", "").split()


def _first_core(cpu_info: Path) -> dict[str, str]:
    """Return what Linux says of the first core, by names in lower case."""
    if platform.system() != "Linux":
        return {}
    try:
        text = cpu_info.read_text(errors="replace")
    except OSError:
        return {}
    pairs = (line.partition(":") for line in text.partition("\n\n")[0].splitlines())
    return {name.strip().lower(): value.strip() for name, _, value in pairs}
