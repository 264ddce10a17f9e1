"""The same simulated people on the headsets that are sold: where the electrodes are decides what there is to see.

Electrodes, reference and rate are the makers' own; heads, blinks and all that disturbs them are simulated, so that this
says what a headset's places allow and nothing of its amplifier.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from nictate.card import ModelCard
from nictate.detector import Detector, Network
from nictate.electrodes import MONTAGES
from nictate.profile import USUAL
from nictate.simulate import Simulator
from nictate.training.evaluate import score
from nictate.training.scores import Score, add
from nictate.training.unmixed import labelled

LASTING_S = 120.0
BLINKS_UV = (110.0, 150.0, 200.0, 270.0)
"""Height of the blinks of each of the people, at Fp1 against linked ears."""
FIRST_SEED = 300
"""No network has learned from people of these seeds, and no threshold was chosen by them."""


@dataclass(frozen=True, slots=True)
class Headset:
    """Where a headset has its electrodes."""

    name: str
    channels: tuple[str, ...]
    reference: str
    rate_hz: float
    inverted: bool = False


HEADSETS: tuple[Headset, ...] = (
    Headset("OpenBCI Cyton", MONTAGES["openbci8"], "linked-ears", 250.0, inverted=True),
    Headset("Muse 2", MONTAGES["muse"], "Fpz", 256.0),
    Headset("NeuroSky MindWave", ("Fp1",), "A1", 512.0),
    Headset("Emotiv EPOC X", MONTAGES["emotiv14"], "P3", 128.0),
    Headset("Emotiv Insight", ("AF3", "AF4", "T7", "T8", "Pz"), "TP9", 128.0),
    Headset("Neurosity Crown", ("CP3", "C3", "F5", "PO3", "PO4", "F6", "C4", "CP4"), "linked-ears", 256.0),
    Headset("g.tec Unicorn", ("Fz", "C3", "Cz", "C4", "Pz", "PO7", "Oz", "PO8"), "linked-ears", 250.0),
    Headset("DSI-24", MONTAGES["standard_1020"], "Pz", 300.0),
    Headset("cap of 24", MONTAGES["biosemi32"][:24], "FCz", 500.0),
    Headset("cap of 32", MONTAGES["biosemi32"], "FCz", 500.0),
    Headset("BioSemi 64", MONTAGES["biosemi64"], "average", 512.0),
)


@dataclass(frozen=True, slots=True)
class Worn:
    """How the people's blinks were found on a headset."""

    headset: Headset
    looked_at: tuple[str, ...]
    """The channels that the detector chose."""
    height_uv: float
    """Of a full blink of the median person, where the detector sees it best."""
    score: Score


def wear(
    card: ModelCard,
    network: Network,
    headset: Headset,
    heights_uv: Sequence[float] = BLINKS_UV,
    lasting_s: float = LASTING_S,
) -> Worn:
    """Lets a person for each of ``heights_uv`` wear it for so long."""
    looked_at: tuple[int, ...] = ()
    best_uv, scores = [], []
    for k, blink_uv in enumerate(heights_uv):
        profile = dataclasses.replace(
            USUAL, blink_amplitude_uv=blink_uv, reference=headset.reference, inverted=headset.inverted
        )
        simulator = Simulator(headset.channels, headset.rate_hz, seed=FIRST_SEED + k, profile=profile)
        person = labelled(simulator, lasting_s, "headsets", f"{headset.name}-{k}")
        detector = Detector(card, network, simulator.montage)
        looked_at = detector.channels
        lid = simulator.mixing[list(looked_at), simulator.source_names.index("blink")]
        best_uv.append(blink_uv * float(np.abs(lid).max()))
        scores.append(score(detector.push(person.block()) + detector.flush(), person.truth))
    names = tuple(headset.channels[k] for k in looked_at)
    return Worn(headset, names, float(np.median(best_uv)), add(scores))


def table(rows: Sequence[Worn]) -> str:
    """In Markdown."""
    head = ("headset", "channels", "reference", "rate, Hz", "looked at", "blinks, µV", "blinks", "misses")
    lines = [
        (
            worn.headset.name,
            str(len(worn.headset.channels)),
            worn.headset.reference,
            f"{worn.headset.rate_hz:g}",
            ", ".join(worn.looked_at) if len(worn.looked_at) <= 6 else f"{len(worn.looked_at)} channels",
            f"{worn.height_uv:.0f}",
            str(worn.score.hits + worn.score.misses),
            str(worn.score.misses),
            f"{worn.score.false_per_minute:.2f}",
            f"{worn.score.f1:.3f}",
        )
        for worn in rows
    ]
    columns = (*head, "false alarms/min", "F1")
    rule = ("---",) * 3 + ("--:",) + ("---",) + ("--:",) * 5
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (columns, rule, *lines))


def wear_all(card: ModelCard, network: Network, advance: Callable[[str], None] = lambda _: None) -> list[Worn]:
    """All `HEADSETS`; ``advance`` hears the name of each when it is done."""
    rows = []
    for headset in HEADSETS:
        rows.append(wear(card, network, headset))
        advance(headset.name)
    return rows
