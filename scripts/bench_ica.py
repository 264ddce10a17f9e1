"""What the online ICA does, measured: on simulated heads whose sources are known, and on a recording.

Prints one table, with the target of each figure. Everything is on one core, and the same seed gives the same figures,
the times apart.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import signal

from nictate import Detector, OnlineICA
from nictate.comparison.material import gather
from nictate.comparison.measures import ruler
from nictate.comparison.ours import OnlineIca
from nictate.edges.onnx import load_model
from nictate.framing import Frame
from nictate.ica import Ica, Parts, PassThrough, open_ica
from nictate.profile import USUAL, Profile
from nictate.service import one_core, shipped_card
from nictate.signals import Block, FloatArray
from nictate.simulate import Simulated, Simulator
from nictate.training.evaluate import Truth, score
from nictate.training.scores import add

RATE_HZ = 250.0
FIRST_SEED = 20
"""Nothing was tuned on these."""
HARD = Profile(muscle_per_min=20.0, muscle_uv=30.0, pops_per_min=20.0, pop_uv=250.0, movements_per_min=6.0)
"""Muscle, pops and movement, far more of all than anybody would record."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One row of the table."""

    what: str
    target: str
    measured: str
    met: bool


def recorded(
    channels: int, rate_hz: float, seed: int, seconds: float, profile: Profile = USUAL
) -> tuple[Simulator, Simulated]:
    simulator = Simulator(channels, rate_hz, seed=seed, profile=profile)
    return simulator, simulator.pull_with_sources(round(seconds * rate_hz))


class Likeness:
    """How like the true blink a linear combination of channels is: |r| below 10 Hz over a whole recording."""

    def __init__(self, samples: FloatArray, blink: FloatArray, rate_hz: float) -> None:
        slow = signal.butter(4, [1.0, 10.0], "bandpass", fs=rate_hz, output="sos")
        x = signal.sosfiltfilt(slow, samples - samples[0], axis=0)
        b = signal.sosfiltfilt(slow, blink)
        self._cross = x.T @ (b / np.linalg.norm(b))
        self._within = x.T @ x
        self.best = float(self.of(np.linalg.lstsq(self._within, self._cross)[0][np.newaxis])[0])
        """That of the best combination there is: noise on the electrodes keeps it below 1."""

    def of(self, rows: FloatArray) -> FloatArray:
        """(k,) for rows (k, channels) of an un-mixing."""
        return np.abs(rows @ self._cross) / np.sqrt(np.einsum("ij,jk,ik->i", rows, self._within, rows))


def ocular_row(ica: OnlineICA, samples: FloatArray, frontal: tuple[int, ...]) -> FloatArray:
    """(1, channels) the component most like the mean of the frontal channels so far: chosen without the truth."""
    rows = ica.unmixing_
    mean = samples[:, frontal].mean(axis=1)
    chosen = Likeness(samples, mean, ica.rate_hz).of(rows).argmax()
    return rows[chosen : chosen + 1]


def learned(channels: int, seed: int, at_s: float, calibration_s: float | None) -> tuple[float, float]:
    """|r| of the ocular component with the true blink after so many seconds, and that of the best linear fit to it."""
    rate_hz = 128.0
    simulator, made = recorded(channels, rate_hz, seed, 120.0)
    samples = made.block.samples
    judge = Likeness(samples, made.sources[:, 0], rate_hz)
    so_far = samples[: round(at_s * rate_hz)]
    ica = OnlineICA(rate_hz, calibration_s=calibration_s).partial_fit(so_far)
    return float(judge.of(ocular_row(ica, so_far, simulator.montage.frontal))[0]), judge.best


def convergence(seeds: int) -> Iterator[Figure]:
    for channels, at_s in ((32, 15.0), (64, 25.0)):
        r = float(np.median([learned(channels, seed, at_s, None)[0] for seed in range(FIRST_SEED, FIRST_SEED + seeds)]))
        yield Figure(
            f"{channels} channels, cold: median correlation with the truth at {at_s:g} s",
            ">= 0.97",
            f"{r:.3f}",
            r >= 0.97,
        )
    for channels in (32, 64):
        found = [learned(channels, seed, 30.0, 20.0) for seed in range(FIRST_SEED, FIRST_SEED + seeds)]
        r, best = (min(values) for values in zip(*found, strict=True))
        yield Figure(
            f"{channels} channels, warm at 20 s: least correlation of {seeds} at 30 s (of linear fits to the truth)",
            ">= 0.99",
            f"{r:.3f} ({best:.3f})",
            r >= 0.99,
        )


