"""What a model is made with. These numbers go into the card of each model that is trained, and rule from there."""

from __future__ import annotations

from dataclasses import dataclass, field

from nictate.card import ModelCard
from nictate.decision import DecisionRules
from nictate.filters import Band
from nictate.habits import HabitRules
from nictate.ica import IcaRules
from nictate.quality import QualityRules
from nictate.scaling import ScaleRules
from nictate.training.network import Architecture


@dataclass(frozen=True, slots=True)
class Recipe:
    """Settings of a training run; the defaults are what the shipped model was made with."""

    seed: int = 1
    epochs: int = 24
    batches: int = 150
    """Batches an epoch."""
    batch: int = 20
    """Examples a batch."""
    example_s: float = 30.0
    imagined: int = 20
    """Simulated people with many electrodes among those to learn from, see `nictate.training.unmixed`."""
    imagined_s: float = 120.0
    """How long each of them is recorded."""
    inputs: int = 4
    """Channels that an example shows at most."""
    gazing_s: float = 120.0
    """How long each of the simulated people looks about by whom thresholds are chosen, see `nictate.training.gaze`."""
    learning_rate: float = 5e-3
    weight_decay: float = 1e-2
    memory: float = 0.998
    """Share of the running mean of the weights that one step leaves."""
    looks_s: tuple[float, ...] = (0.06, 0.10, 0.14, 0.20, 0.28, 0.40)
    """Look-aheads that the network learns, one output each."""
    core_s: float = 0.07
    """Within this of a labelled peak the answer is blink: raters differ in widths, not in peaks."""
    margin_s: float = 0.13
    """From `core_s` to here, and in all of the labelled span, the answer is not asked for; beyond it is no blink."""
    settle_s: float = 0.6
    """No answer is asked for in the first part of an example, before the running scale is known."""
    architecture: Architecture = field(default_factory=Architecture)
    hop: int = 4

    def card(self) -> ModelCard:
        """The card of a model that has not been trained yet: no weights, thresholds to be chosen by validation."""
        return ModelCard(
            name="blink",
            sha256="",
            rate_hz=100.0,
            window=self.architecture.window(self.hop),
            hop=self.hop,
            step=self.architecture.stride,
            frame_s=0.04,
            hole_s=0.06,
            max_inputs=8,
            looks_s=self.looks_s,
            band=Band(low_hz=0.4, low_order=2, high_hz=20.0, high_order=4, mains_hz=(50.0, 60.0), mains_q=3.0),
            quality=QualityRules(stuck_s=0.3, jump_uv=5000.0, noisy_ratio=8.0),
            ica=IcaRules(),
            scale=ScaleRules(
                memory_s=10.0, settle_s=0.4, floor_uv=0.5, reach_s=120.0, large=(0.85, 0.97), least=4.0, part=0.25
            ),
            decision=DecisionRules(
                start=(0.5,) * len(self.looks_s),
                confirm=(0.5,) * len(self.looks_s),
                release=0.6,
                heed=0.1,
                patience_s=0.0,
                apart_s=0.12,
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
