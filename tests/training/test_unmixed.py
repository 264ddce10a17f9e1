"""Blink sources for training: those that the detector itself would have, at the same samples."""

from __future__ import annotations

import numpy as np
import pytest
from made_people import person
from threadpoolctl import threadpool_info, threadpool_limits

from nictate.detector import Detector
from nictate.ica import Ica, Parts, open_ica
from nictate.training import unmixed
from nictate.training.corpus import LabelledSignal
from nictate.training.recipe import Recipe
from nictate.training.unmixed import imagined, with_source

CARD = Recipe().card()


@pytest.fixture(scope="module")
def made() -> tuple[LabelledSignal, ...]:
    return tuple(imagined(seed=1, people=3, lasting_s=8.0))


def test_recordings_of_few_channels_have_none() -> None:
    signal = person(1)
    assert with_source(CARD, signal) is signal


def test_the_source_is_the_one_that_the_detector_has(monkeypatch: pytest.MonkeyPatch) -> None:
    signal = person(2, channels=8, rate_hz=125.0, lasting_s=40.0)
    source = with_source(CARD, signal).source
    assert source is not None
    assert source.shape == signal.times.shape
    told: list[Parts] = []
    push = Ica.push

    def noted(self: Ica, frame: object) -> Parts:
        told.append(push(self, frame))  # type: ignore[arg-type]
        return told[-1]

    monkeypatch.setattr(Ica, "push", noted)

    def silent(*_: object) -> np.ndarray:  # type: ignore[type-arg]
        return np.zeros((2, CARD.hop // CARD.step))

    Detector(CARD, silent, signal.montage).push(signal.block())
    theirs = np.concatenate([p.source if p.trusted else np.full_like(p.source, np.nan) for p in told])
    assert np.array_equal(source[: len(theirs)], theirs.astype(np.float32), equal_nan=True)
    assert np.isnan(source[len(theirs) :]).all()
    assert np.isnan(source[0])
    assert np.isfinite(source[-20:-5]).all()  # Learned by then.


def test_people_who_are_imagined_are_the_same_for_the_same_seed_and_unlike_each_other(
    made: tuple[LabelledSignal, ...],
) -> None:
    again = tuple(imagined(seed=1, people=3, lasting_s=8.0))
    for a, b in zip(made, again, strict=True):
        assert np.array_equal(a.samples, b.samples)
        assert np.array_equal(a.truth.blinks, b.truth.blinks)
    assert len({s.subject for s in made}) == 3
    assert len({(len(s.montage.names), s.montage.rate_hz) for s in made}) > 1


def test_imagined_people_have_frontal_channels_and_labels_that_are_true(made: tuple[LabelledSignal, ...]) -> None:
    assert {s.set for s in made} == {"imagined"}
    for s in made:
        assert s.montage.frontal
        assert len(s.samples) == len(s.times) == round(8.0 * s.montage.rate_hz)
        onset, peak, end = s.truth.blinks.T
        assert np.all((onset < peak) & (peak < end))


def test_one_thread_finds_the_source_whatever_the_process_has(
    made: tuple[LabelledSignal, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With another number of them the last bits differ, and in the end the weights of the network."""
    seen: list[int] = []

    def watched(*given: object) -> object:
        seen.extend(pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas")
        return open_ica(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(unmixed, "open_ica", watched)
    with threadpool_limits(2, user_api="blas"):
        with_source(CARD, made[0])
    assert seen
    assert set(seen) == {1}
