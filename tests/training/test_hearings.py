from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from made_people import person

from nictate.signals import ConfigError
from nictate.training import hearings
from nictate.training.corpus import LabelledSignal
from nictate.training.heard import listen
from stand_in import STAND_IN

CARD = STAND_IN.card


def with_hole(s: LabelledSignal) -> LabelledSignal:
    return dataclasses.replace(s, times=s.times + np.where(s.times >= 9.0, 1.7, 0.0))


@pytest.mark.parametrize("broken", [False, True])
def test_what_is_kept_is_decided_alike(tmp_path: Path, broken: bool) -> None:
    s = with_hole(person(1)) if broken else person(1)
    heard = listen(CARD, STAND_IN.network, s)
    path = tmp_path / "new" / "x.npz"
    hearings.save(path, heard, CARD.hop)
    again = hearings.load(path, s)
    for rules in (CARD.decision, dataclasses.replace(CARD.decision, release=0.9, reach_s=0.2)):
        events = heard.decide(CARD, rules)
        assert again.decide(CARD, rules) == events
        assert len(events) > 5
    assert again.signal is s
    assert path.stat().st_size < 60 * CARD.rate_hz * s.duration_s
    assert [file.name for file in path.parent.iterdir()] == ["x.npz"]


def test_of_nothing_nothing_is_kept(tmp_path: Path) -> None:
    s = person(1)
    silent = listen(CARD, STAND_IN.network, dataclasses.replace(s, samples=s.samples[:3], times=s.times[:3]))
    hearings.save(tmp_path / "x.npz", silent, CARD.hop)
    assert hearings.load(tmp_path / "x.npz", s).decide(CARD, CARD.decision) == []


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"Dear diary"])
def test_a_file_that_is_none_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.npz"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"x\.npz cannot be read .*delete it"):
        hearings.load(path, person(1, lasting_s=2.0))
    np.savez(path, window=3)
    with pytest.raises(ConfigError, match=r"x\.npz cannot be read .*delete it"):
        hearings.load(path, person(1, lasting_s=2.0))
