"""The blink sources of multichannel recordings, learned by the detector's own online ICA, and people who have many.

Few labelled recordings have the channels that an un-mixing needs. What a blink source looks like (its noise, and what
of saccades, muscles and movements is left in it) is therefore learned from simulated people as well, whose EEG goes
through the same un-mixing as everybody's.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
from threadpoolctl import threadpool_limits

from nictate.card import ModelCard
from nictate.framing import Framer, Timeline
from nictate.ica import Ica, open_ica
from nictate.profile import Profile
from nictate.quality import Quality
from nictate.simulate import Simulator
from nictate.training.corpus import LabelledSignal
from nictate.training.evaluate import Truth

MONTAGES = (8, 14, 16, 19, 24, 32, 32, 64)
RATES_HZ = (125.0, 128.0, 250.0, 256.0, 500.0)


# With more threads the last bits differ, and after some hundred steps of training so do the weights.
@threadpool_limits.wrap(limits=1, user_api="blas")  # type: ignore[untyped-decorator,unused-ignore]
def with_source(card: ModelCard, signal: LabelledSignal) -> LabelledSignal:
    """The recording with the blink source that the detector would have had, NaN where it would not have trusted it."""
    montage = signal.montage
    frame = card.frame(montage.rate_hz)
    ica = open_ica(montage, frame, card.ica)
    if not isinstance(ica, Ica) or not ica.offers_source:
        return signal
    source = np.full(len(signal.times), np.nan, dtype=np.float32)
    at = 0
    timeline = Timeline(montage.rate_hz, card.hole_s)
    for run in timeline.push(signal.block()):
        ica.restart()
        framer = Framer(frame, len(montage.names))
        quality = Quality(card.quality, frame / montage.rate_hz, len(montage.names))
        for k, raw in enumerate(framer.push(run)):
            parts = ica.push(quality.push(raw))
            if parts.trusted:
                source[at + k * frame : at + (k + 1) * frame] = parts.source
        at += len(run.times)
    return dataclasses.replace(signal, source=source)


def imagined(seed: int, people: int, lasting_s: float) -> Iterator[LabelledSignal]:
    """Simulated people with many electrodes, who blink, look around, clench their jaws and move."""
    for k in range(people):
        rng = np.random.default_rng((seed, k))
        profile = Profile(
            blinks_per_min=rng.uniform(8.0, 28.0),
            blink_amplitude_uv=10 ** rng.uniform(1.8, 2.5),
            blink_amplitude_spread=rng.uniform(0.15, 0.5),
            half_share=rng.uniform(0.0, 0.3),
            double_share=rng.uniform(0.0, 0.15),
            saccades_per_min=rng.uniform(5.0, 50.0),
            gaze_deg=rng.uniform(3.0, 10.0),
            muscle_per_min=10 ** rng.uniform(-0.5, 1.5),
            muscle_uv=rng.uniform(8.0, 40.0),
            alpha_uv=rng.uniform(2.0, 15.0),
            background_uv=rng.uniform(5.0, 14.0),
            pops_per_min=10 ** rng.uniform(-1.0, 1.5),
            pop_uv=rng.uniform(80.0, 300.0),
            movements_per_min=10 ** rng.uniform(-1.0, 1.0),
            movement_uv=rng.uniform(20.0, 120.0),
            reference=str(rng.choice(["linked-ears", "average"])),
            inverted=bool(rng.random() < 0.3),
        )
        montage, rate_hz = int(rng.choice(MONTAGES)), float(rng.choice(RATES_HZ))
        simulator = Simulator(montage, rate_hz, seed=seed * 1000 + k, profile=profile)
        yield labelled(simulator, lasting_s, "imagined", str(k))


def labelled(simulator: Simulator, lasting_s: float, of: str, name: str) -> LabelledSignal:
    """So much of what comes from a simulator, with the labels that a person would have given it."""
    block = simulator.pull(round(lasting_s * simulator.montage.rate_hz))
    blinks = [(b.onset, b.peak, b.end) for b in simulator.blinks() if b.kind != "long"]
    # Long closures are neither blinks nor none, as in people's labels.
    ignore = [(b.onset - 0.1, b.end + 0.1) for b in simulator.blinks() if b.kind == "long"]
    return LabelledSignal(
        name=f"{of}/{name}",
        set=of,
        subject=f"{of}/{name}",
        licence="simulated",
        montage=simulator.montage,
        samples=block.samples.astype(np.float32),
        times=block.times,
        truth=Truth(np.reshape(blinks, (-1, 3)), np.reshape(ignore, (-1, 2)), lasting_s),
        polarity=-1.0 if simulator.profile.inverted else 1.0,
    )
