"""How TensorFlow, NumPy and other processes are started."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from charlstm.model.runtime import process_command

# Prints how many heaps glibc has when more threads have allocated than compute.
COUNT_HEAPS = """
import ctypes, sys, threading
from charlstm.model.runtime import start_tensorflow
start_tensorflow(2)
c = ctypes.CDLL(None)
if not (hasattr(c, "malloc_info") and hasattr(c, "mallopt")):
    sys.exit()
gate = threading.Barrier(8)
def allocate():
    c.malloc(1000)
    gate.wait()
threads = [threading.Thread(target=allocate) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
c.fopen.restype = ctypes.c_void_p
file = ctypes.c_void_p(c.fopen(sys.argv[1].encode(), b"w"))
c.malloc_info(0, file)
c.fclose(file)
"""


def test_threads_share_as_many_heaps_as_compute(tmp_path: Path) -> None:
    found = tmp_path / "heaps.xml"
    subprocess.run([sys.executable, "-c", COUNT_HEAPS, found], check=True)
    if not found.exists():
        pytest.skip("the C library is not glibc")
    assert found.read_text().count("<heap nr=") == 2


# Prints which kernels NumPy is to multiply with when the command line has begun, and whether it is too late for that.
KERNELS = """
import os, sys
from charlstm.model import runtime
runtime.processor_is_zen_4 = lambda: sys.argv.pop() == "Zen 4"
from charlstm.cli.main import main
@main.command("kernels")
def kernels():
    print(os.environ.get("OPENBLAS_CORETYPE"), "numpy" in sys.modules)
main.get_command = lambda context, name: kernels
main(["kernels"])
"""


@pytest.mark.parametrize(
    ("processor", "own_choice", "expected"),
    [("Zen 4", None, "Haswell"), ("another", None, "None"), ("Zen 4", "SkylakeX", "SkylakeX")],
)
def test_a_zen_4_multiplies_with_the_kernels_for_avx2(processor: str, own_choice: str | None, expected: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "OPENBLAS_CORETYPE"}
    if own_choice:
        environment["OPENBLAS_CORETYPE"] = own_choice
    run = [sys.executable, "-c", KERNELS, processor]
    found = subprocess.run(run, env=environment, check=True, capture_output=True, text=True).stdout
    assert found == f"{expected} False\n"


def test_another_process_finds_the_modules_of_this_one_and_none_of_the_current_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    (here / "json.py").write_text("raise SystemExit('a file of the user')\n")
    (there / "says.py").write_text("import json, sys\ndef main():\n    print(json.__file__, sys.argv[1])\n")
    monkeypatch.syspath_prepend(there)
    result = subprocess.run(process_command("says", "this"), cwd=here, check=True, capture_output=True, text=True)
    assert result.stdout == f"{json.__file__} this\n"
