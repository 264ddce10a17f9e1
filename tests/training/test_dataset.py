from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from made_models import Exported
from made_people import nobody, person
from torch.nn import functional

from nictate.card import ModelCard
from nictate.detector import Detector
from nictate.signals import Block, FloatArray, Montage
from nictate.simulate import Profile, Simulator
from nictate.training.corpus import LabelledSignal
from nictate.training.dataset import _weight, answers, batches, see
from nictate.training.evaluate import Truth
from nictate.training.network import BlinkNet
from nictate.training.recipe import Recipe
from nictate.windows import Window

RECIPE = Recipe(batch=3, example_s=8.0)
CARD = RECIPE.card()
NONE = np.empty((0, 2))
LOOKS_S = CARD.looks_s
TIMES = np.arange(0.0, 12.0, 0.01)
PEAK = 6.0037  # Off the grid, so that no edge falls on a step.


def asked(
    peaks: list[float],
    ignore: list[tuple[float, float]] | None = None,
    until_s: float = np.inf,
    *,
    span_s: tuple[float, float] = (0.05, 0.05),
) -> list[tuple[FloatArray, FloatArray]]:
    """For each look-ahead, by the moment that is spoken of less `PEAK`: (offsets, answer), NaN where none is asked.

    Blinks are labelled from ``span_s`` before their peaks to ``span_s`` after them.
    """
    before_s, after_s = span_s
    blinks = np.reshape([(peak - before_s, peak, peak + after_s) for peak in peaks], (-1, 3))
    target, weight = answers(RECIPE, CARD, TIMES, blinks, np.array(ignore or []).reshape(-1, 2), until_s)
    assert target.shape == weight.shape == (len(LOOKS_S), len(TIMES))
    assert set(np.unique(target)) <= {0.0, 1.0}
    assert set(np.unique(weight)) <= {0.0, 1.0}
    return [(TIMES - look_s - PEAK, np.where(weight[k] > 0, target[k], np.nan)) for k, look_s in enumerate(LOOKS_S)]


def test_a_blink_is_its_core_and_its_margin_is_not_asked_about() -> None:
    for offsets, answer in asked([PEAK]):
        distance, settled = np.abs(offsets), RECIPE.settle_s <= TIMES
        core, margin = distance <= RECIPE.core_s, (distance > RECIPE.core_s) & (distance <= RECIPE.margin_s)
        assert core.sum() == pytest.approx(200 * RECIPE.core_s, abs=1)
        assert np.all(answer[core] == 1.0)
        assert np.all(np.isnan(answer[margin]))
        assert np.all(answer[~core & ~margin & settled] == 0.0)


@pytest.mark.parametrize("span_s", [(0.2, 0.05), (0.05, 0.4), (0.3, 0.3)])
def test_within_a_labelled_span_nothing_but_the_core_is_asked_about(span_s: tuple[float, float]) -> None:
    """Some people hold the lid closed after the peak: that is no blink of its own, and it is not none."""
    for offsets, answer in asked([PEAK], span_s=span_s):
        core, settled = np.abs(offsets) <= RECIPE.core_s, RECIPE.settle_s <= TIMES
        near = (np.abs(offsets) <= RECIPE.margin_s) | ((offsets >= -span_s[0]) & (offsets <= span_s[1]))
        assert np.all(answer[core] == 1.0)
        assert np.all(np.isnan(answer[near & ~core]))
        assert np.all(answer[~near & settled] == 0.0)


def test_all_look_aheads_answer_alike_of_the_same_moment() -> None:
    """Each says the same as the shortest, later by what it looks ahead more."""
    (_, first), *others = asked([3.0013, PEAK, PEAK + 0.3], [(8.0037, 9.0051)], span_s=(0.1, 0.2))
    for look_s, (_, answer) in zip(LOOKS_S[1:], others, strict=True):
        later = round((look_s - LOOKS_S[0]) * 100)
        begin = later + round(RECIPE.settle_s * 100) + 1
        np.testing.assert_array_equal(answer[begin:], first[begin - later : -later])


def test_nothing_is_asked_before_the_scale_has_settled_nor_after_the_end() -> None:
    for k, (offsets, answer) in enumerate(asked([PEAK], until_s=9.0)):
        known = np.flatnonzero(~np.isnan(answer))
        assert TIMES[known[0]] == pytest.approx(RECIPE.settle_s, abs=0.011)
        assert offsets[known[-1]] + PEAK == pytest.approx(9.0, abs=0.011)
        assert offsets[known[-1]] + PEAK + LOOKS_S[k] == TIMES[known[-1]]


@pytest.mark.parametrize("apart_s", [0.1, 0.2, 0.3, 0.59])
def test_between_two_close_blinks_is_none(apart_s: float) -> None:
    for offsets, answer in asked([PEAK, PEAK + apart_s]):
        valley = np.abs(offsets - apart_s / 2) <= 0.019
        assert valley.sum() >= 3
        assert np.all(answer[valley] == 0.0)
        assert 1.0 in answer[offsets < apart_s / 2 - 0.021]
        assert 1.0 in answer[offsets > apart_s / 2 + 0.021]


