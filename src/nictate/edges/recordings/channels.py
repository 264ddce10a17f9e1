"""Which channels of a file are served, as what, and in which unit they are."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class Pick:
    """A channel that is served."""

    index: int
    """Among all channels of the file."""
    name: str
    kind: str


def chosen(names: Sequence[str], kinds: Sequence[str], channels: Sequence[str] | None, notes: list[str]) -> list[Pick]:
    """The channels to serve, in the order in which they are served: all EEG, or those that `channels` names.

    Where no channel is EEG and all are misc or bio, these pass as EEG, with a note. Raises `ConfigError` when one of
    `channels` names none or several, `StreamError` when there is no EEG and `channels` is None.
    """
    kinds = [_kind(name, kind) for name, kind in zip(names, kinds, strict=True)]
    if channels is None:
        return [Pick(i, names[i], "eeg") for i in _eeg(names, kinds, notes)]
    if not channels:
        raise ConfigError("no channels are asked for; leave it out to have all EEG channels")
    return [Pick(i, names[i], kinds[i]) for i in (_index_of(names, wanted) for wanted in channels)]


def _kind(label: str, kind: str) -> str:
    """`kind`, unless it is EEG by default and the label knows better."""
    if kind != "eeg":
        return kind
    text = label.strip().upper()
    whole = re.split(r"[\s_\-.:]", text, maxsplit=1)[0]
    letters = re.match(r"[^\W\d_]*", text)
    return KIND_BY_LABEL.get(whole) or KIND_BY_LABEL.get(letters[0] if letters else "") or "eeg"


def _eeg(names: Sequence[str], kinds: Sequence[str], notes: list[str]) -> list[int]:
    if eeg := [i for i, kind in enumerate(kinds) if kind == "eeg"]:
        return eeg
    others = {kind for kind in kinds if kind != "stim"}
    if others and others <= {"misc", "bio"}:
        taken = [i for i, kind in enumerate(kinds) if kind in others]
        notes.append(f"no channel is marked as EEG: taking {listed(names[i] for i in taken)} as EEG")
        return taken
    found = ", ".join(f"{n} {kind}" for kind, n in sorted(Counter(kinds).items()))
    raise StreamError(f"no EEG channel (there are: {found or 'none'}); name the channels to use")


def _index_of(names: Sequence[str], wanted: str) -> int:
    for same in (str.strip, lambda name: name.strip().casefold()):
        found = [i for i, name in enumerate(names) if same(name) == same(wanted)]
        if len(found) == 1:
            return found[0]
        if found:
            raise ConfigError(f"{len(found)} channels are called {shown(wanted)}")
    raise ConfigError(f"no channel {shown(wanted)}; there are {listed(names, 40)}")


def scale_of(picks: Sequence[Pick], units: Sequence[str], notes: list[str]) -> FloatArray:
    """(picks,) µV in one of the unit of each; 1, with a note, where the unit is not understood."""
    factors = [microvolts(unit) for unit in units]
    told = zip(picks, units, factors, strict=True)
    if guessed := [f"{pick.name} ({unit or 'none'})" for pick, unit, factor in told if factor is None]:
        notes.append(f"no unit that is understood, taken as µV: {listed(guessed)}")
    return np.array([1.0 if factor is None else factor for factor in factors])


def montage_of(picks: Sequence[Pick], rate_hz: float, reference: str = "") -> Montage:
    """The montage of what is served; raises `StreamError` when it is outside what nictate serves."""
    try:
        return Montage(tuple(pick.name for pick in picks), rate_hz, tuple(pick.kind for pick in picks), reference)
    except ConfigError as error:  # Nobody configured this: it is how the file is.
        raise StreamError(f"{error}") from error
