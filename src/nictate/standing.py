"""Where the ICA stands, in numbers and in one line."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class IcaStatus:
    """Where the ICA stands."""

    off: str = ""
    """Why nothing is done; empty where something is."""
    channels: int = 0
    """How many channels are un-mixed."""
    offers_source: bool = False
    """Whether the blink source is offered with so many channels."""
    seconds: float = 0.0
    """So much signal has been learned from ..."""
    needed: float = 0.0
    """... of this; 0 once it has been learned."""
    correlations: tuple[float, ...] = ()
    """Of the ocular components with the frontal mean below 10 Hz, the blink source's first."""
    trusted: bool = False
    """Whether the blink source can be used."""
    without: tuple[str, ...] = ()
    """Channels that have left the un-mixing."""

    @property
    def line(self) -> str:
        """In one line, as ``nictate run`` shows it."""
        if self.off:
            return f"ICA: off ({self.off})"
        said = [] if self.offers_source else [f"cleaning only ({self.channels} channels)"]
        k = len(self.correlations)
        if self.needed:
            said.append(f"learning, {math.floor(self.seconds)} s of {math.ceil(self.needed)} s")
        elif self.offers_source or not k:
            said.append(
                f"{k or 'no'} ocular component{'s' * (k > 1)}{f', r = {self.correlations[0]:.2f}' if k else ' found'}"
            )
        if self.without:
            said.append(f"without {', '.join(self.without)}")
        return f"ICA: {', '.join(said)}"
