"""Where electrodes are: the 10-20, 10-10 and 10-5 systems on the unit sphere, and the montages of usual headsets.

The frame is x to the right, y to the nose, z to the vertex; the head is the unit sphere.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import numpy as np

from nictate.signals import ConfigError, FloatArray

_ROWS: dict[str, float] = {
    "n": 0, "nfp": 5, "fp": 10, "afp": 15, "af": 20, "aff": 25, "f": 30, "ffc": 35, "fc": 40, "fcc": 45,
    "c": 50, "ccp": 55, "cp": 60, "cpp": 65, "p": 70, "ppo": 75, "po": 80, "poo": 85, "o": 90, "oi": 95,
    "i": 100,
}  # fmt: skip
"""Where the coronal rows cross the midline, in percent of the way from nasion to inion."""

_TEMPORAL_ROWS: dict[str, str] = {
    "fft": "ffc", "ft": "fc", "ftt": "fcc", "t": "c", "ttp": "ccp", "tp": "cp", "tpp": "cpp",
}  # fmt: skip
"""The central rows change their name where they reach the temple: C5, but T7."""

_EARS = (95.0, -20.0)
"""Azimuth and elevation in degrees of the left ear lobe: below and a little behind T9, the tragus."""

_OTHER_SITES: dict[str, str] = {"t3": "T7", "t4": "T8", "t5": "P7", "t6": "P8", "m1": "TP9", "m2": "TP10"}
"""Names of the old 10-20 system, and the mastoids."""


def on_sphere(azimuth_deg: float, elevation_deg: float) -> FloatArray:
    """Point (3,) of the unit sphere at an azimuth (0 is the nose, the left positive) and an elevation, in degrees."""
    azimuth, elevation = math.radians(azimuth_deg), math.radians(elevation_deg)
    level = math.cos(elevation)
    return np.array([-math.sin(azimuth) * level, math.cos(azimuth) * level, math.sin(elevation)])


def electrode_position(name: str) -> FloatArray:
    """Ideal position (3,) of an electrode on the unit sphere, from its 10-20, 10-10 or 10-5 name in any case.

    Follows Jurcak, Tsuzuki & Dan (2007, NeuroImage 34:1600), "unambiguously illustrated 10-10 system": the
    midline Nz-Cz-Iz, the ring Fpz-T7-Oz and the equator Nz-T9-Iz are divided in tenths; each other row is the
    circle through its two electrodes on the ring and the one on the midline, divided in quarters from the
    midline to the ring. The half distances of the 10-5 system (``AFFz``, ``FC3h``) divide all of these once
    more. A1 and A2 are the ear lobes.

    Raises `ConfigError` when the name is not of these systems.
    """
    low = name.strip().lower()
    if low in ("a1", "a2"):
        azimuth, elevation = _EARS
        return on_sphere(azimuth if low == "a1" else -azimuth, elevation)
    if low in _OTHER_SITES:
        return electrode_position(_OTHER_SITES[low])
    parsed = re.fullmatch(r"([a-z]+?)(?:z|(10|[1-9])(h?))", low)
    row = parsed and _TEMPORAL_ROWS.get(parsed[1], parsed[1])
    if not parsed or not row or row not in _ROWS:
        raise ConfigError(f"no electrode {name!r} in the 10-20, 10-10 or 10-5 system")
    percent = _ROWS[row]
    along = 1.8 * percent
    midline = np.array([0.0, math.cos(math.radians(along)), math.sin(math.radians(along))])
    temporal = parsed[1] in _TEMPORAL_ROWS
    if not parsed[2]:
        if temporal:
            raise ConfigError(f"no electrode {name!r}: the temporal rows have no midline")
        return midline
    number = int(parsed[2])
    side = 1.0 if number % 2 else -1.0
    column = (number + 1) // 2 - (0.5 if parsed[3] else 0.0)  # 0.5 for 1h, 1 for 1, ... 4 for 7, 5 for 9
    if row in ("n", "fp", "o", "i") and column <= 1:
        # These lie along the ring (or the equator), 10 % from its front or back, as they have no row to
        # cross.
        turn = 18.0 * column
        return on_sphere(side * (turn if percent < 50 else 180 - turn), 18.0 if row in ("fp", "o") else 0.0)
    if row in ("n", "nfp", "fp", "o", "oi", "i") or temporal != (column > 3 and row in _TEMPORAL_ROWS.values()):
        raise ConfigError(f"no electrode {name!r} in the 10-20, 10-10 or 10-5 system")
    if column > 4:
        return on_sphere(side * along, 18.0 * (5 - column))
    ring = on_sphere(along, 18.0)
    # The circle through the ring's two electrodes and the midline's one, seen in its own plane.
    chord = np.array([0.0, ring[1], ring[2]])
    height = float(np.linalg.norm(midline - chord))
    up = (midline - chord) / height
    half_width = -ring[0]
    radius = (height**2 + half_width**2) / (2 * height)
    angle = math.atan2(half_width, radius - height) * column / 4
    centre = midline - radius * up
    position: FloatArray = centre + radius * math.cos(angle) * up
    position[0] = -side * radius * math.sin(angle)
    return position


_ORDER = """
Fp1 Fp2 C3 C4 P7 P8 O1 O2 F7 F8 F3 F4 T7 T8 P3 P4 Fz Cz Pz
AF3 AF4 FC1 FC2 FC5 FC6 CP1 CP2 CP5 CP6 PO3 PO4 Oz
AF7 AF8 AFz Fpz F1 F2 F5 F6 FT7 FT8 FC3 FC4 FCz C1 C2 C5 C6
TP7 TP8 CP3 CP4 CPz P1 P2 P5 P6 P9 P10 PO7 PO8 POz Iz
F9 F10 FT9 FT10 T9 T10 TP9 TP10 PO9 PO10 Nz
AF1 AF2 AF5 AF6 PO1 PO2 PO5 PO6
FFC1h FFC2h FFC3h FFC4h FFC5h FFC6h CCP1h CCP2h CCP3h CCP4h CCP5h CCP6h
FCC1h FCC2h FCC3h FCC4h FCC5h FCC6h CPP1h CPP2h CPP3h CPP4h CPP5h CPP6h
AFF1h AFF2h AFF3h AFF4h AFF5h AFF6h PPO1h PPO2h PPO3h PPO4h PPO5h PPO6h
FFT7h FFT8h TTP7h TTP8h FTT7h FTT8h TPP7h TPP8h POOz
"""

CLINICAL_ORDER: tuple[str, ...] = tuple(_ORDER.split())
"""128 sites in the order in which headsets add them: 8 and 16 are the usual OpenBCI sets, 19 the 10-20
system, 32 and 64 the usual caps, 75 the 10-10 system; half positions of the 10-5 system follow."""

MONTAGES: dict[str, tuple[str, ...]] = {
    "standard_1020": CLINICAL_ORDER[:19],
    "standard_1010": CLINICAL_ORDER[:75],
    "biosemi32": CLINICAL_ORDER[:32],
    "biosemi64": CLINICAL_ORDER[:64],
    "muse": ("TP9", "AF7", "AF8", "TP10"),
    "openbci8": CLINICAL_ORDER[:8],
    "openbci16": CLINICAL_ORDER[:16],
    "emotiv14": ("AF3", "F7", "F3", "FC5", "T7", "P7", "O1", "O2", "P8", "T8", "FC6", "F4", "F8", "AF4"),
}
"""Channel names by montage."""


def channel_names(montage: int | str | Sequence[str]) -> tuple[str, ...]:
    """Channel names of a montage, given as their number, as a name in `MONTAGES`, or as the names themselves.

    A number takes the first of `CLINICAL_ORDER`; names may be of any case and stay as they are.

    Raises `ConfigError` for a number outside 1 to 128, an unknown montage, and names that are unknown or
    twice the same place.
    """
    if isinstance(montage, str):
        if montage not in MONTAGES:
            raise ConfigError(f"no montage {montage!r}: known are {', '.join(MONTAGES)}")
        return MONTAGES[montage]
    if isinstance(montage, int | np.integer):
        if isinstance(montage, bool) or not 1 <= montage <= len(CLINICAL_ORDER):
            raise ConfigError(f"{montage} channels: 1 to {len(CLINICAL_ORDER)} can be simulated")
        return CLINICAL_ORDER[:montage]
    names = tuple(montage) if isinstance(montage, Sequence) else ()
    if not names or not all(isinstance(name, str) for name in names):
        raise ConfigError(f"montage = {montage!r}: a number of channels, a montage or electrode names are needed")
    seen: dict[tuple[float, ...], str] = {}
    for name in names:
        place = tuple(np.round(electrode_position(name), 9))
        if place in seen:
            raise ConfigError(f"the channels {seen[place]!r} and {name!r} are the same place")
        seen[place] = name
    return names


def reference_channel(names: tuple[str, ...], reference: str) -> int | None:
    """Index of the channel that is the reference; None when it is no single channel of the montage.

    `reference` is ``linked-ears``, ``average`` (of the channels), or an electrode. Raises `ConfigError` when it is none
    of these, and when it would leave nothing of the only channel.
    """
    if not isinstance(reference, str):
        raise ConfigError(f"reference = {reference!r}: 'linked-ears', 'average' or an electrode is needed")
    if reference == "linked-ears":
        return None
    if reference == "average":
        if len(names) == 1:
            raise ConfigError("reference = 'average': with one channel nothing would be left")
        return None
    try:
        place = electrode_position(reference)
    except ConfigError as error:
        raise ConfigError(f"reference = {reference!r}: 'linked-ears', 'average' or an electrode is needed") from error
    same = (i for i, name in enumerate(names) if np.allclose(electrode_position(name), place))
    channel = next(same, None)
    if channel is not None and len(names) == 1:
        raise ConfigError(f"reference = {reference!r}: with this one channel nothing would be left")
    return channel
