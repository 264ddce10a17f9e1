"""What the detector promises, whatever network it is given (`nictate.detector.Detector` lists it)."""

from __future__ import annotations

import copy
import dataclasses
import datetime
import itertools
import logging
import math
import socket
import threading
import time
from collections.abc import Iterator
from functools import lru_cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nictate.detector import Detector
from nictate.ica import PassThrough
from nictate.profile import Profile
from nictate.signals import BlinkEvent, Block, Montage
from nictate.simulate import Simulator
from stand_in import KNOWING, MODELS, STAND_IN, model, peaks

RATES_HZ = (100.0, 127.9, 249.4, 250.0, 500.0, 1000.0, 2000.0)
LASTING_S = 10.0


@dataclasses.dataclass(frozen=True)
class Signal:
    """Ten seconds of a simulated headset."""

    channels: int
    rate_hz: float
    inverted: bool
    offset_uv: float
    seed: int

    def __call__(self) -> tuple[Montage, Block]:
        return record(self)


@lru_cache(maxsize=64)
def record(signal: Signal) -> tuple[Montage, Block]:
    profile = Profile(blinks_per_min=30, double_share=0.2, offset_uv=signal.offset_uv, inverted=signal.inverted)
    simulator = Simulator(signal.channels, signal.rate_hz, seed=signal.seed, profile=profile)
    block = simulator.pull(round(LASTING_S * signal.rate_hz))
    block.samples.flags.writeable = block.times.flags.writeable = False
    return simulator.montage, block


signals = st.builds(
    Signal,
    channels=st.sampled_from([1, 2, 8, 19]),
    rate_hz=st.sampled_from(RATES_HZ),
    inverted=st.booleans(),
    offset_uv=st.sampled_from([0.0, 300.0, 100_000.0]),
    seed=st.integers(0, 2),
)
cuttings = st.lists(st.one_of(st.sampled_from([0, 1]), st.integers(0, 700)), min_size=1, max_size=12)

each_model = pytest.mark.parametrize("name", MODELS)


def cut(block: Block, lengths: list[int]) -> Iterator[Block]:
    """The block in pieces of these lengths, again and again; each piece in memory of its own."""
    at = 0
    for length in itertools.cycle([*lengths, 1]):
        if at >= len(block):
            return
        yield part(block, at, at + length)
        at += length


def part(block: Block, begin: int, stop: int | None = None) -> Block:
    return Block(block.samples[begin:stop].copy(), block.times[begin:stop].copy())


def shifted(block: Block, shift_s: float) -> Block:
    return Block(block.samples, block.times + shift_s)


def assert_same_but_for_rounding(
    found: list[BlinkEvent], expected: list[BlinkEvent], shift_s: float, within_s: float
) -> None:
    assert [event.kind for event in found] == [event.kind for event in expected]
    for a, b in zip(found, expected, strict=True):
        assert a.confidence == b.confidence
        assert a.amplitude == b.amplitude
        for field in ("onset", "peak", "end", "decided", "completes"):
            there, here = getattr(a, field), getattr(b, field)
            assert (there is None) == (here is None)
            assert there is None or there == pytest.approx(here + shift_s, rel=0, abs=within_s)


@each_model
@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_the_signals_of_these_tests_have_events(name: str, rate_hz: float) -> None:
    """Or else the promises would hold of nothing."""
    for inverted in (False, True):
        montage, block = Signal(2, rate_hz, inverted, 100_000.0, seed=0)()
        events = model(name).events(montage, block)
        assert len(peaks(events)) >= 3
        assert len(events) >= 2 * len(peaks(events))


# --- P1: any cutting -----------------------------------------------------------------------------


@each_model
@settings(deadline=None, max_examples=10)
@given(signal=signals, lengths=cuttings)
def test_p1_any_cutting_gives_equal_events(name: str, signal: Signal, lengths: list[int]) -> None:
    montage, block = signal()
    assert model(name).events(montage, *cut(block, lengths)) == model(name).events(montage, block)


@each_model
def test_p1_one_sample_at_a_time_gives_equal_events(name: str) -> None:
    montage, block = Signal(2, 127.9, inverted=True, offset_uv=300.0, seed=1)()
    assert model(name).events(montage, *cut(block, [1])) == model(name).events(montage, block)


