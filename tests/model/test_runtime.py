"""How TensorFlow is started."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

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
