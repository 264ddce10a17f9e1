from __future__ import annotations

import sys
import warnings

import numpy as np
import pytest
from made_recordings import RATE_HZ, channel, person

from nictate.peers.packages import Mne, NeuroKit, NeuroKitMethod, Unlikeness
from nictate.peers.peer import PeerError
from nictate.profile import USUAL
from nictate.signals import ConfigError
from nictate.training.evaluate import match

METHODS: list[NeuroKitMethod] = ["neurokit", "brainstorm", "blinker", "mne"]


@pytest.fixture(scope="module")
def installed() -> None:
    """Skips the test where NeuroKit2 is not there."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pytest.importorskip("neurokit2", reason="neurokit2 is not installed: nictate[bench] has it")


def test_mne_finds_clear_blinks_by_either_setting() -> None:
    s = person(1)
    default, height = (
        match(found.peaks / RATE_HZ, s.truth)
        for found in Mne().find(channel(s), RATE_HZ, [Mne().settings[0], Mne().settings[4]])
    )
    assert len(default.pairs) > 10
    assert (default.missed, height.missed, height.false) == ((), (), ())


def test_mne_takes_microvolts_as_such() -> None:
    x = channel(person(1))
    default, height = Mne().settings[0], Mne().settings[3]
    assert (str(default), str(height)) == ("quarter of the range", "80 µV")
    plain, small = (Mne().find(gain * x, RATE_HZ, [default, height]) for gain in (1.0, 0.125))
    assert np.array_equal(plain[0].peaks, small[0].peaks)
    assert len(plain[1].peaks) > len(small[1].peaks)


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("method", METHODS)
def test_neurokit_finds_most_clear_blinks(method: NeuroKitMethod) -> None:
    s, peer = person(1), NeuroKit(method)
    assert peer.default is not None
    (found,) = peer.find(channel(s), RATE_HZ, [peer.default])
    matched = match(found.peaks / RATE_HZ, s.truth)
    assert len(matched.pairs) > 0.8 * (len(matched.pairs) + len(matched.missed))


@pytest.mark.usefixtures("installed")
def test_neurokit_keeps_what_is_more_unlike_its_template_the_more_it_may_be() -> None:
    x, settings = channel(person(2, profile=USUAL)), [Unlikeness(rmse) for rmse in (0.1, 0.2, 0.5)]
    counts = [len(found.peaks) for found in NeuroKit("neurokit").find(x, RATE_HZ, settings)]
    assert counts == sorted(counts)
    assert counts[0] < counts[-1]


@pytest.mark.usefixtures("installed")
def test_what_a_package_raises_is_told_in_its_words() -> None:
    with pytest.raises(PeerError, match=r"\w"):
        NeuroKit("blinker").find(np.zeros(2), RATE_HZ, NeuroKit("blinker").settings)


def test_a_package_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "neurokit2", None)
    with pytest.raises(ConfigError, match=r"neurokit2 is missing: install nictate\[bench\]"):
        NeuroKit("mne").find(np.zeros(500), RATE_HZ, NeuroKit("mne").settings)
