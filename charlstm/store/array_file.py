"""One-dimensional arrays in .npy files: written piece by piece, and opened as if a stranger had written them."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from charlstm.errors import CharlstmError

HEADER_BYTES = 128
_BLOCK_BYTES = 1 << 20


class ArrayWriter:
    """Writes a .npy file of values that come in pieces, so that the whole need not be in memory.

    Args:
        path: the new file.
        dtype: the type of the values.
    """

    def __init__(self, path: Path, dtype: np.dtype[Any]) -> None:
        self.dtype = dtype.newbyteorder("<")
        self.length = 0
        self._file = path.open("wb")
        self._file.write(bytes(HEADER_BYTES))

    def append(self, values: NDArray[Any]) -> None:
        """Add values (N,) at the end of the file."""
        self._file.write(np.ascontiguousarray(values, self.dtype).data)
        self.length += len(values)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with self._file:
            self._file.seek(0)
            self._file.write(header(self.dtype, self.length))


def open_array(
    path: Path, dtype: np.dtype[Any], length: int, below: int, sha256: str, error: type[CharlstmError]
) -> NDArray[Any]:
    """Return the values of a .npy file, memory-mapped and read-only.

    Nothing of the file is interpreted: its header must be, byte for byte, the one that `ArrayWriter`
    writes for that type and length, so that no pickle, no odd shape and no odd type can come in.

    Args:
        path: the file; it must be a regular file, not a link.
        dtype: the type that the values must have.
        length: how many values there must be.
        below: every value must be at least 0 and below this.
        sha256: the hash that the file must have, in hexadecimal.
        error: the class of error to raise.

    Raises:
        error: the file is missing, a link, of another size, type, length or hash, or holds a value out of range.
    """
    dtype = dtype.newbyteorder("<")
    # Opening neither follows a link nor waits for the writer of a pipe.
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        handle = os.open(path, flags)
    except FileNotFoundError:
        raise error(f"{path} is missing") from None
    except OSError as problem:
        if path.is_symlink():
            raise error(f"{path} is a link; a directory's files must be its own") from None
        raise error(f"{path} cannot be read: {problem.strerror}") from None
    with os.fdopen(handle, "rb") as file:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise error(f"{path} is not a file")
        expected = HEADER_BYTES + length * dtype.itemsize
        if status.st_size != expected:
            raise error(f"{path} has {status.st_size:,} bytes instead of {expected:,}: it is damaged or not its own")
        digest = hashlib.sha256(start := file.read(HEADER_BYTES))
        if start != header(dtype, length):
            raise error(f"{path} does not start as an array of {length:,} {dtype.name} values does")
        # Read, not mapped: the pages of a map that was read through would count as memory of this process.
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
            values = np.frombuffer(block, dtype)
            if (largest := int(values.max())) >= below or (largest := int(values.min())) < 0:
                raise error(f"{path} holds the value {largest:,}; its values are 0 to {below - 1:,}")
        if digest.hexdigest() != sha256:
            raise error(f"{path} was changed after it was written: its SHA-256 is not the recorded one")
        if length == 0:
            return np.empty(0, dtype)  # nothing of length 0 can be mapped
        return np.memmap(file, dtype, "r", HEADER_BYTES, (length,))


def header(dtype: np.dtype[Any], length: int) -> bytes:
    """Return the first 128 bytes of the .npy file of an array (length,)."""
    # The Python tuple of one element has a trailing comma, as NumPy writes it.
    description = f"{{'descr': '{dtype.str}', 'fortran_order': False, 'shape': ({length},), }}"
    start = b"\x93NUMPY\x01\x00" + (HEADER_BYTES - 10).to_bytes(2, "little")
    return start + description.ljust(HEADER_BYTES - 11).encode("ascii") + b"\n"
