"""What a network might have said: probabilities of a person's moments, written by hand."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from nictate.card import ModelCard
from nictate.signals import FloatArray
from nictate.training.corpus import LabelledSignal
from nictate.training.evaluate import Truth
from nictate.training.heard import Heard, listen
from nictate.waveforms import blink_waveform

Words = Mapping[float, float]
"""Probability by moment, in s."""
NEAR_S = 0.06


def spoken(card: ModelCard, s: LabelledSignal, said: Sequence[Words], otherwise: float = 0.02) -> Heard:
    """As if each look-ahead had said its words within `NEAR_S` of their moments, and ``otherwise`` of all others."""
    silent = listen(card, lambda *_: np.zeros((len(card.looks_s), card.hop // card.step)), s)

    def of(times: FloatArray, words: Words) -> FloatArray:
        p = np.full(len(times), otherwise)
        for moment, word in words.items():
            p[np.abs(times - moment) <= NEAR_S] = word
        return p

    rows = []
    for window in silent.windows:
        times = window.times[-1 - card.step * (card.hop // card.step - 1) :: card.step]
        rows.append(np.stack([of(times - look_s, words) for look_s, words in zip(card.looks_s, said, strict=True)]))
    return dataclasses.replace(silent, said=tuple(rows))


def deflected(
    s: LabelledSignal, blinks: Sequence[float], others: Sequence[float], turned: float, height_uv: float = 100.0
) -> LabelledSignal:
    """A quiet recording with blinks, and with others that are ``turned`` times as high but none: so say its labels."""
    noise = np.random.default_rng(0).standard_normal(s.samples.shape)
    lid = sum(size * blink_waveform(s.times - t + 0.085) for size, at in ((1.0, blinks), (turned, others)) for t in at)
    spans = np.reshape([(t - 0.05, t, t + 0.1) for t in blinks], (-1, 3))
    return dataclasses.replace(
        s,
        samples=(noise + height_uv * np.reshape(lid, (-1, 1))).astype(np.float32),
        truth=Truth(spans, np.empty((0, 2)), s.duration_s),
    )
