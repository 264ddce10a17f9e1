"""A state that was kept, perhaps in a file, perhaps by another version: arrays of numbers, not trusted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from nictate.signals import ConfigError, FloatArray

State: TypeAlias = dict[str, npt.NDArray[np.generic]]
"""What `numpy.savez` writes and `numpy.load` reads without pickle."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Reads a state; each reader raises `ConfigError`, naming the part that is missing or cannot be."""

    parts: Mapping[str, npt.NDArray[np.generic]]

    def __contains__(self, name: str) -> bool:
        return name in self.parts

    def array(self, name: str, *shape: int | None, finite: bool = True) -> FloatArray:
        """A copy of a part of ``shape``, in which None is any length."""
        if name not in self.parts:
            raise ConfigError(f"the state has no {name}")
        part = np.asarray(self.parts[name])
        if part.dtype.kind not in "fiub":
            raise ConfigError(f"the state's {name} is not made of numbers")
        values = np.array(part, dtype=np.float64, order="C")
        if values.ndim != len(shape) or any(
            want not in (None, has) for want, has in zip(shape, values.shape, strict=True)
        ):
            wanted = tuple("n" if want is None else want for want in shape)
            raise ConfigError(f"the state's {name} has the shape {values.shape}, not {wanted}")
        if finite and not np.isfinite(values).all():
            raise ConfigError(f"the state's {name} is not finite")
        return values

    def count(self, name: str) -> int:
        """A whole number from 0."""
        value = float(self.array(name))
        if value < 0.0 or value != int(value):
            raise ConfigError(f"the state's {name} is {value:g}, not a whole number from 0")
        return int(value)
