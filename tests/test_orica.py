from __future__ import annotations

import io
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from scipy import signal

from nictate.orica import NotFittedError, OnlineICA
from nictate.signals import ConfigError, FloatArray
from nictate.simulate import Simulator
from nictate.unmixing import Outliers, Pace, Solution

RATE_HZ = 125.0
CHANNELS = 8


@cache
def headset(seconds: int, channels: int = CHANNELS, seed: int = 0) -> tuple[FloatArray, FloatArray]:
    """Samples (n, channels) and the true blink (n,), simulated."""
    simulated = Simulator(channels, RATE_HZ, seed=seed).pull_with_sources(round(seconds * RATE_HZ))
    simulated.block.samples.flags.writeable = False
    return simulated.block.samples, simulated.sources[:, 0]


def mixture(seconds: int, n: int, seed: int = 0) -> tuple[FloatArray, FloatArray]:
    """Laplacian sources through a random mixing: samples (rows, n) and the mixing."""
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((n, n)) * 10.0
    return rng.laplace(size=(round(seconds * RATE_HZ), n)) @ A.T, A


def amari(M: FloatArray) -> float:
    """Amari's index of un-mixing times mixing: 0 for a scaled permutation, 1 at worst."""
    R = np.abs(M)
    n = len(R)
    across = (R / R.max(axis=1, keepdims=True)).sum(axis=1) - 1.0
    down = (R / R.max(axis=0)).sum(axis=0) - 1.0
    return float((across.sum() + down.sum()) / (2.0 * n * (n - 1)))


def blink_likeness(ica: OnlineICA, x: FloatArray, blink: FloatArray) -> float:
    """|r|, from 1 to 10 Hz, of the source most like the true blink; at most 0.97 at 8 channels, by their noise."""
    sos = signal.butter(2, (1.0, 10.0), "bandpass", fs=ica.rate_hz, output="sos")
    sources = ica.sources(signal.sosfiltfilt(sos, x, axis=0))
    return float(np.abs(np.corrcoef(sources.T, signal.sosfiltfilt(sos, blink))[-1, :-1]).max())


def same(a: OnlineICA, b: OnlineICA) -> bool:
    mine, its = a.get_state(), b.get_state()
    return mine.keys() == its.keys() and all(np.array_equal(mine[key], its[key], equal_nan=True) for key in mine)


# What is learned


@pytest.mark.parametrize(("calibration_s", "most"), [(None, 0.2), (20.0, 0.06)])
def test_a_known_mixture_is_recovered(calibration_s: float | None, most: float) -> None:
    X, A = mixture(30, 8)
    ica = OnlineICA(RATE_HZ, band_hz=None, calibration_s=calibration_s).partial_fit(X)
    assert amari(ica.unmixing_ @ A) < most


def test_the_blink_is_found_within_seconds_and_kept() -> None:
    x, blink = headset(60)
    ica = OnlineICA(RATE_HZ)
    found = [blink_likeness(ica.partial_fit(part), x, blink) for part in np.split(x, 4)]
    assert min(found) > 0.9


def test_block_by_block_alone_finds_the_blink_too() -> None:
    x, blink = headset(60)
    ica = OnlineICA(RATE_HZ, calibration_s=None).partial_fit(x)
    assert ica.phase == "learning"
    assert ica.generation_ == 1
    assert blink_likeness(ica, x, blink) > 0.9


@pytest.mark.parametrize("seconds", [5, 15, 30])
def test_unmixing_times_mixing_is_the_identity_and_mixing_times_unmixing_the_projector(seconds: int) -> None:
    x, _ = headset(30)
    x = x - x.mean(axis=1, keepdims=True)
    ica = OnlineICA(RATE_HZ).partial_fit(x[: round(seconds * RATE_HZ)])
    U, A = ica.unmixing_, ica.mixing_
    assert ica.n_components_ == CHANNELS - 1
    np.testing.assert_allclose(U @ A, np.eye(CHANNELS - 1), atol=1e-8)
    average = np.full((CHANNELS, CHANNELS), 1.0 / CHANNELS)
    np.testing.assert_allclose(A @ U, np.eye(CHANNELS) - average, atol=1e-7)
    np.testing.assert_allclose(ica.inverse_transform(ica.transform(x)), x, atol=1e-4)


