"""The online ICA of nictate, as it runs live: frame by frame, through the same stages."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from nictate import service
from nictate.card import ModelCard
from nictate.comparison.material import Signals
from nictate.comparison.methods import Cleaned
from nictate.framing import Frame, Framer, Run
from nictate.ica import IcaRules, open_ica
from nictate.ocular import Ocular
from nictate.orica import OnlineICA
from nictate.quality import Quality
from nictate.signals import FloatArray
from nictate.survey import Survey
from nictate.unmixing import Components

Manner = Literal["cold", "warm", "gated"]

NEVER_CLOSED = 1e-9
"""A threshold that every activity exceeds: the whole component is taken out at all times ..."""

BASELINE_S = 10.0
"""... above a baseline that follows so slowly, in s, that its phase does not count from 1 Hz on."""


@dataclass(frozen=True, slots=True)
class OnlineIca:
    """The stages of the detector up to `nictate.ica.Ica`, from their first sample on, nothing known before.

    ``gated`` is what ``nictate run --clean`` does. ``warm`` takes its ocular components out at all times instead; so
    does ``cold``, which never starts anew from a Picard fit of what was collected, but learns by ORICA alone.
    """

    manner: Manner
    model: Path | None = None
    """The card whose frames and rules are used; None for the shipped one."""
    online: bool = True
    needs: tuple[str, ...] = ("picard",)

    @property
    def name(self) -> str:
        return f"nictate, {self.manner}"

    def run(self, signals: Signals) -> Cleaned:
        card = ModelCard.from_json((self.model or service.shipped_card()).read_text(encoding="utf-8"))
        rate_hz, (n, channels) = signals.montage.rate_hz, signals.samples.shape
        length, rules = card.frame(rate_hz), card.ica
        if self.manner != "gated":
            gate = replace(rules.gate, threshold=NEVER_CLOSED, hold=NEVER_CLOSED, surrender_s=BASELINE_S)
            rules = replace(rules, gate=gate)
        quality = Quality(card.quality, length / rate_hz, channels)
        framer = Framer(length, channels)
        frames = framer.push(Run(signals.samples, np.arange(n) / rate_hz, fresh=True))
        if (rest := framer.rest()) is not None:
            frames.append(rest[0])
        if self.manner == "cold":
            return _cold(signals, quality, frames, rules)
        ica = open_ica(signals.montage, length, rules, mode="on", frontal=signals.frontal)
        removed = [ica.push(quality.push(frame)).removed for frame in frames]
        maps = np.asarray(ica.get_state()["ocular/maps"], dtype=np.float64)
        return Cleaned(_without(removed, frames, n), maps.T, (f"at the end: {ica.status.line.removeprefix('ICA: ')}",))


def _cold(signals: Signals, quality: Quality, frames: list[Frame], rules: IcaRules) -> Cleaned:
    """What `nictate.ica.Ica` does, with an ICA that is never fitted anew and channels that never leave it."""
    rate_hz, (n, channels) = signals.montage.rate_hz, signals.samples.shape
    length = len(frames[0].times)
    ica = OnlineICA(rate_hz, calibration_s=None)
    survey = Survey(channels, rate_hz, length, rules.ocular.memory_s)
    ocular = Ocular(signals.frontal, channels, rate_hz, length, rules.ocular, rules.gate)
    turn = max(1, round(rules.turn_s * rate_hz / length))
    every = np.arange(channels)
    removed = []
    for k, frame in enumerate(frames, start=1):
        shown = quality.push(frame)
        x = shown.samples - signals.samples[0]
        removed.append(ocular.push(x, survey.push(x), shown.good).removed)
        ica.partial_fit(x)
        if k % turn == 0:
            survey.finish(shown.good)
            if ica.fitted and ica.seconds_ >= rules.first_s:
                ocular.learn(Components(ica.unmixing_, ica.mixing_, every), survey.covariance, mature=False)
    return Cleaned(_without(removed, frames, n), ocular.maps.T.copy(), (f"at the end: {len(ocular.maps)} removed",))


def _without(removed: list[FloatArray | None], frames: list[Frame], n: int) -> FloatArray:
    """(n, channels): the frames as they came, but for what is to be removed from each."""
    told = zip(frames, removed, strict=True)
    return np.concatenate([frame.samples if out is None else frame.samples - out for frame, out in told])[:n]
