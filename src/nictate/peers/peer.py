"""What a peer is: another way of finding blinks, in one channel, under settings of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import numpy as np

from nictate.signals import FloatArray

S = TypeVar("S")


class PeerError(Exception):
    """Somebody else's program has raised an exception on a recording; the message is what it said."""


@dataclass(frozen=True, slots=True)
class Found:
    """The blinks that were found in one channel under one setting. Positions are samples, not whole ones perhaps."""

    peaks: FloatArray
    """(blinks,) where the deflection is largest."""
    decided: FloatArray = field(default_factory=lambda: np.empty(0))
    """(blinks,) the newest sample used; (0,) where the whole recording was."""


class Peer(Protocol[S]):
    """A way of finding blinks. ``find`` sees one channel, in which they go up, and all of it at once."""

    @property
    def name(self) -> str: ...

    @property
    def causal(self) -> bool:
        """Whether it could run on a stream: what it finds in a beginning, it finds in the whole."""

    @property
    def default(self) -> S | None:
        """The setting that it comes with; None where nobody has set one."""

    @property
    def settings(self) -> Sequence[S]:
        """Those that are tried for the best one."""

    def find(self, x: FloatArray, rate_hz: float, settings: Sequence[S]) -> list[Found]:
        """What each of the settings finds in ``x``, (n,) in µV, at least one sample. Raises `PeerError`."""
