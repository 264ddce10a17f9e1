"""Other people's detectors, as they come: MNE and NeuroKit2. Both are imported when they are first used."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import numpy as np

from nictate.edges.recordings.complaints import overheard, reason
from nictate.peers.peer import Found, PeerError
from nictate.signals import ConfigError, FloatArray


@dataclass(frozen=True, slots=True)
class Height:
    """By how much a peak must stand out for MNE."""

    uv: float | None
    """In µV; None for a quarter of the range of the filtered recording, which is MNE's own."""

    def __str__(self) -> str:
        return "quarter of the range" if self.uv is None else f"{self.uv:g} µV"


@dataclass(frozen=True, slots=True)
class Mne:
    """`mne.preprocessing.find_eog_events` on the channel as an EOG channel."""

    settings: tuple[Height, ...] = tuple(Height(uv) for uv in (None, 40.0, 60.0, 80.0, 110.0))
    default: Height | None = Height(None)
    name: str = "MNE find_eog_events"
    causal: bool = False

    def find(self, x: FloatArray, rate_hz: float, settings: Sequence[Height]) -> list[Found]:
        with _others():
            import mne

            raw = mne.io.RawArray(
                x[np.newaxis] * 1e-6, mne.create_info(["EOG"], rate_hz, "eog", verbose="error"), verbose="error"
            )
            return [
                Found(
                    mne.preprocessing.find_eog_events(
                        raw, thresh=None if height.uv is None else height.uv * 1e-6, verbose="error"
                    )[:, 0].astype(np.float64)
                )
                for height in settings
            ]


NeuroKitMethod = Literal["neurokit", "brainstorm", "blinker", "mne"]


@dataclass(frozen=True, slots=True)
class Unlikeness:
    """How unlike NeuroKit2's template a blink may be; only its own method has such a thing."""

    rmse: float | None

    def __str__(self) -> str:
        return "-" if self.rmse is None else f"RMSE < {self.rmse:g}"


@dataclass(frozen=True, slots=True)
class NeuroKit:
    """`neurokit2.eog_clean` and `neurokit2.eog_findpeaks`, both by the method of that name."""

    method: NeuroKitMethod
    causal: bool = False

    @property
    def name(self) -> str:
        return f"NeuroKit2 {self.method}"

    @property
    def default(self) -> Unlikeness | None:
        return Unlikeness(0.33 if self.method == "neurokit" else None)

    @property
    def settings(self) -> Sequence[Unlikeness]:
        own = (0.25, 0.33, 0.4)
        return tuple(Unlikeness(rmse) for rmse in (own if self.method == "neurokit" else (None,)))

    def find(self, x: FloatArray, rate_hz: float, settings: Sequence[Unlikeness]) -> list[Found]:
        with _others():
            import neurokit2

            whole_hz = round(rate_hz)
            clean = neurokit2.eog_clean(x, sampling_rate=whole_hz, method=self.method)
            found = []
            for setting in settings:
                asked = {} if setting.rmse is None else {"threshold": setting.rmse, "show": False}
                peaks = neurokit2.eog_findpeaks(clean, sampling_rate=whole_hz, method=self.method, **asked)
                peaks = np.asarray(peaks, dtype=np.float64)
                found.append(Found(peaks[np.isfinite(peaks)]))
            return found


@contextmanager
def _others() -> Iterator[None]:
    """What they print is not heard; what they raise is a `PeerError`; one that is not there, the operator's."""
    try:
        with overheard([]):
            yield
    except ModuleNotFoundError as error:
        raise ConfigError(f"{error.name} is missing: install nictate[bench]") from error
    # What other people's programs raise on a recording that they do not like cannot be listed.
    except Exception as error:
        raise PeerError(reason(error)) from error