def test_within_ignored_time_nothing_but_labelled_blinks_is_asked_about() -> None:
    for offsets, answer in asked([PEAK], [(PEAK - 1.0, PEAK + 2.0)]):
        core = np.abs(offsets) <= RECIPE.core_s
        ignored = (offsets >= -1.1) & (offsets <= 2.1)
        assert np.all(answer[core] == 1.0)
        assert np.all(np.isnan(answer[ignored & ~core]))
        assert np.all(answer[(offsets > 2.11) & (TIMES > 1)] == 0.0)
        assert np.all(answer[(offsets < -1.11) & (TIMES > 1)] == 0.0)


def test_without_blinks_the_answer_is_no() -> None:
    for _, answer in asked([]):
        assert not np.nansum(answer)
        assert np.isfinite(answer).sum() == pytest.approx(len(TIMES) - 100 * RECIPE.settle_s, abs=1)


# --- what training shows is what the detector sees -----------------------------------------------


def listened(card: ModelCard, montage: Montage, block: Block, size: int) -> Iterator[tuple[Window, float]]:
    """A live detector and its windows, in packets of ``size`` samples."""

    def silent(*_: object) -> FloatArray:
        raise AssertionError

    detector = Detector(card, silent, montage, channels=range(len(montage.names)))
    for at in range(0, len(block), size):
        yield from detector.windows(Block(block.samples[at : at + size], block.times[at : at + size]))


@pytest.mark.parametrize("rate_hz", [100.0, 128.0, 250.0, 249.4, 512.0])
def test_training_sees_what_a_live_detector_sees(rate_hz: float) -> None:
    simulator = Simulator(("Fp1", "Fp2"), rate_hz, seed=1, profile=Profile(blinks_per_min=30, offset_uv=1000.0))
    block = simulator.pull(round(8.0 * rate_hz))
    block.samples[round(5 * rate_hz) : round(5.6 * rate_hz), 1] = 0.0  # An electrode falls off for a while.
    inputs, usable, times = see(CARD, simulator.montage, block.samples)
    assert inputs.shape == (2, CARD.scale.rows, len(times))
    assert 780 <= len(times) <= 800
    newest = 0
    for window, _ in listened(CARD, simulator.montage, block, 17):
        newest += CARD.hop
        first = max(0, newest - CARD.window)
        n = newest - first
        assert np.array_equal(window.times[-n:], times[first:newest])
        assert np.array_equal(window.inputs[:-1, :, -n:], inputs[:, :, first:newest])
        assert np.array_equal(window.usable[:-1], usable[:, newest - 1] > 0)
        assert not window.inputs[:, :, :-n].any()
    assert newest == len(times)
    assert usable[0].mean() > 0.9
    assert 0.8 < usable[1].mean() < 0.95


def test_examples_side_by_side_do_not_see_each_other() -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((800, 5)).cumsum(axis=0) * np.array([1.0, 100.0, 1.0, 1.0, 0.0])
    together = see(CARD, Montage(("x",) * 5, 100.0), x)
    for k in range(5):
        alone = see(CARD, Montage(("x",), 100.0), x[:, [k]])
        np.testing.assert_allclose(together[0][k], alone[0][0], rtol=0, atol=1e-6)
        assert np.array_equal(together[1][k], alone[1][0])
        assert np.array_equal(together[2], alone[2])


@pytest.mark.parametrize("channels", [1, 3])
def test_the_trained_network_and_the_detector_agree_window_by_window(exported: Exported, channels: int) -> None:
    card, network = exported.card, exported.network
    simulator = Simulator(channels, 250.0, seed=2, profile=Profile(blinks_per_min=30))
    block = simulator.pull(2500)
    inputs, usable, _ = see(card, simulator.montage, block.samples)
    past = exported.recipe.architecture.receptive_field - card.step  # As `loss_of` shows it.
    x, there = (functional.pad(torch.from_numpy(part), (past, 0))[None] for part in (inputs, usable))
    with torch.no_grad():
        dense = torch.sigmoid(network(x, torch.zeros(1, card.scale.rows, x.shape[-1]), torch.zeros(1), there))[
            0
        ].numpy()
    detector = Detector(card, exported.deployed, simulator.montage, channels=range(channels))
    new = card.hop // card.step
    compared = 0
    for k, (window, _) in enumerate(detector.windows(block)):
        stop = (k + 1) * card.hop
        if stop < card.window or not usable[:, stop - card.window : stop].all():
            continue  # Where an input has come or gone within the window, see below.
        said = detector.probabilities(window)
        np.testing.assert_allclose(said, dense[:, k * new : (k + 1) * new], rtol=0, atol=1e-5)
        compared += 1
    assert compared > 180
    assert np.ptp(dense) > 0.2


