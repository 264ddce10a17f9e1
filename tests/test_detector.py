from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pytest

from nictate.detector import Detector
from nictate.ica import PassThrough
from nictate.profile import Profile
from nictate.signals import BlinkEvent, Block, ConfigError, FloatArray, Montage, StreamError
from nictate.simulate import Simulator
from stand_in import CARD, KNOWING, MODELS, STAND_IN, model, peaks

each_model = pytest.mark.parametrize("name", MODELS)

CALM = Profile(
    blinks_per_min=28,
    blink_interval_cv=0.2,
    blink_amplitude_spread=0.1,
    half_share=0,
    double_share=0,
    long_share=0,
    saccades_per_min=0,
    muscle_per_min=0,
    pops_per_min=0,
    offset_uv=2000.0,
)
"""A blink every two seconds that no detector may miss, so that what a fault costs is seen."""

RATE_HZ, LASTING_S = 250.0, 24.0


@lru_cache(maxsize=8)
def calm(channels: int = 2, rate_hz: float = RATE_HZ) -> tuple[Montage, Block, tuple[float, ...]]:
    """Montage, samples, and the times of the blinks' peaks."""
    simulator = Simulator(channels, rate_hz, seed=4, profile=CALM)
    block = simulator.pull(round(LASTING_S * rate_hz))
    block.samples.flags.writeable = block.times.flags.writeable = False
    return simulator.montage, block, tuple(blink.peak for blink in simulator.blinks())


@lru_cache(maxsize=8)
def clean_peaks(name: str, channels: int = 2) -> tuple[float, ...]:
    """Peaks that the detector finds in the clean signal; each of the blinks is among them."""
    montage, block, truth = calm(channels)
    found = peaks(model(name).events(montage, block))
    true = [peak for peak in truth if 1.5 < peak < LASTING_S - 1.0]
    assert len(true) >= 8
    return tuple(min(found, key=lambda other, peak=peak: abs(other - peak)) for peak in true)  # type: ignore[misc]


def assert_found(found: list[float], expected: list[float], within_s: float = 0.021) -> None:
    """Each within two samples of the model."""
    assert expected
    for peak in expected:
        assert min((abs(peak - other) for other in found), default=np.inf) <= within_s


# --- What it is for ------------------------------------------------------------------------------


@each_model
@pytest.mark.parametrize(
    ("channels", "rate_hz"), [(1, 100.0), (2, 100.0), (8, 127.9), (1, 249.4), (2, 250.0), (32, 250.0), (2, 2000.0)]
)
def test_blinks_are_found_where_they_are(name: str, channels: int, rate_hz: float) -> None:
    montage, block, truth = calm(channels, rate_hz)
    events = model(name).events(montage, block)
    found = peaks(events)
    true = [peak for peak in truth if 1.5 < peak < LASTING_S - 1.0]
    hits = [peak for peak in true if min(abs(peak - other) for other in found) < 0.05]
    assert len(hits) >= 0.9 * len(true)


@each_model
@pytest.mark.parametrize("reference", ["Fpz", "linked-ears"])
def test_blinks_are_found_on_a_muse_whatever_its_stream_says_of_the_reference(name: str, reference: str) -> None:
    """Against Fpz, where a Muse has it, it is the temples that show blinks; against the ears, the forehead."""
    simulator = Simulator("muse", 256.0, seed=4, profile=dataclasses.replace(CALM, reference=reference))
    block = simulator.pull(round(LASTING_S * 256))
    true = [blink.peak for blink in simulator.blinks() if 1.5 < blink.peak < LASTING_S - 1.0]
    for montage in (simulator.montage, Montage(simulator.montage.names, 256.0)):
        found = peaks(model(name).events(montage, block))
        hits = [peak for peak in true if min((abs(peak - other) for other in found), default=np.inf) < 0.05]
        assert len(hits) >= 0.9 * len(true)


@each_model
def test_each_blink_completes_one_start_that_was_told_before(name: str) -> None:
    montage, block, _ = calm()
    started: set[float] = set()
    completed: list[float] = []
    for event in model(name).events(montage, block):
        if event.kind == "blink/start":
            assert event.decided not in started
            assert event.completes is event.peak is event.end is event.amplitude is event.duration is None
            started.add(event.decided)
        else:
            assert event.completes in started
            assert event.peak is not None
            assert event.end is not None
            assert event.onset < event.peak < event.end <= event.decided
            assert event.duration == event.end - event.onset
            completed.append(event.completes or 0.0)
        assert 0.0 <= event.confidence <= 1.0
    assert len(completed) == len(set(completed)) > 8


