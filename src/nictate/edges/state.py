"""What was learned on a stream, kept on disk: named arrays as npz, never unpickled."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from nictate.kept import State
from nictate.signals import ConfigError

LARGEST_BYTES = 2**28
"""A state of 256 channels at 2000 Hz is some 100 MB; what claims to be more is no state."""


def read_state(path: Path) -> State | None:
    """The arrays in a state file, None when there is no such file yet.

    Raises `ConfigError` with the reason when the file is anything else than plain arrays of numbers and text.
    """
    if not path.exists():
        return None
    try:
        with zipfile.ZipFile(path) as archive:  # The sizes first: a few bytes can claim to unpack to terabytes.
            if sum(entry.file_size for entry in archive.infolist()) > LARGEST_BYTES:
                raise ConfigError(f"{path}: larger than any state of nictate's")
        with np.load(path, allow_pickle=False) as arrays:
            state = {name: arrays[name] for name in arrays.files}  # Bytes, of what is not an array.
    except (OSError, ValueError, zipfile.BadZipFile, EOFError, KeyError) as error:
        raise ConfigError(f"{path}: cannot be read as a state of nictate's: {_reason(error)}") from None
    odd = sorted(name for name, array in state.items() if getattr(array, "dtype", np.dtype(object)).kind not in "biufU")
    if odd:
        raise ConfigError(f"{path}: no state of nictate's: {odd[0]} is neither numbers nor text")
    return state


def write_state(path: Path, state: Mapping[str, npt.ArrayLike]) -> None:
    """Write a state file so that nobody, not even after a crash, sees half of it. Raises `OSError`."""
    arrays = {name: np.asarray(value) for name, value in state.items()}
    half = path.with_name(f".{path.name[:40]}.{os.getpid()}.part")  # Names are 255 bytes at most.
    try:
        with half.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
            file.flush()
            os.fsync(file.fileno())
        half.replace(path)
    finally:
        half.unlink(missing_ok=True)


def _reason(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
