"""Which channels of a file are served, as what, and in which unit they are."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np

from nictate.edges.recordings.complaints import listed, shown
from nictate.signals import ConfigError, FloatArray, Montage, StreamError
from nictate.units import microvolts

KIND_BY_LABEL = {
    label: kind
    for kind, labels in (
        ("eog", "EOG VEOG HEOG EOGV EOGH VEOGU VEOGL HEOGL HEOGR LOC ROC"),
        ("ecg", "ECG EKG"),
        ("emg", "EMG"),
        ("resp", "RESP AIRFLOW THOR ABDO"),
        ("gsr", "GSR EDA"),
        ("bio", "SAO2 SPO2 PLETH PULSE"),
        ("temperature", "TEMP"),
        ("stim", "STATUS TRIGGER TRIG STIM STI EVENT MARKER"),
        ("misc", "AUX ACC ACCX ACCY ACCZ GYRO GYROX GYROY GYROZ PHOTIC"),
    )
    for label in labels.split()
}
"""MNE's channel type by the first word of a label, for formats (EDF, CNT, XDF) in which all pass as EEG."""


def kind_of(label: str, kind: str) -> str:
    """`kind`, unless it is EEG by default and the label knows better."""
    if kind != "eeg":
        return kind
    text = label.strip().upper()
    whole = re.split(r"[\s_\-.:]", text, maxsplit=1)[0]
    letters = re.match(r"[^\W\d_]*", text)
    return KIND_BY_LABEL.get(whole) or KIND_BY_LABEL.get(letters[0] if letters else "") or "eeg"


def with_eeg(names: Sequence[str], kinds: Sequence[str], notes: list[str]) -> Sequence[str]:
    """`kinds`, of which at least one is EEG: misc and bio pass as EEG where there is nothing else, with a note.

    Raises `StreamError` when there is something else, but no EEG.
    """
    if "eeg" in kinds:
        return kinds
    others = {kind for kind in kinds if kind != "stim"}
    if others and others <= {"misc", "bio"}:
        taken = [name for name, kind in zip(names, kinds, strict=True) if kind in others]
        notes.append(f"no channel is marked as EEG: taking {listed(taken)} as EEG")
        return ["eeg" if kind in others else kind for kind in kinds]
    found = ", ".join(f"{n} {kind}" for kind, n in sorted(Counter(kinds).items()))
    raise StreamError(f"no EEG channel (there are: {found or 'none'}); name the channels to use")


def named(names: Sequence[str], channels: Sequence[str]) -> list[int]:
    """Indices in `names` of the `channels` that are asked for; raises `ConfigError` when one names none or several."""
    if not channels:
        raise ConfigError("no channels are asked for; leave it out to have all EEG channels")
    return [_index_of(names, wanted) for wanted in channels]


def _index_of(names: Sequence[str], wanted: str) -> int:
    for same in (str.strip, lambda name: name.strip().casefold()):
        found = [i for i, name in enumerate(names) if same(name) == same(wanted)]
        if len(found) == 1:
            return found[0]
        if found:
            raise ConfigError(f"{len(found)} channels are called {shown(wanted)}")
    raise ConfigError(f"no channel {shown(wanted)}; there are {listed(names, 40)}")


def scale_of(names: Sequence[str], units: Sequence[str], notes: list[str]) -> FloatArray:
    """(channels,) µV in one of each channel's unit; 1, with a note, where the unit is not understood."""
    factors = [microvolts(unit) for unit in units]
    guessed = [
        f"{name} ({unit or 'none'})" for name, unit, factor in zip(names, units, factors, strict=True) if factor is None
    ]
    if guessed:
        notes.append(f"no unit that is understood, taken as µV: {listed(guessed)}")
    return np.array([1.0 if factor is None else factor for factor in factors])


def montage_of(names: Sequence[str], rate_hz: float, kinds: Sequence[str], reference: str = "") -> Montage:
    """The montage of a file; raises `StreamError` when it is outside what nictate serves."""
    try:
        return Montage(tuple(names), rate_hz, tuple(kinds), reference)
    except ConfigError as error:  # Nobody configured this: it is how the file is.
        raise StreamError(f"{error}") from error