def changes(seeds: int) -> Iterator[Figure]:
    """Another head's mixing of the same sources from the 60th second on."""
    rate_hz = 128.0
    for channels in (32, 64):
        found = []
        for seed in range(FIRST_SEED, FIRST_SEED + seeds):
            simulator, made = recorded(channels, rate_hz, seed, 180.0)
            k = round(60.0 * rate_hz)
            mixing = Simulator(channels, rate_hz, seed=seed + 100).mixing
            after = made.sources[k:] @ mixing.T + made.noise[k:]
            ica = OnlineICA(rate_hz).partial_fit(made.block.samples[:k]).partial_fit(after[: round(15.0 * rate_hz)])
            row = ocular_row(ica, after[: round(15.0 * rate_hz)], simulator.montage.frontal)
            found.append(float(Likeness(after, made.sources[k:, 0], rate_hz).of(row)[0]))
        r = float(np.median(found))
        yield Figure(
            f"{channels} channels, 15 s after an abrupt change of mixing: median correlation",
            ">= 0.97",
            f"{r:.3f}",
            r >= 0.97,
        )


def frames(block: Block, rate_hz: float) -> Iterator[Frame]:
    """All channels good from the first sample on."""
    n = round(0.04 * rate_hz)
    good = np.ones(block.samples.shape[1], dtype=np.bool_)
    for k in range(0, len(block) - n + 1, n):
        yield Frame(block.samples[k : k + n], block.times[k : k + n], good, good if k == 0 else ~good)


def stage(simulator: Simulator) -> Ica:
    card, _ = load_model(shipped_card())
    ica = open_ica(simulator.montage, round(0.04 * simulator.montage.rate_hz), card.ica)
    assert isinstance(ica, Ica)
    return ica


def band(x: FloatArray, low_hz: float = 1.0, high_hz: float = 40.0) -> FloatArray:
    sos = signal.butter(2, [low_hz, high_hz], "bandpass", fs=RATE_HZ, output="sos")
    return np.asarray(signal.sosfiltfilt(sos, x, axis=0))


def gains(seeds: int) -> Iterator[Figure]:
    """Blink over what is left of the blink, at the frontal channels, 1 to 40 Hz, after 30 s.

    What is left is told blink by blink: the part of the error that has the blink's own shape.
    """
    for channels, target_db in ((8, 16.0), (16, 23.0), (32, 30.0), (64, 30.0)):
        found = []
        for seed in range(FIRST_SEED, FIRST_SEED + seeds):
            simulator, made = recorded(channels, RATE_HZ, seed, 120.0)
            ica = stage(simulator)
            parts = [ica.push(frame) for frame in frames(made.block, RATE_HZ)]
            taken = np.concatenate([removed(p, channels) for p in parts])
            frontal = list(simulator.montage.frontal)
            blink = (made.sources[:, :1] @ simulator.mixing[:, :1].T)[: len(taken)]
            before = band(blink)[:, frontal].mean(axis=1)
            error = before - band(taken)[:, frontal].mean(axis=1)
            left = []
            for b in simulator.blinks(30.0):
                a, z = round((b.onset - 0.2) * RATE_HZ), round((b.end + 0.3) * RATE_HZ)
                if b.kind != "long" and z < len(error):
                    left.append((before[a:z] @ error[a:z]) / (before[a:z] @ before[a:z]))
            found.append(-10.0 * math.log10(np.mean(np.square(left))))
        gain = float(np.mean(found))
        yield Figure(
            f"{channels} channels, gated: gain of signal to interference, mean of {seeds}",
            f">= {target_db:g} dB",
            f"{gain:.1f} dB",
            gain >= target_db,
        )


def removed(parts: Parts, channels: int) -> FloatArray:
    return np.zeros((len(parts.source), channels)) if parts.removed is None else parts.removed


def recording(path: Path) -> Iterator[Figure]:
    """A recording with labelled blinks, gated; the targets are those for the 30 channels of EEGLAB's sample data."""
    material = gather(path)
    rule = ruler(material, 30.0)
    after, _ = rule.measure(OnlineIca("gated").run(material.signals).samples)
    name = material.name
    if after.reduction_db is not None:
        db = after.reduction_db
        yield Figure(f"{name}: blinks reduced by", ">= 21 dB", f"{db:.1f} dB", db >= 21.0)
    if after.over_floor is not None:
        yield Figure(f"{name}: residual over floor", "<= 1.3", f"{after.over_floor:.2f}", after.over_floor <= 1.3)
    for where, part, most in (("frontal", after.frontal, 0.25), ("others", after.others, 0.03)):
        if part is not None:
            rmse, alpha = part.relative_rmse, part.power_db["alpha"]
            yield Figure(f"{name}: blink-free signal changed, {where}", f"<= {most:g}", f"{rmse:.3f}", rmse <= most)
            yield Figure(f"{name}: its alpha, {where}", "within 0.3 dB", f"{alpha:+.2f} dB", abs(alpha) <= 0.3)


