from __future__ import annotations

import tracemalloc
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nictate import simulate
from nictate.profile import STILL, Profile
from nictate.signals import ConfigError
from nictate.simulate import Simulator, TrueBlink, TrueEvent
from nictate.waveforms import saccade_duration_s

BUSY = Profile(
    blinks_per_min=25,
    double_share=0.3,
    half_share=0.2,
    long_share=0.1,
    saccades_per_min=40,
    muscle_per_min=20,
    pops_per_min=20,
    movements_per_min=20,
    offset_uv=1000,
)
"""Something of everything within a few seconds."""


@settings(deadline=None, max_examples=25)
@given(
    cuts=st.lists(st.integers(0, 300), min_size=1, max_size=12),
    rate_hz=st.sampled_from([100.0, 127.9, 250.0]),
    seed=st.integers(0, 2**40),
)
def test_any_cutting_gives_the_same_bits(cuts: list[int], rate_hz: float, seed: int) -> None:
    whole = Simulator(3, rate_hz, seed=seed, profile=BUSY, start_s=1e5)
    cut = Simulator(3, rate_hz, seed=seed, profile=BUSY, start_s=1e5)
    expected = whole.pull_with_sources(sum(cuts))
    pieces = [cut.pull_with_sources(n) for n in cuts]
    assert [len(piece.block) for piece in pieces] == cuts
    assert np.array_equal(np.vstack([piece.block.samples for piece in pieces]), expected.block.samples)
    assert np.array_equal(np.concatenate([piece.block.times for piece in pieces]), expected.block.times)
    assert np.array_equal(np.vstack([piece.sources for piece in pieces]), expected.sources)
    assert np.array_equal(np.vstack([piece.noise for piece in pieces]), expected.noise)
    assert cut.truth() == whole.truth()


def test_pulling_with_and_without_sources_is_one_stream() -> None:
    mixed, plain = Simulator(2, seed=4), Simulator(2, seed=4)
    blocks = [mixed.pull(130), mixed.pull_with_sources(333).block, mixed.pull(37)]
    assert np.array_equal(np.vstack([block.samples for block in blocks]), plain.pull(500).samples)


def test_the_caller_may_write_into_what_it_pulled() -> None:
    spoiled, untouched = Simulator(2, seed=4), Simulator(2, seed=4)
    spoiled.pull(100).samples[:] = np.nan
    untouched.pull(100)
    assert np.array_equal(spoiled.pull(100).samples, untouched.pull(100).samples)


def test_the_seed_decides_everything() -> None:
    first, again, other = (Simulator(4, seed=seed, profile=BUSY) for seed in (7, 7, 8))
    samples, repeated, different = (simulator.pull(5000).samples for simulator in (first, again, other))
    assert np.array_equal(samples, repeated)
    assert first.truth() == again.truth()
    assert not np.any(samples == different)
    assert first.truth() != other.truth()


def test_times_are_the_start_and_whole_samples_from_it() -> None:
    now, later = Simulator(2, 127.9, profile=BUSY), Simulator(2, 127.9, profile=BUSY, start_s=123_456.75)
    here, there = now.pull(3000), later.pull(3000)
    assert np.array_equal(here.times, np.arange(3000) / 127.9)
    assert np.array_equal(there.times, 123_456.75 + np.arange(3000) / 127.9)
    assert np.array_equal(here.samples, there.samples)
    assert np.allclose([e.end for e in later.truth()], [e.end + 123_456.75 for e in now.truth()], atol=1e-9)


def test_the_same_things_happen_at_any_rate_on_any_channels() -> None:
    slow, fast = (
        Simulator(1, 100.0, seed=3, profile=BUSY),
        Simulator("biosemi32", 512.0, seed=3, profile=BUSY),
    )
    slow.pull(3000)
    fast.pull(15_360)
    happened = [[(e.kind, e.onset, e.end) for e in simulator.truth()] for simulator in (slow, fast)]
    assert happened[0] == happened[1]
    assert {kind for kind, _, _ in happened[0]} >= {"blink", "double", "saccade", "muscle", "pop", "movement"}