@each_model
@pytest.mark.parametrize("gain", [-1.0, 0.25, 4.0])
def test_polarity_and_gain_do_not_matter(name: str, gain: float) -> None:
    montage, block, _ = calm()
    plain = model(name).events(montage, block)
    changed = model(name).events(montage, Block(gain * block.samples, block.times))
    if gain > 0.0:
        assert peaks(changed) == peaks(plain)
    assert_found(peaks(changed), clean_peaks(name))
    for peak in clean_peaks(name):
        here = min((e for e in plain if e.peak is not None), key=lambda e: abs((e.peak or 0.0) - peak))
        there = min((e for e in changed if e.peak is not None), key=lambda e: abs((e.peak or 0.0) - peak))
        assert (there.amplitude or 0.0) == pytest.approx(gain * (here.amplitude or 0.0), rel=0.05)


@each_model
def test_a_blink_is_found_after_any_silence(name: str) -> None:
    montage, block, _ = calm()
    silence = Simulator(2, RATE_HZ, seed=5, profile=dataclasses.replace(CALM, blinks_per_min=0.0)).pull(75_000)
    later = silence.times[-1] + 1.0 / RATE_HZ - block.times[0]
    events = model(name).events(
        montage, Block(np.concatenate((silence.samples, block.samples)), np.r_[silence.times, block.times + later])
    )
    assert_found(peaks(events), [peak + later for peak in clean_peaks(name)])


@each_model
def test_the_order_of_the_channels_does_not_matter(name: str) -> None:
    montage, block, _ = calm(8)
    turned = Montage(montage.names[::-1], montage.rate_hz)
    backwards = model(name).events(turned, Block(block.samples[:, ::-1], block.times))
    assert_found(peaks(backwards), list(clean_peaks(name, 8)))


# --- Bad input -----------------------------------------------------------------------------------

BAD = (7.5, 11.5)  # From when to when a fault lasts, in s.
Fault = Callable[[Block], Block]


def on_samples(value: float, channels: slice, every: int = 1) -> Fault:
    def fault(block: Block) -> Block:
        samples = block.samples.copy()
        samples[round(BAD[0] * RATE_HZ) : round(BAD[1] * RATE_HZ) : every, channels] = value
        return Block(samples, block.times)

    return fault


def step(channels: slice) -> Fault:
    def fault(block: Block) -> Block:
        samples = block.samples.copy()
        samples[round(BAD[0] * RATE_HZ) :, channels] += 100_000.0
        return Block(samples, block.times)

    return fault


ONE, ALL = slice(0, 1), slice(None)
SAMPLE_FAULTS: dict[str, Fault] = {
    "single NaN": on_samples(np.nan, ALL, every=97),
    "single infinite": on_samples(-np.inf, ONE, every=97),
    "NaN on one": on_samples(np.nan, ONE),
    "NaN on all": on_samples(np.nan, ALL),
    "infinite on one": on_samples(np.inf, ONE),
    "infinite on all": on_samples(-np.inf, ALL),
    "flat one": on_samples(0.0, ONE),
    "flat all": on_samples(0.0, ALL),
    "railed one": on_samples(187_500.0, ONE),
    "railed all": on_samples(-187_500.0, ALL),
    "absurd one": on_samples(3.4e38, ONE, every=2),
    "absurd all": on_samples(-3.4e38, ALL, every=2),
    "jump of one": step(ONE),
    "jump of all": step(ALL),
}


@each_model
@pytest.mark.parametrize("fault", SAMPLE_FAULTS)
def test_bad_samples_cost_no_blink_before_or_after(name: str, fault: str) -> None:
    montage, block, _ = calm()
    found = peaks(model(name).events(montage, SAMPLE_FAULTS[fault](block)))
    spared = [peak for peak in clean_peaks(name) if peak < BAD[0] - 0.5 or peak > BAD[1] + 1.5]
    assert len(spared) >= 5
    assert_found(found, spared)


