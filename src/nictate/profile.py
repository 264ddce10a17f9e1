"""What to simulate: how often blinks, saccades, muscles, pops and movements happen, and how strong everything is."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from nictate.signals import ConfigError


@dataclass(frozen=True, slots=True)
class Profile:
    """What happens in the recording, and how much of it. Zero switches a part off.

    Raises `ConfigError`, naming the field, when a value is outside `PROFILE_BOUNDS` or contradicts another.
    """

    blinks_per_min: float = 15.0
    """Blinks a minute on average, each of a double counted; 0 to 40. Awake people at rest: 10 to 20."""
    blink_interval_cv: float = 0.8
    """Standard deviation over mean of the pauses between blinks, which are log-normal; 0.05 to 3."""
    blink_amplitude_uv: float = 180.0
    """Median height of a full blink in µV at Fp1 against linked ears."""
    blink_amplitude_spread: float = 0.2
    """Standard deviation of the logarithm of the heights, cut at 0.5 and 1.6 times the median; 0 to 1."""
    closing_s: tuple[float, float] = (0.07, 0.1)
    """Shortest and longest time from the onset of a blink to its peak, in s."""
    reopening_s: tuple[float, float] = (0.15, 0.25)
    """Shortest and longest time from the peak (or the end of the hold) to the end, in s."""
    half_share: float = 0.08
    """Share of blinks in which the lid turns half way, at 0.3 to 0.55 of the height; 0 to 1."""
    double_share: float = 0.06
    """Share of blinks that are followed at once by a second one; 0 to 1."""
    double_s: tuple[float, float] = (0.25, 0.5)
    """Shortest and longest time between the two peaks of a double blink, in s."""
    long_share: float = 0.03
    """Share of blinks in which the eye stays closed; 0 to 1."""
    long_s: tuple[float, float] = (0.5, 3.0)
    """Shortest and longest duration of a long closure from onset to end, in s."""
    saccades_per_min: float = 20.0
    """Saccades a minute on average, horizontal and vertical."""
    saccade_return_share: float = 0.4
    """Share of saccades that are followed, after 0.2 to 0.8 s, by one back; 0 to 1."""
    gaze_deg: float = 7.0
    """Standard deviation of where the eyes look, in degrees to the side; 0.6 of it up and down."""
    muscle_per_min: float = 2.0
    """Muscle bursts a minute on average."""
    muscle_uv: float = 15.0
    """RMS of a median burst in µV where it is largest."""
    muscle_s: tuple[float, float] = (0.3, 1.5)
    """Shortest and longest burst in s."""
    background_uv: float = 8.0
    """RMS of the cortical background from 1 to 30 Hz in µV, in the mean over the 10-20 system."""
    background_exponent: float = 1.3
    """The background's power falls as 1/f to this exponent; 0.5 to 1.8."""
    cortical_sources: int = 40
    """How many independent sources make the background; 0 to 200."""
    alpha_uv: float = 5.0
    """RMS of the alpha rhythm in µV at O1 against linked ears."""
    alpha_hz: float = 10.0
    """Frequency of the alpha rhythm in Hz; 7 to 14."""
    alpha_closed_gain: float = 3.0
    """How many times larger alpha grows while the eyes stay closed; 1 to 10."""
    mains_hz: float = 50.0
    """Frequency of the mains in Hz, 40 to 70. Partials above 0.45 of the rate are left out."""
    mains_uv: float = 2.0
    """Amplitude of the mains in µV at a median electrode; partials 2 and 3 have 0.2 and 0.3 of it."""
    drift_uv: float = 15.0
    """Standard deviation in µV of each electrode's slow drift, which forgets within some 20 s."""
    pops_per_min: float = 0.5
    """Electrode pops a minute on average, over all electrodes."""
    pop_uv: float = 150.0
    """Median height of a pop in µV, of either sign."""
    movements_per_min: float = 0.0
    """Movements of head or cable a minute on average, which sway all electrodes, each its own way."""
    movement_uv: float = 60.0
    """Median height of their waves at a median electrode in µV."""
    sensor_uv: float = 1.0
    """RMS of the white noise of each electrode and its amplifier in µV."""
    offset_uv: float = 0.0
    """Standard deviation in µV of the constant offsets of the electrodes (real ones: up to 100 000)."""
    reference: str = "linked-ears"
    """``linked-ears``, ``average`` (of the channels), or the name of an electrode."""
    inverted: bool = False
    """The headset delivers the signal upside down, so that blinks point downward, as OpenBCI boards do."""

    def __post_init__(self) -> None:
        if not isinstance(self.inverted, bool):
            raise ConfigError(f"inverted = {self.inverted!r}: true or false is needed")
        for field in fields(self):
            if field.name in ("reference", "inverted"):
                continue
            low, high = PROFILE_BOUNDS[field.name]
            value = getattr(self, field.name)
            pair = isinstance(field.default, tuple)
            numbers = tuple(value) if isinstance(value, list | tuple) else (value,)
            if len(numbers) != 1 + pair or not all(isinstance(x, int | float) for x in numbers):
                raise ConfigError(f"{field.name} = {value!r}: {'two numbers are' if pair else 'a number is'} needed")
            if not all(low <= x <= high for x in numbers) or numbers != tuple(sorted(numbers)):
                order = ", the smaller first" if pair else ""
                raise ConfigError(f"{field.name} = {value!r}: from {low:g} to {high:g} is possible{order}")
            if pair:
                object.__setattr__(self, field.name, numbers)  # a list, as from a TOML file, would not hash
        if not isinstance(self.cortical_sources, int):
            raise ConfigError(f"cortical_sources = {self.cortical_sources!r}: a whole number is needed")
        if self.half_share + self.double_share + self.long_share > 1:
            raise ConfigError(f"half_share, double_share and long_share add up to more than 1 in {self!r}")
        if self.long_share > 0 and self.long_s[0] < self.closing_s[1] + self.reopening_s[1]:
            raise ConfigError(f"long_s = {self.long_s!r}: shorter than closing_s and reopening_s together")
        if self.double_share > 0 and self.double_s[0] < self.closing_s[1] + 0.05:
            raise ConfigError(f"double_s = {self.double_s!r}: the second lid closes before the first peak has passed")
        if self.blinks_per_min > 0 and self.mean_pause_s < SHORTEST_PAUSE_S:
            raise ConfigError(f"blinks_per_min = {self.blinks_per_min:g}: no time is left between blinks so long")

    @property
    def mean_pause_s(self) -> float:
        """Mean time in s from the end of a blink (the second one of a double) to the next onset."""
        if self.blinks_per_min == 0:
            return math.inf
        single = (sum(self.closing_s) + sum(self.reopening_s)) / 2
        busy = single + self.double_share * sum(self.double_s) / 2 + self.long_share * (sum(self.long_s) / 2 - single)
        return 60 * (1 + self.double_share) / self.blinks_per_min - busy