def test_permuted_channels_permute_the_maps() -> None:
    x, _ = headset(30)
    order = np.random.default_rng(1).permutation(CHANNELS)
    ours, theirs = OnlineICA(RATE_HZ).partial_fit(x), OnlineICA(RATE_HZ).partial_fit(x[:, order])
    likeness = np.abs(ours.unmixing_[:, order] @ theirs.mixing_)
    np.testing.assert_allclose(likeness, np.eye(CHANNELS), atol=0.05)


def test_a_gain_of_all_channels_scales_the_unmixing_only() -> None:
    x, _ = headset(30)
    ours, theirs = OnlineICA(RATE_HZ).partial_fit(x), OnlineICA(RATE_HZ).partial_fit(8.0 * x)
    np.testing.assert_allclose(8.0 * theirs.unmixing_, ours.unmixing_, rtol=1e-6, atol=1e-9)


def test_offsets_are_not_learned() -> None:
    x, _ = headset(30)
    offsets = np.linspace(-1e5, 1e5, CHANNELS)
    ours, theirs = OnlineICA(RATE_HZ).partial_fit(x), OnlineICA(RATE_HZ).partial_fit(x + offsets)
    np.testing.assert_allclose(theirs.unmixing_, ours.unmixing_, atol=1e-5)


@pytest.mark.parametrize("rate_hz", [100.0, 104.5, 250.0, 500.0, 1000.0])
def test_learning_is_the_same_at_any_rate(rate_hz: float) -> None:
    pulled = Simulator(8, rate_hz, seed=3).pull_with_sources(round(30 * rate_hz))
    ica = OnlineICA(rate_hz).partial_fit(pulled.block.samples)
    assert ica.phase == "learned"
    assert 30.0 - ica.seconds_ <= ica.block_s
    assert blink_likeness(ica, pulled.block.samples, pulled.sources[:, 0]) > 0.85


# What happens to electrodes


def flat(x: FloatArray) -> None:
    x[:, 7] = 12.0


def bridged(x: FloatArray) -> None:
    x[:, 6] = x[:, 7]


def ten_times(x: FloatArray) -> None:
    x *= 10.0


def hundred_times(x: FloatArray) -> None:
    x *= 100.0


def a_tenth(x: FloatArray) -> None:
    x *= 0.1


def popping(x: FloatArray) -> None:
    x[:250, 5] += 2000.0 * np.exp(-np.arange(250) / 40.0)


def burst(x: FloatArray) -> None:
    x[:125] += 5000.0 * np.random.default_rng(0).standard_normal((125, CHANNELS))


def missing(x: FloatArray) -> None:
    x[100:400] = np.nan
    x[500, 3] = np.inf
    x[600, 4] = 1e300


def hole(x: FloatArray) -> None:
    x[:-3750] = x[3750:]


def average_reference(x: FloatArray) -> None:
    x -= x.mean(axis=1, keepdims=True)


@pytest.mark.parametrize(
    "happens", [flat, bridged, ten_times, hundred_times, a_tenth, popping, burst, missing, hole, average_reference]
)
@pytest.mark.parametrize("at_s", [0, 40])
def test_the_blink_stays_or_comes_back(happens: Callable[[FloatArray], None], at_s: int) -> None:
    x, blink = headset(120)
    x = x.copy()
    happens(x[round(at_s * RATE_HZ) :])
    ica = OnlineICA(RATE_HZ).partial_fit(x[: round(65 * RATE_HZ)])
    assert np.isfinite(ica.unmixing_).all()
    judged = slice(round(45 * RATE_HZ), round((85 if happens is hole else 120) * RATE_HZ))
    truth = blink[round(30 * RATE_HZ) :] if happens is hole else blink
    assert blink_likeness(ica, x[judged], truth[judged]) > 0.9


def test_after_another_mixing_the_blink_comes_back_and_the_change_is_noticed_once() -> None:
    x, blink = headset(120)
    at = round(50 * RATE_HZ)
    x = x.copy()
    x[at:] = x[at:, np.random.default_rng(1).permutation(CHANNELS)]
    ica = OnlineICA(RATE_HZ).partial_fit(x[:at])
    before = ica.generation_
    lost = blink_likeness(ica, x[at:], blink[at:])
    ica.partial_fit(x[at : at + round(15 * RATE_HZ)])
    assert blink_likeness(ica, x[at:], blink[at:]) > max(0.9, lost)
    ica.partial_fit(x[at + round(15 * RATE_HZ) :])
    assert ica.generation_ == before + 3