@pytest.mark.parametrize("reference", ["linked-ears", "average", "Cz", "cpz", "TP9"])
@pytest.mark.parametrize("inverted", [False, True])
def test_samples_are_the_mixed_sources_and_the_noise(reference: str, inverted: bool) -> None:
    simulator = Simulator("biosemi32", profile=replace(BUSY, reference=reference, inverted=inverted))
    part = simulator.pull_with_sources(1000)
    assert simulator.mixing.shape == (32, len(simulator.source_names)) == (32, part.sources.shape[1])
    assert np.allclose(part.block.samples, part.sources @ simulator.mixing.T + part.noise, atol=1e-9, rtol=0)
    assert simulator.montage.reference == reference


def test_the_average_reference_sums_to_zero() -> None:
    part = Simulator(19, profile=replace(BUSY, reference="average")).pull_with_sources(2000)
    assert np.abs(part.block.samples.sum(axis=1)).max() < 1e-8
    assert np.abs(part.noise.sum(axis=1)).max() < 1e-8


def test_references_differ_by_what_the_reference_electrode_shows() -> None:
    ears, cz = (Simulator(19, profile=replace(BUSY, reference=r)) for r in ("linked-ears", "Cz"))
    against_ears, against_cz = ears.pull(1000).samples, cz.pull(1000).samples
    at_cz = ears.montage.names.index("Cz")
    assert np.all(against_cz[:, at_cz] == 0)
    assert np.allclose(against_cz, against_ears - against_ears[:, [at_cz]], atol=1e-8, rtol=0)


def test_an_inverted_headset_negates_the_samples_and_the_amplitudes() -> None:
    up, down = Simulator(8, profile=BUSY), Simulator(8, profile=replace(BUSY, inverted=True))
    assert np.array_equal(up.pull(2500).samples, -down.pull(2500).samples)
    assert [blink.amplitude_uv for blink in up.blinks()] == [-blink.amplitude_uv for blink in down.blinks()]
    assert min(blink.amplitude_uv for blink in up.blinks()) > 0


def test_a_still_profile_is_silence() -> None:
    simulator = Simulator(19, profile=STILL)
    assert not simulator.pull(2000).samples.any()
    assert simulator.truth() == []


@pytest.mark.parametrize(
    ("height", "rate"),
    [
        ("blink_amplitude_uv", "blinks_per_min"),
        ("muscle_uv", "muscle_per_min"),
        ("pop_uv", "pops_per_min"),
        ("movement_uv", "movements_per_min"),
        ("gaze_deg", "saccades_per_min"),
    ],
)
def test_what_has_no_height_does_not_happen(height: str, rate: str) -> None:
    nothing: dict[str, Any] = {height: 0, rate: 30}
    simulator = Simulator(2, profile=replace(STILL, **nothing))
    assert not simulator.pull(5000).samples.any()
    assert simulator.truth() == []


@pytest.mark.parametrize("rate_hz", [100.0, 127.9, 250.0, 1000.0, 2000.0])
@pytest.mark.parametrize("channels", [1, 2, 128])
def test_any_rate_and_number_of_channels(rate_hz: float, channels: int) -> None:
    simulator = Simulator(channels, rate_hz, profile=BUSY)
    block = simulator.pull(round(2.5 * rate_hz))
    assert block.samples.shape == (round(2.5 * rate_hz), channels)
    assert np.isfinite(block.samples).all()
    assert (block.samples.std(axis=0) > 1).all()


def test_adjoining_ranges_tell_each_event_once() -> None:
    simulator = Simulator(1, 100.0, profile=BUSY, start_s=50.0)
    told: list[TrueBlink | TrueEvent] = []
    now = 50.0
    for n in [1, 70, 333, 2, 1000, 0, 5000]:
        simulator.pull(n)
        told += simulator.truth(now)
        now += n / 100
    assert told == simulator.truth()
    assert len(told) > 50
    assert [event.end for event in told] == sorted(event.end for event in told)
    assert told[-1].end < now


