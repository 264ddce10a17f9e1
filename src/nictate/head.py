"""What an electrode sees of the sources in a head: eyes and muscles, alpha and the rest of the cortex.

The physics are two spheres of radius 1: `dipole_potential` (homogeneous) for the eyes and muscles, which lie outside
the skull, and `shell_potential` (brain, skull and scalp) for the cortex. `place_sources` says where in them each source
is and how strong, as real EEG shows it. The frame is that of `nictate.electrodes`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from nictate.electrodes import MONTAGES, electrode_position, on_sphere
from nictate.profile import Profile
from nictate.signals import FloatArray


def dipole_potential(electrodes: FloatArray, positions: FloatArray, moments: FloatArray) -> FloatArray:
    """Potential (electrodes, dipoles) of current dipoles on the surface of a homogeneous unit sphere.

    The gradient, at the dipole, of the sphere's Neumann function N = 2/d - ln(1 - r·r₀ + d), d = |r - r₀|: a
    closed form, here up to the factor 1/(4πσ) (Wilson & Bayley 1950, Circulation 1:84). `electrodes`
    (electrodes, 3) are on the sphere, `positions` (dipoles, 3) inside it, `moments` (dipoles, 3).
    """
    r, r0 = electrodes[:, None, :], positions[None, :, :]
    D = r - r0
    d = np.linalg.norm(D, axis=2, keepdims=True)
    gradient = 2 * D / d**3 + (r + D / d) / (1 - np.sum(r * r0, axis=2, keepdims=True) + d)
    V: FloatArray = np.einsum("edk,dk->ed", gradient, moments)
    return V


SHELLS = ((0.87, 0.33), (0.92, 0.0132), (1.0, 0.33))
"""Brain, skull and scalp: outer radius on the unit sphere (Rush & Driscoll 1969) and conductivity in S/m; the
skull conducts 25 times worse than the brain (Lai et al. 2005)."""

_TERMS = 60


def shell_potential(
    electrodes: FloatArray,
    positions: FloatArray,
    moments: FloatArray,
    shells: Sequence[tuple[float, float]] = SHELLS,
) -> FloatArray:
    """Potential (electrodes, dipoles) of dipoles in the innermost of concentric shells, on the outermost.

    The Legendre series of the multi-shell sphere (Zhang 1995, Phys. Med. Biol. 40:335),

        V = Σₙ fₙ (2n+1) bⁿ⁻¹ [ (q·e) Pₙ(x) + (q - (q·e)e)·r Pₙ'(x)/n ],    e = r₀/b,  b = |r₀|,  x = r·e,

    where fₙ is what the shells let through of order n; with one shell fₙ = 1 and the sum is
    `dipole_potential`. As it is summed once for each simulator, the usual approximation by three dipoles
    (Berg & Scherg 1994, Electroenceph. clin. Neurophysiol. 90:58) would save nothing. Up to the factor
    1/(4πσ) of the innermost shell. Shapes as in `dipole_potential`; no dipole is at the centre.
    """
    b = np.linalg.norm(positions, axis=1)
    e = positions / b[:, None]
    x = electrodes @ e.T
    radial = np.sum(moments * e, axis=1)
    tangential = electrodes @ (moments - radial[:, None] * e).T
    V: FloatArray = np.zeros_like(x)
    P_before, P, dP = np.zeros_like(x), np.ones_like(x), np.zeros_like(x)
    for n in range(1, _TERMS + 1):
        P_before, P, dP = P, ((2 * n - 1) * x * P - (n - 1) * P_before) / n, x * dP + n * P
        V += _transmission(n, shells) * (2 * n + 1) * b ** (n - 1) * (radial * P + tangential * dP / n)
    return V


def _transmission(n: int, shells: Sequence[tuple[float, float]]) -> float:
    """fₙ: surface potential of order n, relative to a sphere that is all of the innermost shell's matter.

    In each shell V = A rⁿ + B r⁻ⁿ⁻¹. V and σ∂V/∂r are continuous from shell to shell, which carries (A, B)
    outwards; nothing flows out of the surface, n A = (n+1) B, which fixes the innermost A for a B of 1.
    """
    M = np.eye(2)
    for (radius, sigma), (_, next_sigma) in pairwise(shells):
        s, rho = sigma / next_sigma, radius ** -(2 * n + 1)
        step = [[n + 1 + s * n, (n + 1) * (1 - s) * rho], [n * (1 - s) / rho, n + s * (n + 1)]]
        M = np.array(step) / (2 * n + 1) @ M
    A = ((n + 1) * M[1, 1] - n * M[0, 1]) / (n * M[0, 0] - (n + 1) * M[1, 0])
    return float(M[1, 0] * A + M[1, 1])


_STANDARD = MONTAGES["standard_1010"]

_EYE = (0.33, 0.7, -0.12)
"""Centre of the right eye: 30 mm to the side, 11 mm below the nasion, in a head of 90 mm."""

_LID_MOMENT = (0.39, 0.91, 0.15)
"""What the lid adds when it slides over the right cornea: forward, outward and a little up. Direction and
`_EYE` were chosen so that the field falls off as in averages of real blinks: relative to Fp1 0.8 at AF7, 0.4
at F7, 0.3 at Fz, 0.12 at Cz and nothing at Oz. A turn of the eyes upward spreads further back (Lins et al.
1993, Brain Topogr. 6:51)."""

_F8_UV_PER_DEG = 4.0
"""Deflection at F8 for one degree of gaze to the right: some 20 µV per degree between the canthi (Young &
Sheena 1975)."""

MUSCLES: dict[str, tuple[tuple[float, float], ...]] = {
    "muscle-left": ((72.0, 16.0),),
    "muscle-right": ((-72.0, 16.0),),
    "muscle-frontal": ((16.0, 27.0), (-16.0, 27.0)),
}
"""Temporalis and frontalis: azimuth and elevation in degrees of radial dipoles."""

_MUSCLE_DEPTH = 0.65
"""Distance of these from the centre: the muscles are broad, which a deeper dipole stands for."""

ALPHA: dict[str, tuple[float, float, float]] = {
    "alpha-left": (150.0, 20.0, -0.3),
    "alpha-right": (-150.0, 20.0, 0.2),
    "alpha-middle": (180.0, 45.0, 0.0),
}
"""Where alpha is made: azimuth and elevation in degrees, and its frequency in Hz, from `Profile.alpha_hz`."""


class _Places:
    """Where potentials are needed: the ears, all of the 10-10 system, the channels and the reference."""

    def __init__(self, names: tuple[str, ...], reference: str) -> None:
        others = () if reference in ("linked-ears", "average") else (reference,)
        sites = ("A1", "A2", *_STANDARD, *names, *others)
        self.positions = np.array([electrode_position(name) for name in sites])
        ears, first = slice(0, 2), 2 + len(_STANDARD)
        self._standard, self._channels = slice(2, first), slice(first, first + len(names))
        self._reference = {"linked-ears": ears, "average": self._channels}.get(reference, slice(-1, None))

    def shown(self, V: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Potentials (places, sources) at the channels against the reference, at the 10-10 system against the ears."""
        at_channels = V[self._channels] - V[self._reference].mean(axis=0)
        return at_channels, V[self._standard] - V[:2].mean(axis=0)


@dataclass(frozen=True, slots=True)
class Sources:
    """The named sources in the head, and how they mix into the channels."""

    names: tuple[str, ...]
    mixing: FloatArray
    """(channels, sources): µV for each unit of a source."""
    cortex_uv: float
    """RMS of each background source that gives `Profile.background_uv`."""
    alpha_uv: float
    """RMS of each alpha source that gives `Profile.alpha_uv`."""


def place_sources(names: tuple[str, ...], profile: Profile, rng: np.random.Generator) -> Sources:
    """The sources of a profile in a head that wears electrodes of these names; `rng` scatters the cortical ones.

    In this order: ``blink``, ``gaze-horizontal``, ``gaze-vertical``, `MUSCLES`, `ALPHA`, ``cortex-1`` ... One unit is
    1 µV at Fp1 against linked ears of ``blink``, 1 degree (right, up) of gaze, and of all others 1 µV at the place of
    the 10-10 system where the source is largest. Raises `ConfigError` when an electrode is unknown.
    """
    places = _Places(names, profile.reference)

    def together(positions: FloatArray, moments: FloatArray) -> tuple[FloatArray, FloatArray]:
        return places.shown(dipole_potential(places.positions, positions, moments).sum(axis=1, keepdims=True))

    def cortical(positions: FloatArray, moments: FloatArray) -> tuple[FloatArray, FloatArray]:
        return places.shown(shell_potential(places.positions, positions, moments))

    mirror = np.array([-1.0, 1.0, 1.0])
    eyes = np.array([_EYE, mirror * _EYE])
    blink, blink_1010 = together(eyes, np.array([_LID_MOMENT, mirror * _LID_MOMENT]))
    right, right_1010 = together(eyes, np.array([[1.0, 0.0, 0.0]] * 2))
    up, _ = together(eyes, np.array([[0.0, 0.0, 1.0]] * 2))
    # A turn by a degree is the same dipole, to the side or up, so one figure scales both.
    per_degree = _F8_UV_PER_DEG / right_1010[_STANDARD.index("F8"), 0]
    columns = [blink / blink_1010[_STANDARD.index("Fp1"), 0], right * per_degree, up * per_degree]
    for directions in MUSCLES.values():
        skin = np.array([on_sphere(*direction) for direction in directions])
        here, everywhere = together(_MUSCLE_DEPTH * skin, skin)
        columns.append(here / np.abs(everywhere).max())

    rhythm_places = np.array([on_sphere(azimuth, elevation) for azimuth, elevation, _ in ALPHA.values()])
    here, everywhere = cortical(0.75 * rhythm_places, rhythm_places)
    largest = np.abs(everywhere).max(axis=0)
    columns.append(here / largest)
    alpha_uv = profile.alpha_uv / float(np.linalg.norm((everywhere / largest)[_STANDARD.index("O1")]))

    cortex_uv = 0.0
    if profile.cortical_sources:
        here, everywhere = cortical(*_scattered(profile.cortical_sources, rng))
        largest = np.abs(everywhere).max(axis=0)
        columns.append(here / largest)
        power = np.sum((everywhere / largest)[: len(MONTAGES["standard_1020"])] ** 2, axis=1)
        cortex_uv = profile.background_uv / math.sqrt(float(power.mean()))
    source_names = (
        *("blink", "gaze-horizontal", "gaze-vertical", *MUSCLES, *ALPHA),
        *(f"cortex-{i + 1}" for i in range(profile.cortical_sources)),
    )
    return Sources(source_names, np.hstack(columns), cortex_uv, alpha_uv)


def _scattered(n: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Positions and moments (n, 3) of dipoles spread evenly over the brain and turned at random.

    A Fibonacci lattice leaves no bald patch, which random places would at these numbers.
    """
    z = 1 - 1.15 * (np.arange(n) + 0.5) / n
    turn = np.pi * (3 - math.sqrt(5)) * np.arange(n) + rng.uniform(0, 2 * np.pi)
    level = np.sqrt(1 - z**2)
    outward = np.column_stack([level * np.cos(turn), level * np.sin(turn), z])
    positions = outward * rng.uniform(0.6, 0.78, (n, 1))
    moments = outward + 0.7 * rng.standard_normal((n, 3))
    return positions, moments / np.linalg.norm(moments, axis=1, keepdims=True)