@pytest.mark.parametrize("seed", range(3))
def test_a_mixing_that_stays_is_not_learned_anew(seed: int) -> None:
    x, _ = headset(120, 8, seed)
    assert OnlineICA(RATE_HZ).partial_fit(x).generation_ == 4  # The basis, and refits after 8, 12 and 20 s.


def test_block_by_block_alone_it_begins_again_where_nothing_can_be_used() -> None:
    x, blink = headset(120)
    x = x.copy()
    at = round(50 * RATE_HZ)
    x[at:] *= 100.0
    ica = OnlineICA(RATE_HZ, calibration_s=None).partial_fit(x)
    assert ica.generation_ == 2
    assert blink_likeness(ica, x[at:], blink[at:]) > 0.9


def test_a_channel_that_comes_back_is_taken_in() -> None:
    x = headset(60)[0].copy()
    x[: round(30 * RATE_HZ), 3] = 0.0
    ica = OnlineICA(RATE_HZ).partial_fit(x[: round(30 * RATE_HZ)])
    assert ica.n_components_ == CHANNELS - 1
    assert ica.partial_fit(x[round(30 * RATE_HZ) :]).n_components_ == CHANNELS


@pytest.mark.parametrize("value", [0.0, 7.0, np.nan, 1e9])
def test_a_stream_without_signal_teaches_nothing_and_harms_nothing(value: float) -> None:
    x, blink = headset(60)
    ica = OnlineICA(RATE_HZ).partial_fit(np.full((3000, CHANNELS), value))
    assert not ica.fitted
    assert blink_likeness(ica.partial_fit(x), x, blink) > 0.9


# Determinism, memory, state


@pytest.mark.parametrize("seed", range(3))
def test_any_cutting_gives_equal_bits(seed: int) -> None:
    x = headset(30)[0].copy()
    x[700:703, 2] = np.nan
    cuts = np.sort(np.random.default_rng(seed).integers(0, len(x), 300))
    whole, cut = OnlineICA(RATE_HZ).partial_fit(x), OnlineICA(RATE_HZ)
    for part in np.split(x, cuts):
        cut.partial_fit(part)
    assert same(whole, cut)


def test_a_refit_beside_the_stream_gives_equal_bits() -> None:
    x, _ = headset(30)
    waiting: list[Callable[[], Solution]] = []

    def later(work: Callable[[], Solution]) -> Callable[[], Solution]:
        waiting.append(work)
        return work

    beside = OnlineICA(RATE_HZ, submit=later).partial_fit(x)
    assert len(waiting) == 3
    assert same(beside, OnlineICA(RATE_HZ).partial_fit(x))


@pytest.mark.parametrize(
    "at_s", [0.0, 0.5, 5.03, 9.0, 11.0, 21.01, 29.0]
)  # At 9, 11 (none) and 21 s a refit is pending.
def test_a_state_goes_on_to_the_bit_through_a_file(at_s: float) -> None:
    x, _ = headset(60)
    at = round(at_s * RATE_HZ)
    ica = OnlineICA(RATE_HZ).partial_fit(x[:at])
    file = io.BytesIO()
    np.savez(file, **ica.get_state())
    file.seek(0)
    with np.load(file, allow_pickle=False) as state:
        other = OnlineICA(RATE_HZ).set_state(dict(state))
    assert same(ica.partial_fit(x[at:5000]), other.partial_fit(x[at:5000]))
    assert ica.phase == other.phase == "learned"


def test_a_state_is_not_changed_by_who_goes_on_from_it() -> None:
    x, _ = headset(30)
    ica = OnlineICA(RATE_HZ).partial_fit(x[:1200])
    state = ica.get_state()
    before = {key: value.copy() for key, value in state.items()}
    OnlineICA(RATE_HZ).set_state(state).partial_fit(x[1200:])
    ica.partial_fit(x[1200:])
    assert all(np.array_equal(state[key], before[key], equal_nan=True) for key in before)


@pytest.mark.parametrize("at_s", [5.0, 9.0, 21.0, 29.0])  # At 9 and 21 s a refit is pending, at 29 s drift is watched.
def test_a_state_that_lacks_something_is_refused_and_nothing_changes(at_s: float) -> None:
    x, _ = headset(30)
    ica = OnlineICA(RATE_HZ).partial_fit(x)
    before, state = ica.get_state(), OnlineICA(RATE_HZ).partial_fit(x[: round(at_s * RATE_HZ)]).get_state()
    for key in state:
        with pytest.raises(ConfigError, match=f"no {key}"):
            ica.set_state({name: part for name, part in state.items() if name != key})
    with pytest.raises(ConfigError, match="unmixing is not finite"):
        ica.set_state(state | {"unmixing": np.full((CHANNELS, CHANNELS), np.nan)})
    assert all(np.array_equal(value, before[name], equal_nan=True) for name, value in ica.get_state().items())


