"""Units of voltage, as makers write them."""

from __future__ import annotations

MICROVOLTS = {
    name: factor
    for names, factor in (
        ("v volt volts", 1e6),
        ("mv millivolt millivolts", 1e3),
        ("uv microv microvolt microvolts", 1.0),
        ("nv nanovolt nanovolts", 1e-3),
    )
    for name in names.split()
}
"""µV in one of a unit, by its name in lower case with ``u`` for micro."""


def microvolts(unit: str) -> float | None:
    """How many µV one `unit` is, in letters of any case; None when it is not known as a unit of voltage."""
    # Unicode has a micro sign and a Greek mu; case folding makes the latter of both.
    return MICROVOLTS.get(unit.strip().casefold().replace("\u03bc", "u"))