# --- batches -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def people() -> list[LabelledSignal]:
    return [
        person(1, lasting_s=15.0),
        person(2, lasting_s=15.0, rate_hz=250.0, channels=("Fp1", "Fp2", "AF7", "AF8", "Fpz")),
        person(3, lasting_s=5.0),
    ]


def test_batches_depend_on_the_seed_and_their_number_alone(people: list[LabelledSignal]) -> None:
    three, two, other = (list(batches(RECIPE, CARD, people, seed, n)) for seed, n in ((5, 3), (5, 2), (6, 1)))
    for a, b in zip(three[:2], two, strict=True):
        for field in dataclasses.fields(a):
            assert np.array_equal(getattr(a, field.name), getattr(b, field.name))
    for one, another in ((three[0], three[1]), (three[0], other[0])):
        assert not np.array_equal(one.target, another.target)


def test_what_is_in_a_batch(people: list[LabelledSignal]) -> None:
    trusted = 0.0
    for batch in batches(RECIPE, CARD, people, 1, 6):
        b, k, rows, time = batch.channels.shape
        assert (b, k, rows) == (RECIPE.batch, RECIPE.inputs, CARD.scale.rows)
        assert 100 * RECIPE.example_s - 8 <= time <= 100 * RECIPE.example_s
        assert time % CARD.hop == 0
        assert batch.usable.shape == (b, k, time)
        assert batch.source.shape == (b, rows, time)
        assert batch.trusted.shape == (b,)
        assert batch.target.shape == batch.weight.shape == (b, len(LOOKS_S), time)
        for field in dataclasses.fields(batch):
            values = getattr(batch, field.name)
            assert values.dtype == np.float32
            assert np.isfinite(values).all()
        for flags in (batch.usable, batch.trusted, batch.target, batch.weight):
            assert np.isin(flags, (0.0, 1.0)).all()
        # What cannot be used is not shown, and what is not there neither.
        assert not batch.channels.transpose(0, 1, 3, 2)[batch.usable == 0].any()
        assert np.all(batch.usable[:, 0].any(axis=1))
        assert not batch.source[batch.trusted == 0].any()
        assert not batch.weight[:, :, : round(100 * RECIPE.settle_s) - 1].any()
        assert batch.target[batch.weight > 0].any()
        assert batch.weight.mean() > 0.4
        trusted += batch.trusted.sum()
    assert 0 < trusted < 6 * RECIPE.batch


def test_after_the_end_of_a_short_recording_nothing_is_asked(people: list[LabelledSignal]) -> None:
    """The rest of the example is a mirror of the recording. Played slowly, five seconds take six at most."""
    for batch in batches(RECIPE, CARD, people[2:], 1, 4):
        for k, look_s in enumerate(LOOKS_S):
            assert not batch.weight[:, k, round(100 * (5.0 * np.exp(0.2) + look_s)) :].any()
            assert batch.weight[:, k, : round(100 * (5.0 * np.exp(-0.2) - 0.3))].any()


def test_after_a_hole_nothing_is_asked_not_even_about_labels() -> None:
    """What is shown there is a mirror of what was before the hole."""
    rate_hz, hole_s = 128.0, 2.0
    whole = person(4, lasting_s=8.0)
    first = round(hole_s * rate_hz)
    times = whole.times.copy()
    times[first:] += 0.5
    blinks = np.array([(p - 0.1, p, p + 0.2) for p in (1.5, 3.4, 4.1, 5.2, 6.3, 7.4)])
    holed = dataclasses.replace(whole, times=times, truth=Truth(blinks, NONE, 8.5))
    for batch in batches(RECIPE, CARD, [holed], 1, 3):
        for k, look_s in enumerate(LOOKS_S):
            assert not batch.weight[:, k, round(100 * (hole_s * np.exp(0.2) + look_s)) :].any()
            assert batch.weight[:, k].any()


def test_a_set_is_shown_by_the_root_of_its_length_and_its_recordings_by_theirs() -> None:
    signals = [nobody("1", "1", "a", 100.0), nobody("2", "2", "a", 300.0), nobody("3", "3", "b", 10_000.0)]
    weights = [_weight(s, signals) for s in signals]
    assert weights[1] == pytest.approx(3 * weights[0])
    assert weights[2] / (weights[0] + weights[1]) == pytest.approx(np.sqrt(10_000 / 400))


def test_the_network_takes_a_batch_as_it_is(people: list[LabelledSignal]) -> None:
    (batch,) = batches(RECIPE, CARD, people, 2, 1)
    logits = BlinkNet(RECIPE.architecture)(
        torch.from_numpy(batch.channels),
        torch.from_numpy(batch.source),
        torch.from_numpy(batch.trusted),
        torch.from_numpy(batch.usable),
    )
    assert torch.isfinite(logits).all()