@each_model
@pytest.mark.parametrize("fault", [name for name in SAMPLE_FAULTS if "one" in name])
def test_a_bad_channel_costs_no_blink_of_the_one_beside_it(name: str, fault: str) -> None:
    montage, block, _ = calm()
    found = peaks(model(name).events(montage, SAMPLE_FAULTS[fault](block)))
    beside = [peak for peak in clean_peaks(name) if BAD[0] + 0.9 < peak < BAD[1] - 0.5]
    assert_found(found, beside, within_s=0.041)


def test_single_missing_samples_cost_nothing() -> None:
    montage, block, _ = calm()
    found = peaks(STAND_IN.events(montage, SAMPLE_FAULTS["single NaN"](block)))
    assert_found(found, list(clean_peaks("stand-in")))


def test_a_stream_of_nothing_but_bad_samples_has_no_events() -> None:
    montage, block, _ = calm()
    for value in (np.nan, np.inf, 0.0, 187_500.0):
        assert STAND_IN.events(montage, Block(np.full_like(block.samples, value), block.times)) == []


def restamped(stamps: Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]) -> Fault:
    def fault(block: Block) -> Block:
        times = block.times.copy()
        here = slice(round(BAD[0] * RATE_HZ), round(BAD[1] * RATE_HZ))
        times[here] = stamps(times[here])
        return Block(block.samples, times)

    return fault