def test_every_blink_is_in_the_signal_where_the_truth_says() -> None:
    profile = replace(STILL, blinks_per_min=20, double_share=0.2, half_share=0.2, long_share=0.1)
    simulator = Simulator(["Cz", "Fp1", "O1"], 250.0, profile=profile)
    block = simulator.pull(250 * 300)
    fp1 = block.samples[:, 1]
    blinks = simulator.blinks()
    assert {blink.kind for blink in blinks} == {"blink", "half", "double", "long"}
    for blink in blinks:
        inside = np.flatnonzero((block.times >= blink.onset) & (block.times <= blink.end))
        peak = inside[np.argmax(fp1[inside])]
        assert abs(block.times[peak] - blink.peak) <= 1 / 250
        # Half a sample beside the top of a rise of 70 ms costs 0.8 % of it at most.
        assert fp1[peak] == pytest.approx(blink.amplitude_uv, rel=0.01)
    quiet = np.ones(len(block), dtype=bool)
    for blink in blinks:
        # The first blink of a double may fade out below the second.
        quiet &= (block.times < blink.onset) | (block.times > blink.end)
    quiet &= block.times < blinks[-1].end
    assert np.abs(fp1[quiet]).max() < 1e-9
    assert quiet.mean() > 0.5


def test_gaze_is_held_between_saccades_and_moves_during_them() -> None:
    simulator = Simulator(2, 500.0, profile=replace(STILL, saccades_per_min=40))
    part = simulator.pull_with_sources(500 * 120)
    gaze, times = part.sources[:, 1:3], part.block.times
    moving = np.zeros((len(times), 2), dtype=bool)
    saccades = [event for event in simulator.truth() if isinstance(event, TrueEvent)]
    for saccade in saccades:
        axis = ("horizontal", "vertical").index(saccade.site)
        inside = (times > saccade.onset - 1 / 500) & (times < saccade.end + 1 / 500)
        moving[inside, axis] = True
        step = np.ptp(gaze[inside, axis])
        assert step >= 0.95
        assert saccade.end - saccade.onset == pytest.approx(saccade_duration_s(step), abs=1e-3)
    known = times[1:] < saccades[-1].end
    still = ~moving[1:] & known[:, None]
    assert np.abs(np.diff(gaze, axis=0)[still]).max() < 1e-9
    assert len(saccades) == pytest.approx(80, rel=0.3)
    assert {saccade.site for saccade in saccades} == {"horizontal", "vertical"}


def test_a_pop_is_on_its_channel_alone() -> None:
    simulator = Simulator(8, profile=replace(STILL, pops_per_min=10))
    block = simulator.pull(250 * 60)
    pops = [event for event in simulator.truth() if isinstance(event, TrueEvent)]
    assert len(pops) >= 3
    for pop in pops:
        after = int(np.searchsorted(block.times, pop.onset))
        steps = np.abs(block.samples[after] - block.samples[after - 1])
        assert simulator.montage.names[np.argmax(steps)] == pop.site
        assert steps.max() > 20
        assert np.sort(steps)[-2] < 10
        # Told as over when 5 % of it is left.
        left = np.abs(block.samples[np.searchsorted(block.times, pop.end), np.argmax(steps)])
        assert left == pytest.approx(0.05 * steps.max(), rel=0.1)