def steadiness(seeds: int) -> Iterator[Figure]:
    """The blink source's gain for the blink, from second to second, after 25 s."""
    largest, flips = 0.0, 0
    for seed in range(FIRST_SEED, FIRST_SEED + seeds):
        simulator, made = recorded(32, RATE_HZ, seed, 120.0)
        ica = stage(simulator)
        gain_before = math.nan
        for k, frame in enumerate(frames(made.block, RATE_HZ)):
            ica.push(frame)
            if k % 25 or k < 25 * 25:
                continue
            gain = float(ica.blink_row @ simulator.mixing[:, 0])
            if not math.isnan(gain_before):
                largest = max(largest, abs(gain / gain_before - 1.0))
                flips += gain * gain_before < 0.0
            gain_before = gain
    yield Figure("32 channels: flips of the blink source's sign", "0", str(flips), flips == 0)
    yield Figure(
        "32 channels: largest step of its gain in a second", "<= 4 %", f"{100 * largest:.1f} %", largest <= 0.04
    )


def costs(_seeds: int) -> Iterator[Figure]:
    """Of the whole stage: learning, un-mixing, choosing and cleaning; the best of four stretches of 10 s."""
    for channels, most_ms in ((8, 1.5), (32, 3.0), (64, 6.0), (128, 25.0)):
        simulator, made = recorded(channels, 500.0, 0, 80.0)
        ica = stage(simulator)
        all_frames = list(frames(made.block, 500.0))
        for frame in all_frames[:1000]:
            ica.push(frame)
        best = math.inf
        for k in range(1000, 2000, 250):
            began = time.process_time()
            for frame in all_frames[k : k + 250]:
                ica.push(frame)
            best = min(best, (time.process_time() - began) / 10.0)
        yield Figure(
            f"{channels} channels at 500 Hz: cost of a second of signal",
            f"<= {most_ms:g} ms",
            f"{1e3 * best:.2f} ms",
            1e3 * best <= most_ms,
        )


def detection(seeds: int) -> Iterator[Figure]:
    """With muscle, pops and movement, from the 30th second on."""
    card, network = load_model(shipped_card())
    found = {}
    for name in ("with the blink source", "without un-mixing"):
        scores = []
        for seed in range(FIRST_SEED, FIRST_SEED + seeds):
            simulator, made = recorded(32, RATE_HZ, seed, 180.0, dataclasses.replace(HARD, long_share=0.0))
            ica = PassThrough() if name == "without un-mixing" else None
            detector = Detector(card, network, simulator.montage, ica=ica)
            events = detector.push(made.block) + detector.flush()
            blinks = np.array([(b.onset, b.peak, b.end) for b in simulator.blinks()]).reshape(-1, 3)
            scores.append(score(events, Truth(blinks, np.empty((0, 2)), 180.0), (30.0, 0.3)))
        found[name] = add(scores)
    f1, alone = found["with the blink source"].f1, found["without un-mixing"].f1
    yield Figure(
        "32 channels with muscle, pops and movement: event F1 (without un-mixing)",
        ">= 0.98",
        f"{f1:.3f} ({alone:.3f})",
        f1 >= 0.98,
    )


PARTS: dict[str, Callable[[int], Iterator[Figure]]] = {
    "convergence": convergence,
    "changes": changes,
    "gains": gains,
    "steadiness": steadiness,
    "costs": costs,
    "detection": detection,
}


def main() -> int:
    about = argparse.ArgumentParser(prog="scripts/bench-ica", description="Measures the online ICA.")
    about.add_argument("parts", nargs="*", choices=[*PARTS, []], help=f"some of {', '.join(PARTS)} [default: all]")
    about.add_argument("--seeds", type=int, default=8, help="simulated people for each figure [default: %(default)s]")
    about.add_argument("--recording", type=Path, help="also measure on this recording, which has 8 channels or more")
    about.add_argument("--json", type=Path, help="also write the table to this file")
    wanted = about.parse_args()
    one_core()
    figures: list[Figure] = []

    def tell(figure: Figure) -> None:
        figures.append(figure)
        measured = figure.measured if figure.met else f"{figure.measured}, falls short"
        print(f"| {figure.what} | {figure.target} | {measured} |", flush=True)  # noqa: T201

    print("| what | target | measured |\n| --- | --: | --: |")  # noqa: T201
    for name in wanted.parts or PARTS:
        for figure in PARTS[name](wanted.seeds):
            tell(figure)
    if wanted.recording is not None:
        for figure in recording(wanted.recording):
            tell(figure)
    if wanted.json is not None:
        wanted.json.write_text(json.dumps([dataclasses.asdict(f) for f in figures], indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