def test_256_channels_can_be_learned() -> None:
    x, blink = headset(30)
    rng = np.random.default_rng(0)
    wide = x @ rng.standard_normal((CHANNELS, 256)) + rng.standard_normal((len(x), 256))
    ica = OnlineICA(RATE_HZ, calibration_s=None).partial_fit(wide)
    assert 200 < ica.n_components_ <= 256
    np.testing.assert_allclose(ica.unmixing_ @ ica.mixing_, np.eye(ica.n_components_), atol=1e-8)
    assert blink_likeness(ica, wide, blink) > 0.9


def test_a_state_of_another_stream_is_refused_with_the_reason() -> None:
    state = OnlineICA(RATE_HZ).partial_fit(headset(30)[0]).get_state()
    with pytest.raises(ConfigError, match="rate_hz 125, here it is 250"):
        OnlineICA(250.0).set_state(state)
    with pytest.raises(ConfigError, match="8 channels, here are 4"):
        OnlineICA(RATE_HZ).partial_fit(np.zeros((1, 4))).set_state(state)
    with pytest.raises(ConfigError, match="does not whiten"):
        OnlineICA(RATE_HZ).set_state({**state, "unmixing": np.eye(CHANNELS)})


def test_memory_is_bounded() -> None:
    x, _ = headset(120)
    ica = OnlineICA(RATE_HZ).partial_fit(x[:3000])
    size = sum(part.nbytes for part in ica.get_state().values())
    for _ in range(100):
        ica.refit()
    ica.partial_fit(x[3000:])
    assert sum(part.nbytes for part in ica.get_state().values()) < 2.2 * size


def test_samples_are_never_changed() -> None:
    x, _ = headset(30)
    assert not x.flags.writeable
    OnlineICA(RATE_HZ, band_hz=None).partial_fit(x)


# Manners


def test_before_there_is_an_unmixing_its_absence_is_told() -> None:
    ica = OnlineICA(RATE_HZ)
    assert ica.phase == "collecting"
    assert ica.seconds_ == 0.0
    assert not hasattr(ica, "unmixing_")
    with pytest.raises(NotFittedError, match="partial_fit"):
        ica.transform(np.zeros((3, 4)))
    assert ica.partial_fit(np.zeros((0, 4))) is ica


def test_a_refit_that_is_asked_for_is_adopted_two_seconds_later() -> None:
    x, _ = headset(60)
    ica = OnlineICA(RATE_HZ).partial_fit(x[:4000])
    before = ica.generation_
    ica.refit().refit().partial_fit(x[4000:4240])
    assert ica.generation_ == before
    assert ica.partial_fit(x[4240:4400]).generation_ == before + 1


def test_a_refit_keeps_places_and_signs() -> None:
    x, _ = headset(60)
    ica = OnlineICA(RATE_HZ).partial_fit(x[:4000]).refit().partial_fit(x[4000:4256])
    maps, generation = ica.mixing_, ica.generation_
    ica.partial_fit(x[4256:4272])
    assert ica.generation_ == generation + 1
    alike = ica.unmixing_ @ maps
    assert np.diag(alike).min() > 0.0
    assert np.diag(alike).max() > 0.98


@pytest.mark.parametrize(
    "build",
    [
        lambda: OnlineICA(0.0),
        lambda: OnlineICA(100.0, band_hz=(1.0, 60.0)),
        lambda: OnlineICA(100.0, block_s=0.0),
        lambda: OnlineICA(100.0, calibration_s=1000.0),
        lambda: OnlineICA(100.0, whitening_memory_s=float("nan")),
        lambda: Outliers(soft=5.0, skip=1.0),
        lambda: Pace(first=0.0, decay=1.0, memory_s=1.0),
        lambda: OnlineICA(100.0).partial_fit(np.zeros(5)),
        lambda: OnlineICA(100.0).partial_fit(np.zeros((5, 0))),
        lambda: OnlineICA(100.0).partial_fit(np.zeros((5, 2))).partial_fit(np.zeros((5, 3))),
    ],
)
def test_what_cannot_be_is_refused(build: Callable[[], object]) -> None:
    with pytest.raises(ConfigError):
        build()