def test_muscles_are_silent_outside_their_bursts() -> None:
    simulator = Simulator(8, profile=replace(STILL, muscle_per_min=20))
    part = simulator.pull_with_sources(250 * 60)
    bursts = [event for event in simulator.truth() if isinstance(event, TrueEvent)]
    active = np.zeros_like(part.sources, dtype=bool)
    for burst in bursts:
        inside = (part.block.times >= burst.onset) & (part.block.times < burst.end + 0.004)
        source = simulator.source_names.index(burst.site)
        active[inside, source] = True
        assert part.sources[inside, source].std() > 1
    known = part.block.times < bursts[-1].onset
    assert not part.sources[known & ~active.any(axis=1)].any()
    assert len(bursts) > 8


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulate, "TRUTH_KEPT", 40)
    simulator = Simulator(1, 100.0, profile=replace(BUSY, cortical_sources=1))
    ends: list[float] = []

    def minutes(n: int) -> None:
        for _ in range(n):
            simulator.pull(6000)
            ends.extend(event.end for event in simulator.truth()[-1:])

    minutes(2)
    tracemalloc.start()
    minutes(1)
    before = tracemalloc.get_traced_memory()[0]
    minutes(9)
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 20_000
    assert 30 <= len(simulator.truth()) <= 40
    assert simulator.truth()[-1].end == ends[-1] > 60 * 11


def test_long_closures_let_alpha_grow() -> None:
    profile = replace(STILL, blinks_per_min=8, long_share=1, half_share=0, double_share=0, long_s=(2.5, 3))
    simulator = Simulator(1, profile=replace(profile, alpha_uv=5, alpha_closed_gain=4))
    part = simulator.pull_with_sources(250 * 300)
    alpha = part.sources[:, simulator.source_names.index("alpha-left")]
    closed = np.zeros(len(alpha), dtype=bool)
    opened = np.ones(len(alpha), dtype=bool)
    for blink in simulator.blinks():
        closed |= (part.block.times > blink.peak + 1) & (part.block.times < blink.end)
        opened &= (part.block.times < blink.onset) | (part.block.times > blink.end + 2)
    assert alpha[closed].std() / alpha[opened].std() > 2.5


def test_narrow_integers_of_numpy_do_not_overflow() -> None:
    narrow, wide = Simulator(2), Simulator(2)
    blocks = [narrow.pull(np.uint8(200)) for _ in range(3)]  # type: ignore[arg-type]
    assert np.array_equal(np.concatenate([block.times for block in blocks]), wide.pull(600).times)


@pytest.mark.parametrize(("montage", "reference"), [("10-20", "linked-ears"), (1, "average"), (4, "nose"), (4, None)])
def test_impossible_montages_and_references_are_refused(montage: int | str, reference: str) -> None:
    with pytest.raises(ConfigError, match=r"10-20|reference"):
        Simulator(montage, profile=Profile(reference=reference))


@pytest.mark.parametrize("rate_hz", [0, -250, 98, 2200, float("nan"), float("inf"), "fast", None, True])
def test_impossible_rates_are_refused(rate_hz: object) -> None:
    with pytest.raises(ConfigError, match=str(rate_hz)):
        Simulator(2, rate_hz)  # type: ignore[arg-type]


def test_impossible_seeds_starts_and_numbers_of_samples_are_refused() -> None:
    for seed in (-1, 1.5, "a", None, True):
        with pytest.raises(ConfigError, match=f"seed = {seed!r}"):
            Simulator(2, seed=seed)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="start_s = nan"):
        Simulator(2, start_s=float("nan"))
    simulator, untouched = Simulator(2), Simulator(2)
    for n in (-1, 2.0, "10", None):
        with pytest.raises(ConfigError, match=f"{n!r} samples"):
            simulator.pull(n)  # type: ignore[arg-type]
    assert np.array_equal(simulator.pull(10).samples, untouched.pull(10).samples)


def test_a_movement_sways_all_channels_while_it_lasts() -> None:
    simulator = Simulator(8, profile=replace(STILL, movements_per_min=6))
    block = simulator.pull(20_000)
    movements = [event for event in simulator.truth() if isinstance(event, TrueEvent)]
    assert len(movements) >= 3
    assert {movement.site for movement in movements} == {"all"}
    during = np.zeros(len(block), dtype=np.bool_)
    for movement in movements:
        here = (block.times >= movement.onset) & (block.times <= movement.end)
        assert np.all(np.abs(block.samples[here]).max(axis=0) > 1.0)
        during |= here
    reached = movements[-1].end
    assert not block.samples[~during & (block.times < reached)].any()
