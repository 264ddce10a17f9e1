"""liblsl itself: its clock, and its log."""

from __future__ import annotations

import os
from pathlib import Path

import pylsl

QUIET = "[log]\nlevel = -3\n"
"""liblsl's configuration where the user has none. Else it logs each connection; what matters is said by nictate."""


def quieten() -> bool:
    """Tell liblsl to keep silent, unless the user has an ``lsl_api.cfg``; whether it was told.

    Looks where liblsl looks. Has an effect only before liblsl is first used. A liblsl before 1.17.7, which may be the
    system's own, cannot be told and merely talks more.
    """
    places = (
        os.environ.get("LSLAPICFG") or "lsl_api.cfg",
        "lsl_api.cfg",
        "~/lsl_api/lsl_api.cfg",
        "/etc/lsl_api/lsl_api.cfg",
    )
    if any(Path(place).expanduser().is_file() for place in places):
        return False
    try:
        pylsl.set_config_content(QUIET)
    except NotImplementedError:
        return False
    return True


def now() -> float:
    """The LSL clock of this machine in s, on which the times of all streams are given."""
    return float(pylsl.local_clock())
