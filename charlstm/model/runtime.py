"""How TensorFlow and NumPy are started: quietly, and with their threads where this program wants them.

And how another process of this program is.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from collections.abc import Iterator

from charlstm.model.processor import processor_is_zen_4

# Of mallopt(3): how many heaps there may be.
M_ARENA_MAX = -8
# What TensorFlow looks for in a graph, and what an unrolled LSTM has none of.  Without it the first training step of
# 3 x 512, 64 x 100, came after 5.6 s in place of 6.0 (bfloat16; 5.1 and 5.6 in float32), and later ones took as long.
IDLE_OPTIMIZERS = ("layout_optimizer", "remapping", "shape_optimization", "loop_optimization")


def start_tensorflow(threads: int | None = None) -> None:
    """Import TensorFlow and set up its threads; to be called before any module that imports it.

    One thread works on an operation, and as many operations run side by side as there are cores: for the small
    products of an LSTM that is faster than cutting each of them up (see `model.lstm_kernel`).

    Args:
        threads: the operations that run side by side; None for as many as there are cores.
    """
    threads = threads or cores()
    _share_heaps(threads)
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with _silent_stderr(), _hidden("matplotlib"):
        import keras  # noqa: F401
        import tensorflow as tf

        tf.config.list_physical_devices()
    # It warns of many graphs of one function, of which there is here one for each length of a sequence.
    tf.get_logger().setLevel("ERROR")
    with contextlib.suppress(RuntimeError):  # the pools have started already: in a notebook, or a test
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
    tf.config.optimizer.set_experimental_options(dict.fromkeys(IDLE_OPTIMIZERS, False))


def _share_heaps(threads: int) -> None:
    """Let the C library keep no more heaps than threads compute, where it is glibc; to be called before they start.

    It would give a heap to every thread, eight a core, and none of them takes what another has freed: training steps of
    3 x 512, 64 x 100, took 1,342 to 1,392 MiB on two cores, with two heaps 1,257 to 1,317.  A single one took 1,253 to
    1,268, but threads wait for each other: at 2 x 128 the steps ran at 0.94 of the speed.
    """
    with contextlib.suppress(OSError, AttributeError, TypeError):  # another system, or another C library
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, threads)


def keep_products_on_a_core() -> None:
    """Let NumPy compute each product on the core that asks for it; to be called before any module that imports it."""
    for threads in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
        os.environ[threads] = "1"


def choose_numpy_products() -> None:
    """Let NumPy multiply with OpenBLAS's fastest kernels; to be called before any module that imports it.

    On AMD's Zen 4, whose units are half as wide as AVX-512, those for AVX2 beat the ones that OpenBLAS chooses.  8, 16,
    64 texts side by side on two cores: 3 x 512 1.5, 1.2, 1.1 times as many characters a second, 3 x 256 1.4, 1.5, 1.4,
    2 x 128 0.7, 1.1, 1.1; a single text as many.
    """
    if processor_is_zen_4():
        os.environ.setdefault("OPENBLAS_CORETYPE", "Haswell")


def process_command(module: str, argument: str) -> list[str]:
    """Return the command of a process that calls the `main` of a module, which finds what this process finds.

    Python's own `-m` looks in the current directory first, where a file may be called as a module is.

    Args:
        module: its name.
        argument: becomes `sys.argv[1]`.
    """
    code = f"import sys; sys.path[:] = {sys.path!r}; from {module} import main; main()"
    return [sys.executable, "-c", code, argument]


def cores() -> int:
    """Return the number of processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextlib.contextmanager
def _silent_stderr() -> Iterator[None]:
    # TensorFlow's C++ side greets, and misses a GPU, on file descriptor 2 before its log level counts.
    sys.stderr.flush()
    saved = os.dup(2)
    try:
        with open(os.devnull, "wb") as nothing:
            os.dup2(nothing.fileno(), 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)


@contextlib.contextmanager
def _hidden(package: str) -> Iterator[None]:
    """Let the block see a package as not installed, unless it is imported already.

    Keras imports Matplotlib's pyplot where it finds it, for figures that this program does not draw: half a second of
    processor time and 28 MB at each start.
    """
    if package in sys.modules:
        yield
        return
    sys.modules[package] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[package]
