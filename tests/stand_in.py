"""A hand-made network in place of a trained one, so that the tests of the core need no model; and the models to test.

It is a matched filter: it compares the level around a moment with the levels before and after it, and puts the
difference through a logistic. That finds simulated blinks, of either polarity, and it is deterministic to the bit.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pytest

from nictate.card import ModelCard
from nictate.decision import NEVER, DecisionRules
from nictate.detector import Detector, Network
from nictate.edges.onnx import load_model
from nictate.filters import Band
from nictate.framing import Frame
from nictate.habits import HabitRules
from nictate.ica import Ica, IcaRules, PassThrough, open_ica
from nictate.kept import State
from nictate.profile import Profile
from nictate.quality import QualityRules
from nictate.scaling import ScaleRules
from nictate.signals import BlinkEvent, Block, Montage
from nictate.simulate import Simulator

CARD = ModelCard(
    name="stand-in",
    sha256="",
    rate_hz=100.0,
    window=130,
    hop=4,
    step=2,
    frame_s=0.04,
    hole_s=0.06,
    max_inputs=8,
    looks_s=(0.10, 0.40),
    band=Band(low_hz=0.75, low_order=2, high_hz=20.0, high_order=4, mains_hz=(50.0, 60.0)),
    quality=QualityRules(stuck_s=0.3, jump_uv=5000.0, noisy_ratio=8.0),
    ica=IcaRules(),
    scale=ScaleRules(
        memory_s=10.0, settle_s=0.4, floor_uv=0.5, reach_s=120.0, large=(0.85, 0.97), least=4.0, part=0.25
    ),
    decision=DecisionRules(
        start=(0.5, NEVER),
        confirm=(NEVER, 0.5),
        release=0.6,
        heed=0.2,
        patience_s=0.0,
        apart_s=0.15,
        around_s=0.04,
        edge=0.2,
        reach_s=0.35,
        habits=HabitRules(
            memory_s=120.0,
            usual_per_min=10.0,
            doubt=2.0,
            usual_uv=80.0,
            weights=(0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0),
        ),
    ),
)

EARLY, LATE = 10, 40  # Samples that each output looks ahead: `CARD.looks_s` at 100 Hz.
THRESHOLD = 2.1  # Of the compressed signal: some four times what is usual.


def matched_filter(
    channels: npt.NDArray[np.float32], source: npt.NDArray[np.float32], trusted: bool
) -> npt.NDArray[np.float64]:
    """A `Network` for `CARD`: (k, rows, window), (rows, window), flag -> probabilities (2, hop / step)."""
    inputs = np.concatenate((channels, source[np.newaxis])) if trusted else channels
    z = inputs[:, 0].astype(np.float64)
    hop = CARD.hop
    newest = z.shape[1] - hop

    def level(about: int, begin: int, stop: int) -> npt.NDArray[np.float64]:
        """Mean (k, hop) over some samples about the moments that lie ``about`` samples back. Elementwise, so that
        neither memory layout nor the number of channels changes a bit."""
        views = [z[:, newest - about + j : newest - about + j + hop] for j in range(begin, stop)]
        return np.asarray(sum(views)) / len(views)

    def standing_out(centre: npt.NDArray[np.float64], flanks: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """How far (hop,) the centre stands out, from zero and from both flanks, at the channel where it does most."""
        side = np.where(centre < 0.0, -1.0, 1.0)
        return np.asarray(np.minimum(side * centre, side * (centre - flanks)).max(axis=0))

    early = standing_out(level(EARLY, -3, 7), level(EARLY, -28, -16))
    late = standing_out(level(LATE, -4, 7), 0.5 * (level(LATE, -28, -16) + level(LATE, 20, 31)))
    contrast = np.stack((early, late)) - THRESHOLD
    probability = 1.0 / (1.0 + np.exp(-4.0 * contrast))
    return np.asarray(probability[:, CARD.step - 1 :: CARD.step])


class Model(NamedTuple):
    card: ModelCard
    network: Network
    knows: bool = False
    """Whether the ICA starts with what it learned from somebody else."""

    def detector(self, montage: Montage, ica: Ica | PassThrough | None = None) -> Detector:
        if ica is None and self.knows:
            ica = open_ica(montage, self.card.frame(montage.rate_hz), self.card.ica, state=learned(montage))
        return Detector(self.card, self.network, montage, ica=ica)

    def events(
        self, montage: Montage, *blocks: Block, flush: bool = True, ica: Ica | PassThrough | None = None
    ) -> list[BlinkEvent]:
        """What a new detector says of these blocks."""
        detector = self.detector(montage, ica)
        events = [event for block in blocks for event in detector.push(block)]
        return events + detector.flush() if flush else events


STAND_IN = Model(CARD, matched_filter)
KNOWING = Model(CARD, matched_filter, knows=True)
"""Its ICA has learned before, so that there is a blink source from the first second on."""


@lru_cache(maxsize=32)
def learned(montage: Montage) -> State:
    """What an ICA learns from half a minute of another person with this cap."""
    simulator = Simulator(montage.names, montage.rate_hz, seed=99, profile=Profile(blinks_per_min=30))
    n = CARD.frame(montage.rate_hz)
    ica = open_ica(simulator.montage, n, CARD.ica)
    good = np.ones(len(montage.names), dtype=np.bool_)
    for k in range(round(30.0 * montage.rate_hz / n)):
        block = simulator.pull(n)
        ica.push(Frame(block.samples, block.times, good, good if k == 0 else ~good))
    return ica.get_state()


SHIPPED = Path(__file__).resolve().parents[1] / "models/blink.json"

MODELS = (
    "stand-in",
    "knowing",
    pytest.param(
        "shipped", marks=pytest.mark.skipif(not SHIPPED.is_file(), reason="models/blink.json is not trained yet")
    ),
)
"""For ``parametrize``: what holds of the core holds with any network."""


@lru_cache
def model(name: str) -> Model:
    return {"stand-in": STAND_IN, "knowing": KNOWING}.get(name) or Model(*load_model(SHIPPED))


def peaks(events: list[BlinkEvent]) -> list[float]:
    return [event.peak for event in events if event.peak is not None]
