"""People who were never there: simulated recordings with labels that are true, in memory and on disk."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import mne
import numpy as np

from nictate.signals import FloatArray, Montage
from nictate.simulate import Profile, Simulator
from nictate.training.corpus import LabelledSignal
from nictate.training.evaluate import Truth

BLINKING = Profile(blinks_per_min=24, double_share=0.1, half_share=0.0, long_share=0.0)


def person(
    seed: int,
    *,
    lasting_s: float = 20.0,
    rate_hz: float = 128.0,
    channels: int | Sequence[str] = ("Fp1", "Fp2"),
    of: str = "made",
    profile: Profile = BLINKING,
) -> LabelledSignal:
    simulator = Simulator(channels, rate_hz, seed=seed, profile=profile)
    block = simulator.pull(round(lasting_s * rate_hz))
    blinks = np.array([(b.onset, b.peak, b.end) for b in simulator.blinks()]).reshape(-1, 3)
    return LabelledSignal(
        name=f"{of}/sub-{seed}_eeg.fif",
        set=of,
        subject=f"{of}/sub-{seed}",
        licence="CC0",
        montage=simulator.montage,
        samples=block.samples.astype(np.float32),
        times=block.times,
        truth=Truth(blinks, np.empty((0, 2)), lasting_s),
        polarity=-1.0 if profile.inverted else 1.0,
    )


def nobody(name: str, subject: str, of: str, lasting_s: float = 10.0) -> LabelledSignal:
    """A recording of which only what is written on it matters."""
    return LabelledSignal(
        name=f"{of}/{name}",
        set=of,
        subject=f"{of}/{subject}",
        licence="CC0",
        montage=Montage(("Fp1",), 100.0),
        samples=np.zeros((1, 1), dtype=np.float32),
        times=np.zeros(1),
        truth=Truth(np.empty((0, 3)), np.empty((0, 2)), lasting_s),
        polarity=1.0,
    )


def write_fif(
    path: Path,
    x: FloatArray,
    names: Sequence[str],
    rate_hz: float,
    labels: Sequence[tuple[float, float, str, float | None]],
    pauses: Sequence[tuple[float, float]] = (),
) -> None:
    """``x`` (n, channels) in µV, with ``_events.tsv`` of (onset, duration, kind, peak) and pauses (onset, duration)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    raw = mne.io.RawArray(x.T * 1e-6, mne.create_info(list(names), rate_hz, "eeg"), verbose="error")
    if pauses:
        onsets, durations = zip(*pauses, strict=True)
        raw.set_annotations(mne.Annotations(onsets, durations, ["BAD_ACQ_SKIP"] * len(pauses)))
    raw.save(path, verbose="error", buffer_size_sec=0.5)
    rows = [
        f"{at:.4f}\t{span:.4f}\t{kind}\t{'n/a' if peak is None else f'{peak:.4f}'}" for at, span, kind, peak in labels
    ]
    text = "\n".join(("onset\tduration\ttrial_type\tpeak", *rows))
    path.with_name(path.name.replace("_eeg.fif", "_events.tsv")).write_text(text + "\n", encoding="utf-8")


def write_person(folder: Path, s: LabelledSignal) -> None:
    labels = [(onset, end - onset, "blink", peak) for onset, peak, end in s.truth.blinks.tolist()]
    write_fif(folder / s.name, s.samples.astype(np.float64), s.montage.names, s.montage.rate_hz, labels)