PROFILE_BOUNDS: dict[str, tuple[float, float]] = {
    "blinks_per_min": (0, 40), "blink_interval_cv": (0.05, 3), "blink_amplitude_uv": (0, 2000),
    "blink_amplitude_spread": (0, 1), "closing_s": (0.03, 0.3), "reopening_s": (0.05, 1),
    "half_share": (0, 1), "double_share": (0, 1), "double_s": (0.15, 1),
    "long_share": (0, 1), "long_s": (0.3, 60),
    "saccades_per_min": (0, 120), "saccade_return_share": (0, 1), "gaze_deg": (0, 15),
    "muscle_per_min": (0, 60), "muscle_uv": (0, 1000), "muscle_s": (0.05, 10),
    "background_uv": (0, 200), "background_exponent": (0.5, 1.8), "cortical_sources": (0, 200),
    "alpha_uv": (0, 200), "alpha_hz": (7, 14), "alpha_closed_gain": (1, 10),
    "mains_hz": (40, 70), "mains_uv": (0, 10_000), "drift_uv": (0, 10_000),
    "pops_per_min": (0, 120), "pop_uv": (0, 100_000),
    "movements_per_min": (0, 60), "movement_uv": (0, 100_000), "sensor_uv": (0, 1000), "offset_uv": (0, 400_000),
}  # fmt: skip
"""Smallest and largest value of each number in `Profile`."""

SHORTEST_PAUSE_S = 0.15
"""The mean pause between blinks is no shorter than this, and each single one no shorter than half of it."""

USUAL = Profile()
"""Somebody awake, at rest, with a good headset."""

STILL = Profile(
    blinks_per_min=0,
    saccades_per_min=0,
    muscle_per_min=0,
    background_uv=0,
    alpha_uv=0,
    mains_uv=0,
    drift_uv=0,
    pops_per_min=0,
    sensor_uv=0,
)
"""Nothing at all: ``dataclasses.replace(STILL, blinks_per_min=15)`` is blinks and nothing else."""