@settings(deadline=None, max_examples=12)
@given(signal=signals, lengths=cuttings, harm_seed=st.integers(0, 99))
def test_p1_holds_where_samples_and_stamps_are_bad(signal: Signal, lengths: list[int], harm_seed: int) -> None:
    montage, block = signal()
    bad = harmed(block, np.random.default_rng(harm_seed))
    assert STAND_IN.events(montage, *cut(bad, lengths)) == STAND_IN.events(montage, bad)


def harmed(block: Block, rng: np.random.Generator) -> Block:
    """The block with a few of each fault that `test_detector` knows, anywhere."""
    samples, times = block.samples.copy(), block.times.copy()
    n, channels = samples.shape
    for _ in range(4):
        at, length = int(rng.integers(0, n)), int(rng.integers(1, n // 10))
        samples[at : at + length, rng.integers(channels)] = rng.choice([np.nan, np.inf, -np.inf, 0.0, 187_500.0])
        samples[int(rng.integers(0, n)) :] += rng.choice([0.0, 100_000.0])
        at, length = int(rng.integers(0, n)), int(rng.integers(1, n // 10))
        times[at : at + length] = rng.choice([np.nan, np.inf, times[at], times[at] - 0.01])
        times[int(rng.integers(0, n)) :] += rng.choice([0.0, 0.02, 1.0, -1.0])
    return Block(samples, times)


# --- P2: causal ----------------------------------------------------------------------------------


@each_model
@settings(deadline=None, max_examples=8)
@given(signal=signals, share=st.floats(0, 1))
def test_p2_the_events_of_a_prefix_are_a_prefix_of_the_events(name: str, signal: Signal, share: float) -> None:
    montage, block = signal()
    prefix = part(block, 0, round(share * len(block)))
    of_prefix = model(name).events(montage, prefix, flush=False)
    assert model(name).events(montage, block, flush=False)[: len(of_prefix)] == of_prefix


@each_model
@settings(deadline=None, max_examples=5)
@given(signal=signals, length=st.integers(1, 700))
def test_p2_nothing_is_decided_before_it_is_known(name: str, signal: Signal, length: int) -> None:
    montage, block = signal()
    detector = model(name).detector(montage)
    for piece in cut(block, [length]):
        for event in detector.push(piece):
            assert event.decided <= piece.times[-1]
            assert event.onset < event.decided
            assert event.end is None or event.end <= event.decided


# --- P3: shifted times ---------------------------------------------------------------------------


@each_model
@settings(deadline=None, max_examples=10)
@given(signal=signals, shift_s=st.one_of(st.floats(-100, 1e6), st.sampled_from([-0.5, 1e5, 1.7e9])))
def test_p3_shifted_times_shift_the_events(name: str, signal: Signal, shift_s: float) -> None:
    """To rounding: of the stamps themselves, which at Unix times are exact to 0.24 µs, in a handful of operations."""
    montage, block = signal()
    there = model(name).events(montage, shifted(block, shift_s))
    here = model(name).events(montage, block)
    assert_same_but_for_rounding(there, here, shift_s, within_s=8 * math.ulp(abs(shift_s) + LASTING_S))


@pytest.mark.parametrize("rate_hz", [100.0, 250.0, 1000.0])
@pytest.mark.parametrize("more", [-1, 0, 1])
def test_p3_a_hole_stays_a_hole_and_a_bridge_a_bridge(rate_hz: float, more: int) -> None:
    """Also where just as many samples are lost as the hole of the card has."""
    montage, block = Signal(2, rate_hz, inverted=False, offset_uv=0.0, seed=2)()
    lost = round(STAND_IN.card.hole_s * rate_hz) - 1 + more
    kept = block
    for at in range(len(block) // 8, len(block), len(block) // 8):
        here = np.s_[at : at + lost]
        kept = Block(np.delete(kept.samples, here, axis=0), np.delete(kept.times, here))
    expected = STAND_IN.events(montage, kept)
    for shift_s in (0.1, 1e5, 1.7e9):
        found = STAND_IN.events(montage, shifted(kept, shift_s))
        assert_same_but_for_rounding(found, expected, shift_s, within_s=8 * math.ulp(shift_s + LASTING_S))


# --- P4: holes -----------------------------------------------------------------------------------


@each_model
@settings(deadline=None, max_examples=8)
@given(
    signal=signals,
    share=st.floats(0.05, 0.95),
    hole_s=st.one_of(st.floats(0.08, 100), st.floats(-100, -0.08)),
    length=st.integers(1, 2000),
)
def test_p4_nothing_reaches_over_a_hole(name: str, signal: Signal, share: float, hole_s: float, length: int) -> None:
    montage, block = signal()
    at = round(share * len(block))
    before, after = part(block, 0, at), shifted(part(block, at), hole_s)

    detector = model(name).detector(montage, PassThrough())
    found_before = [event for piece in cut(before, [length]) for event in detector.push(piece)]
    habits = copy.deepcopy(detector._habits)
    found_after = [event for piece in cut(after, [length]) for event in detector.push(piece)]

    alone = model(name).events(montage, before, ica=PassThrough())
    fresh = model(name).detector(montage, PassThrough())
    fresh._habits = habits  # What is known of the person survives.
    fresh._begin()
    assert found_before + found_after == alone + fresh.push(after)
    assert detector.flush() == fresh.flush()


@settings(deadline=None, max_examples=6)
@given(
    channels=st.sampled_from([2, 8, 19]), seed=st.integers(0, 2), share=st.floats(0.5, 0.9), length=st.integers(1, 700)
)
def test_p4_only_what_the_ica_has_learned_survives_a_hole(channels: int, seed: int, share: float, length: int) -> None:
    montage, block = Signal(channels, 250.0, inverted=False, offset_uv=300.0, seed=seed)()
    at = round(share * len(block))
    before, after = part(block, 0, at), shifted(part(block, at), 5.0)
    detector = KNOWING.detector(montage)
    found_before = [event for piece in cut(before, [length]) for event in detector.push(piece)]
    of_before = found_before + detector.flush()  # As the hole will do.
    learned = copy.deepcopy(detector.ica)
    found_after = detector.push(after) + detector.flush()
    assert KNOWING.events(montage, before, after) == of_before + found_after
    assert found_after == KNOWING.events(montage, after, ica=learned)


@pytest.mark.parametrize("channels", [8, 19])
def test_there_is_a_blink_source_within_these_signals(channels: int) -> None:
    """Or else the promises would not have been tried with one."""
    for seed in range(3):
        montage, block = Signal(channels, 250.0, inverted=False, offset_uv=300.0, seed=seed)()
        detector = KNOWING.detector(montage)
        usable = [window.usable[-1] for window, _ in detector.windows(block)]
        assert np.mean(usable) > 0.5


def test_p4_flush_leaves_a_detector_that_is_as_new() -> None:
    montage, block = Signal(2, 250.0, inverted=False, offset_uv=300.0, seed=0)()
    detector = STAND_IN.detector(montage)
    first = detector.push(block) + detector.flush()
    assert detector.flush() == []
    later = shifted(block, 3600.0)
    assert detector.push(later) + detector.flush() == STAND_IN.events(montage, later)
    assert first == STAND_IN.events(montage, block)


# --- P5: bounded memory --------------------------------------------------------------------------


def reachable_bytes(thing: object, seen: set[int] | None = None) -> tuple[int, int]:
    """Bytes of all arrays, whole buffers behind views, and the number of other items, reachable from an object."""
    seen = set() if seen is None else seen
    if id(thing) in seen:
        return 0, 0
    seen.add(id(thing))
    if isinstance(thing, np.ndarray):
        owner = thing
        while isinstance(owner.base, np.ndarray):
            owner = owner.base
        if owner is not thing and id(owner) in seen:
            return 0, 0
        seen.add(id(owner))
        return owner.nbytes, 0
    inner: list[object] = []
    if isinstance(thing, dict):
        inner = list(thing.values())
    elif isinstance(thing, list | tuple | set | frozenset):
        inner = list(thing)
    elif type(thing).__module__.startswith("nictate"):
        slots = [name for kind in type(thing).__mro__ for name in getattr(kind, "__slots__", ())]
        inner = [*getattr(thing, "__dict__", {}).values(), *(getattr(thing, name) for name in slots)]
    sizes = [reachable_bytes(item, seen) for item in inner]
    return sum(b for b, _ in sizes), len(inner) + sum(n for _, n in sizes)


@each_model
def test_p5_memory_is_bounded(name: str) -> None:
    """Seven minutes hold what one minute holds: arrays and items of lists, also after holes."""
    simulator = Simulator(2, 100.0, seed=5, profile=Profile(blinks_per_min=40, double_share=0.2))
    detector = model(name).detector(simulator.montage)
    sizes, found = [], 0
    for second in range(420):
        block = simulator.pull(100)
        found += len(detector.push(shifted(block, 10.0 * (second // 140))))
        if second % 60 == 59:
            sizes.append(reachable_bytes(detector))
    assert found > 300
    # What the ICA has collected for a refit comes and goes; a recording of seven minutes would be 670 kB.
    assert max(array_bytes for array_bytes, _ in sizes[1:]) <= sizes[0][0] + 4096
    # A few blinks may be under way at one moment and none at another: each a dozen items.
    assert max(items for _, items in sizes) <= sizes[0][1] + 100


def test_p5_no_part_of_a_large_block_is_held() -> None:
    montage, block = Signal(19, 1000.0, inverted=False, offset_uv=0.0, seed=0)()
    small, large = STAND_IN.detector(montage), STAND_IN.detector(montage)
    large.push(block)
    for piece in cut(block, [40]):
        small.push(piece)
    assert reachable_bytes(large)[0] <= reachable_bytes(small)[0] + 2 * 40 * 20 * 8


# --- P6: no clock, thread, socket or logger ------------------------------------------------------


def test_p6_the_core_runs_without_clocks_threads_sockets_and_logs(monkeypatch: pytest.MonkeyPatch) -> None:
    """That no module imports them stands in `test_architecture`; here, that nothing is reached by another way."""
    montage, block = Signal(2, 250.0, inverted=False, offset_uv=0.0, seed=0)()
    expected = STAND_IN.events(montage, block)

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the core reached outside")

    with monkeypatch.context() as outside:
        for clock in ("time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "sleep"):
            outside.setattr(time, clock, refuse)
        outside.setattr(datetime, "datetime", refuse)
        outside.setattr(threading.Thread, "start", refuse)
        outside.setattr(socket, "socket", refuse)
        outside.setattr(logging.Logger, "_log", refuse)
        outside.setattr("builtins.open", refuse)
        found = STAND_IN.events(montage, block)
    assert found == expected


# --- P7: inputs are never changed ----------------------------------------------------------------


@each_model
@settings(deadline=None, max_examples=8)
@given(signal=signals, lengths=cuttings, bad=st.booleans())
def test_p7_blocks_are_never_changed(name: str, signal: Signal, lengths: list[int], bad: bool) -> None:
    montage, block = signal()
    block = harmed(block, np.random.default_rng(0)) if bad else block
    detector = model(name).detector(montage)
    for piece in cut(block, lengths):
        samples, times = piece.samples.tobytes(), piece.times.tobytes()
        piece.samples.flags.writeable = piece.times.flags.writeable = False
        detector.push(piece)
        assert piece.samples.tobytes() == samples
        assert piece.times.tobytes() == times


@settings(deadline=None, max_examples=12)
@given(signal=signals, length=st.integers(1, 700))
def test_p7_a_caller_may_reuse_its_buffer(signal: Signal, length: int) -> None:
    montage, block = signal()
    expected_clean: list[Block] = []
    found_clean: list[Block] = []
    untouched = Detector(*STAND_IN[:2], montage, on_clean=expected_clean.append)
    expected = [event for piece in cut(block, [length]) for event in untouched.push(piece)]

    reusing = Detector(*STAND_IN[:2], montage, on_clean=found_clean.append)
    found: list[BlinkEvent] = []
    samples, times = np.empty((length, signal.channels)), np.empty(length)
    for piece in cut(block, [length]):
        n = len(piece)
        samples[:n], times[:n] = piece.samples, piece.times
        found += reusing.push(Block(samples[:n], times[:n]))
        samples.fill(1e6)
        times.fill(-1e6)
    assert found == expected
    for a, b in zip(found_clean, expected_clean, strict=True):
        assert np.array_equal(a.samples, b.samples)
        assert np.array_equal(a.times, b.times)