STAMP_FAULTS: dict[str, Fault] = {
    "NaN": restamped(lambda times: np.full_like(times, np.nan)),
    "infinite": restamped(lambda times: np.full_like(times, np.inf)),
    "in pairs": restamped(lambda times: times[np.arange(len(times)) // 2 * 2]),
    "one a packet": restamped(lambda times: times[np.arange(len(times)) // 50 * 50]),
    "standing still": restamped(lambda times: np.full_like(times, times[0])),
    "a little back": restamped(lambda times: times - 0.03),
    "jittered": restamped(lambda times: times + np.random.default_rng(0).uniform(-0.003, 0.003, len(times))),
    "backwards": restamped(lambda times: times[::-1]),
    "far ahead": restamped(lambda times: times + 1e6),
    "far behind": restamped(lambda times: times - 1e6),
    "swapped": restamped(lambda times: times[np.arange(len(times)) ^ 1]),
}
STAMPS_THAT_COST_NOTHING = ("NaN", "infinite", "in pairs", "one a packet", "standing still", "jittered", "swapped")


@each_model
@pytest.mark.parametrize("fault", STAMP_FAULTS)
def test_bad_stamps_cost_no_blink_before_or_after_and_none_where_they_can_be_mended(name: str, fault: str) -> None:
    montage, block, _ = calm()
    found = peaks(model(name).events(montage, STAMP_FAULTS[fault](block)))
    mended = fault in STAMPS_THAT_COST_NOTHING
    expected = [peak for peak in clean_peaks(name) if mended or peak < BAD[0] - 0.5 or peak > BAD[1] + 1.5]
    assert_found(found, expected)


@each_model
@pytest.mark.parametrize("shift_s", [-5.0, -0.2, 0.2, 3600.0])
def test_after_a_jump_of_the_clock_events_follow_it(name: str, shift_s: float) -> None:
    montage, block, _ = calm()
    times = block.times + shift_s * (block.times >= BAD[0])
    found = peaks(model(name).events(montage, Block(block.samples, times)))
    assert_found(found, [peak for peak in clean_peaks(name) if peak < BAD[0] - 0.5])
    assert_found(found, [peak + shift_s for peak in clean_peaks(name) if peak > BAD[0] + 1.5])


@each_model
@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_a_nominal_rate_that_is_wrong_by_two_still_gives_events(name: str, factor: float) -> None:
    montage, block, truth = calm()
    wrong = Montage(montage.names, montage.rate_hz * factor)
    found = peaks(model(name).events(wrong, block))
    hits = [peak for peak in truth if min((abs(peak - other) for other in found), default=np.inf) < 0.15]
    assert len(hits) >= 0.5 * len(truth)
    assert len(found) < 4 * len(truth)


@each_model
@pytest.mark.parametrize("rate_hz", [100.0, 127.9, 250.0, 1000.0])
def test_a_lost_packet_is_bridged(name: str, rate_hz: float) -> None:
    """40 ms are lost in every second and a half; the blinks that are not hit are found."""
    montage, block, truth = calm(2, rate_hz)
    hits = np.arange(1.0, LASTING_S, 1.5)
    lost = np.any([(block.times >= t) & (block.times < t + 0.04) for t in hits], axis=0)
    found = peaks(model(name).events(montage, Block(block.samples[~lost], block.times[~lost])))
    spared = [t for t in truth if 2.0 < t < LASTING_S - 1.0 and np.all((t < hits - 0.4) | (t > hits + 0.3))]
    assert_found(found, spared, within_s=0.05)


def test_a_stream_of_holes_is_silent() -> None:
    """Every stamp a jump: nothing can be detected, and nothing is held."""
    montage, block, _ = calm()
    times = np.arange(500, dtype=np.float64)
    assert STAND_IN.events(montage, Block(block.samples[:500], times)) == []
    assert STAND_IN.events(montage, Block(block.samples[:500], times[::-1])) == []
    assert STAND_IN.events(montage, Block(block.samples[:500], np.full(500, np.nan))) == []


def test_stamps_too_large_to_tell_samples_apart_do_no_harm() -> None:
    montage, block, _ = calm()
    detector = STAND_IN.detector(montage)
    detector.push(Block(block.samples[:300], np.full(300, 1e300)))
    found = detector.push(block) + detector.flush()
    assert_found(peaks(found), list(clean_peaks("stand-in")))


def test_a_block_of_another_width_is_refused_and_forgotten() -> None:
    montage, block, _ = calm()
    detector, half = STAND_IN.detector(montage), len(block) // 2
    found = detector.push(Block(block.samples[:half], block.times[:half]))
    for width in (0, 1, 3):
        with pytest.raises(StreamError, match=f"a block of {width} channels in a stream of 2"):
            detector.push(Block(np.zeros((5, width)), np.zeros(5)))
    found += detector.push(Block(block.samples[half:], block.times[half:])) + detector.flush()
    assert found == STAND_IN.events(montage, block)


# --- Channels ------------------------------------------------------------------------------------


def test_the_frontal_channels_are_used_unless_others_are_asked_for() -> None:
    names = ("O1", "Fp1", "Cz", "Fp2")
    assert Detector(CARD, STAND_IN.network, Montage(names, 250.0)).channels == (1, 3)
    assert Detector(CARD, STAND_IN.network, Montage(names, 250.0), channels=[2]).channels == (2,)
    unknown = Montage(("a", "b", "c"), 250.0, ("eeg", "misc", "eeg"))
    assert Detector(CARD, STAND_IN.network, unknown).channels == (0, 2)
    assert Detector(CARD, STAND_IN.network, Montage(names, 250.0, reference="Fpz")).channels == (0, 1, 2, 3)


@pytest.mark.parametrize("channels", [(), (4,), (-1,), (0, 99)])
def test_channels_that_are_not_there_are_refused(channels: tuple[int, ...]) -> None:
    with pytest.raises(ConfigError, match="channels"):
        Detector(CARD, STAND_IN.network, Montage(("a", "b", "c", "d"), 250.0), channels=channels)


def test_a_montage_without_eeg_is_refused() -> None:
    with pytest.raises(ConfigError, match="channels"):
        Detector(CARD, STAND_IN.network, Montage(("a", "b"), 250.0, ("eog", "misc")))


class Watched:
    """The stand-in's network, and what it was shown."""

    def __init__(self) -> None:
        self.shown: list[npt.NDArray[np.float32]] = []
        self.trusted: set[bool] = set()

    def __call__(
        self, channels: npt.NDArray[np.float32], source: npt.NDArray[np.float32], trusted: bool
    ) -> npt.NDArray[np.float64]:
        assert source.shape == channels.shape[1:] == (CARD.scale.rows, CARD.window)
        assert channels.dtype == source.dtype == np.float32
        assert np.isfinite(channels).all()
        self.shown.append(channels)
        self.trusted.add(trusted)
        return STAND_IN.network(channels, source, trusted)


def test_the_network_sees_windows_of_good_channels_and_no_more_than_it_can_take() -> None:
    montage, block, _ = calm(32)
    watched = Watched()
    detector = Detector(CARD, watched, montage, channels=range(32), ica=PassThrough())
    detector.push(block)
    assert {len(channels) for channels in watched.shown} == {CARD.max_inputs}
    assert watched.trusted == {False}
    # Of many channels those with the largest blinks; Fp1 is one of them, once a few blinks were seen.
    fp1 = Watched()
    alone = Block(block.samples[:, [montage.names.index("Fp1")]], block.times)
    Detector(CARD, fp1, Montage(("Fp1",), montage.rate_hz)).push(alone)
    assert any(np.allclose(row, fp1.shown[-1][0], rtol=0, atol=1e-5) for row in watched.shown[-1])


def test_a_channel_that_is_not_there_is_not_shown() -> None:
    montage, block, _ = calm()
    samples = block.samples.copy()
    samples[:, 1] = np.nan
    watched = Watched()
    Detector(CARD, watched, montage).push(Block(samples, block.times))
    assert {len(channels) for channels in watched.shown} == {1}


def test_the_network_is_not_asked_where_no_channel_can_be_used() -> None:
    montage, block, _ = calm()

    def refuse(*_: object) -> npt.NDArray[np.float64]:
        raise AssertionError("there is nothing to ask")

    silent = Block(np.full_like(block.samples, np.nan), block.times)
    assert Detector(CARD, refuse, montage).push(silent) == []


def test_the_windows_for_training_are_those_that_the_network_sees() -> None:
    montage, block, _ = calm()
    watched = Watched()
    Detector(CARD, watched, montage).push(block)
    windows = [window for window, _ in STAND_IN.detector(montage).windows(block) if window.usable.any()]
    assert len(windows) == len(watched.shown) > 100
    for window, shown in zip(windows, watched.shown, strict=True):
        assert np.array_equal(window.inputs[window.usable], shown)


@pytest.mark.parametrize("channels", [1, 2, 8])
def test_the_cleaned_eeg_is_the_whole_stream_with_its_times(channels: int) -> None:
    montage, block, _ = calm(channels)
    clean: list[Block] = []
    detector = Detector(CARD, STAND_IN.network, montage, on_clean=clean.append)
    found = [event for k in range(0, len(block), 33) for event in detector.push(Block(*cut(block, k, k + 33)))]
    found += detector.flush()
    assert np.array_equal(np.concatenate([part.times for part in clean]), block.times)
    samples = np.concatenate([part.samples for part in clean])
    assert samples.shape == block.samples.shape
    # Most of it as it came, to the bit; of two channels and more, the blinks are taken out.
    same = np.all(samples == block.samples, axis=1)
    assert same.all() if channels == 1 else 0.5 < same.mean() < 1.0
    tall, left = (np.ptp(x[-round(10 * RATE_HZ) :, 0]) for x in (block.samples, samples))
    assert left == tall if channels == 1 else left < 0.8 * tall
    assert found == STAND_IN.events(montage, block)


def cut(block: Block, begin: int, end: int) -> tuple[FloatArray, FloatArray]:
    return block.samples[begin:end], block.times[begin:end]


@pytest.mark.parametrize(
    ("electrodes", "reference", "said"),
    [("muse", "Fpz", ""), (8, "Fpz", "Fpz"), (8, "Fp1", "Fp1"), (8, "AFz", "AFz"), (8, "Cz", "")],
)
def test_blinks_are_cleaned_where_they_are_seen_whatever_the_reference(
    electrodes: int | str, reference: str, said: str
) -> None:
    """A Muse does not say what its reference is."""
    simulator = Simulator(electrodes, 250.0, seed=1, profile=dataclasses.replace(CALM, reference=reference))
    simulated = simulator.pull_with_sources(250 * 60)
    cleaned: list[Block] = []
    montage = Montage(simulator.montage.names, 250.0, reference=said)
    Detector(CARD, STAND_IN.network, montage, on_clean=cleaned.append).push(simulated.block)
    after = np.concatenate([block.samples for block in cleaned])
    blink = simulated.sources[: len(after), :1] * simulator.mixing[:, 0]
    without = simulated.block.samples[: len(after)] - blink
    late = slice(250 * 30, None)
    left, there = (np.linalg.norm(np.std(x[late], axis=0)) for x in (after - without, blink))
    assert left < 0.5 * there


def test_what_is_missing_in_the_stream_is_missing_in_the_cleaned_eeg() -> None:
    montage, block, _ = calm(8)
    samples = block.samples.copy()
    samples[500:900, 3] = np.nan
    samples[1200:, 5] = samples[1200, 5]
    clean: list[Block] = []
    detector = Detector(CARD, STAND_IN.network, montage, on_clean=clean.append)
    detector.push(Block(samples, block.times))
    detector.flush()
    cleaned = np.concatenate([part.samples for part in clean])
    assert np.array_equal(np.isnan(cleaned), np.isnan(samples))
    late = slice(1200 + round(0.5 * montage.rate_hz), None)
    assert np.array_equal(cleaned[late, 5], samples[late, 5])


def test_the_network_is_shown_the_blink_source_once_it_can_be_trusted() -> None:
    montage, block, _ = calm(8)
    watched = Watched()
    detector = KNOWING.detector(montage)
    detector._network = watched
    detector.push(block)
    assert True in watched.trusted


def test_events_come_in_the_order_in_which_they_were_decided() -> None:
    montage, block, _ = calm()
    events: list[BlinkEvent] = STAND_IN.events(montage, block)
    assert [event.decided for event in events] == sorted(event.decided for event in events)


def test_it_says_which_channels_it_cannot_use_and_why() -> None:
    simulator = Simulator(("Fp1", "Fp2", "AF3", "Cz"), 250.0, seed=3)
    detector = Detector(CARD, STAND_IN.network, simulator.montage)
    block = simulator.pull(2500)
    samples = block.samples.copy()
    samples[:, 1] = 0.0
    detector.push(Block(samples, block.times))
    assert detector.channels == (0, 1, 2)
    assert detector.faults == ("good", "flat", "good", "good")
    assert detector.unused == {1}


def test_what_the_network_says_first_is_heard_with_the_time_of_which_it_speaks() -> None:
    simulator = Simulator(("Fp1", "Fp2"), 250.0, seed=3, profile=Profile(blinks_per_min=30))
    heard: list[tuple[float, float]] = []
    detector = Detector(CARD, STAND_IN.network, simulator.montage, on_said=lambda time_s, p: heard.append((time_s, p)))
    detector.push(simulator.pull(10_000))
    times, said = map(np.array, zip(*heard, strict=True))
    assert np.allclose(np.diff(times), CARD.hop / CARD.rate_hz, atol=0.5 / 250.0)
    assert ((said >= 0.0) & (said <= 1.0)).all()
    blinks = [b.peak for b in simulator.blinks() if b.kind == "blink" and b.peak < times[-1]]
    near = [said[np.abs(times - peak) < 0.1].max() for peak in blinks]
    assert np.median(near) > 0.9 > 0.2 > np.median(said)


@pytest.mark.parametrize(
    ("reference", "channels", "shared"),
    [
        ("", None, False),
        ("", (0,), False),  # A part of the forehead.
        ("Fpz", None, True),  # There, the back shows blinks itself.
        ("", (0, 2), True),  # Who chooses others as well gets what they show.
    ],
)
def test_what_the_back_of_the_head_shows_too_is_taken_from_the_forehead(
    reference: str, channels: tuple[int, ...] | None, shared: bool
) -> None:
    rng = np.random.default_rng(1)
    names = ("AF3", "AF4", "T7", "T8", "P7", "P8", "O1")
    n = 128 * 30
    common = np.convolve(rng.standard_normal(n + 15), np.hanning(16), "valid")[:, np.newaxis]
    samples = 10.0 * common + 2.0 * rng.standard_normal((n, len(names)))
    montage = Montage(names, 128.0, reference=reference)
    detector = Detector(CARD, Watched(), montage, channels=channels, ica=PassThrough())
    windows = [window for window, _ in detector.windows(Block(samples, np.arange(n) / 128.0))]
    apart = Detector(CARD, Watched(), Montage(names[:2], 128.0), ica=PassThrough())
    alone = [window for window, _ in apart.windows(Block(samples[:, :2], np.arange(n) / 128.0))]
    left = np.abs(windows[-1].samples[:, 0]).mean() / np.abs(alone[-1].samples[:, 0]).mean()
    assert (left == pytest.approx(1.0)) if shared else (left < 0.5)
