from __future__ import annotations

import dataclasses
import io
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import TypeVar

import numpy as np
import pytest
from scipy import signal

from nictate.framing import Frame
from nictate.gate import GateRules
from nictate.ica import Ica, IcaRules, Mode, Parts, PassThrough, open_ica, unmixed
from nictate.kept import State
from nictate.members import MemberRules
from nictate.profile import Profile
from nictate.quality import Quality, QualityRules
from nictate.signals import BoolArray, ConfigError, FloatArray, Montage
from nictate.simulate import Simulator

RATE_HZ, N = 128.0, 5
FRAME_S = N / RATE_HZ
# Quicker than in life, so that a minute tells everything.
RULES = IcaRules(calibration_s=12.0, members=MemberRules(return_s=6.0))
PROFILE = Profile(blinks_per_min=30, saccades_per_min=0, pops_per_min=0, muscle_per_min=0, long_share=0)
NAMES = ("Fp1", "Fp2", "F3", "F4", "C3", "C4", "P3", "P4", "O1", "O2", "T7", "T8")
T = TypeVar("T")


@lru_cache(maxsize=8)
def recording(channels: int = 12, seconds: int = 50, blinks: float = 30.0) -> tuple[Montage, FloatArray, FloatArray]:
    """Montage, samples (n, channels) in µV, and what the blinks are of them."""
    simulator = Simulator(
        NAMES[:channels], RATE_HZ, seed=3, profile=dataclasses.replace(PROFILE, blinks_per_min=blinks)
    )
    out = simulator.pull_with_sources(round(seconds * RATE_HZ) // N * N)
    blink = out.sources[:, :1] @ simulator.mixing[:, :1].T
    for array in (out.block.samples, blink):
        array.flags.writeable = False
    return simulator.montage, out.block.samples, blink


def frames(x: FloatArray) -> Iterator[Frame]:
    quality = Quality(QualityRules(stuck_s=0.3, jump_uv=5000.0, noisy_ratio=8.0), FRAME_S, x.shape[1])
    none: BoolArray = np.zeros(x.shape[1], dtype=np.bool_)
    for k in range(0, len(x) - N + 1, N):
        yield quality.push(Frame(x[k : k + N], np.arange(k, k + N) / RATE_HZ, ~none, none))


@dataclasses.dataclass
class Done:
    source: FloatArray
    cleaned: FloatArray
    trusted: BoolArray
    """(samples,)"""
    lines: list[str]
    """One a frame."""


def through(stage: Ica | PassThrough, x: FloatArray) -> Done:
    parts: list[Parts] = []
    cleaned, lines = [], []
    for frame in frames(x):
        parts.append(stage.push(frame))
        removed = parts[-1].removed
        cleaned.append(frame.samples if removed is None else frame.samples - removed)
        lines.append(stage.status.line)
    return Done(
        np.concatenate([part.source for part in parts]),
        np.concatenate(cleaned),
        np.repeat([part.trusted for part in parts], N),
        lines,
    )


def opened(montage: Montage, rules: IcaRules = RULES, mode: Mode = "auto", state: State | None = None) -> Ica:
    stage = open_ica(montage, N, rules, mode=mode, state=state)
    assert isinstance(stage, Ica)
    return stage


def ran(x: FloatArray, montage: Montage) -> Done:
    return through(opened(montage), x)


@lru_cache(maxsize=1)
def plain() -> Done:
    montage, x, _ = recording()
    return ran(x, montage)


def band(x: FloatArray) -> FloatArray:
    return np.asarray(
        signal.sosfiltfilt(signal.butter(2, (1.0, 10.0), "bandpass", fs=RATE_HZ, output="sos"), x, axis=0)
    )


def r_with_blinks(source: FloatArray, blink: FloatArray, since_s: float, until_s: float = 1e9) -> float:
    there = slice(round(since_s * RATE_HZ), min(round(until_s * RATE_HZ), len(source)))
    return float(np.corrcoef(band(source)[there], band(blink[:, 0])[there])[0, 1])


def test_without_un_mixing_the_source_is_absent_and_nothing_is_removed() -> None:
    samples = np.random.default_rng(0).standard_normal((10, 3))
    none = np.zeros(3, dtype=np.bool_)
    parts = PassThrough().push(Frame(samples, np.arange(10) / 250.0, ~none, none))
    assert not parts.trusted
    assert parts.removed is None
    assert parts.source.shape == (10,)
    assert not parts.source.any()


def test_the_blink_source_is_learned_and_cleaned_eeg_is_the_input_without_the_blinks() -> None:
    montage, x, blink = recording()
    done = plain()
    begin = int(np.argmax(done.trusted))
    assert 10.0 < begin / RATE_HZ < 18.0
    assert done.trusted[begin:].all()
    assert not done.source[:begin].any()
    assert r_with_blinks(done.source, blink, 18.0) > 0.95
    late = slice(round(18 * RATE_HZ), None)
    frontal = list(montage.frontal)
    assert frontal[:2] == [0, 1]
    left = band(x - blink)[late][:, frontal] - band(done.cleaned)[late][:, frontal]
    assert (left**2).mean() < 0.05 * (band(blink)[late][:, frontal] ** 2).mean()


def test_the_map_of_the_blink_source_is_how_blinks_spread_over_the_head() -> None:
    montage, x, blink = recording()
    stage = opened(montage)
    assert stage.blink_map == PassThrough().blink_map == {}
    through(stage, x)
    told = stage.blink_map
    assert tuple(told) == montage.names
    spread = np.ptp(blink, axis=0)
    assert np.corrcoef(list(told.values()), spread)[0, 1] > 0.98
    assert max(told, key=lambda name: told[name]) in ("Fp1", "Fp2")
    assert 1.0 <= max(told.values()) < 3.0


def test_what_is_taken_out_is_of_few_components_and_nothing_while_the_gate_is_closed() -> None:
    _, x, _ = recording()
    removed = x - plain().cleaned
    touched = removed.any(axis=1)
    assert 0.02 < touched.mean() < 0.6
    # A sample is touched as a whole or not at all; where it is not, it is the input's to the bit.
    assert np.array_equal(plain().cleaned[~touched], x[~touched])
    spread = np.linalg.svd(removed[round(20 * RATE_HZ) :], compute_uv=False)
    assert spread[4] < 0.02 * spread[0]


def test_without_blinks_the_eeg_is_left_nearly_as_it_is() -> None:
    montage, x, _ = recording(blinks=0.0)
    done = ran(x, montage)
    assert not done.trusted.any()
    assert ((x - done.cleaned) ** 2).mean() < 0.01 * (band(x) ** 2).mean()


def test_the_order_of_channels_does_not_matter() -> None:
    montage, x, _ = recording()
    order = np.random.default_rng(1).permutation(len(montage.names))
    turned = ran(x[:, order], Montage(tuple(montage.names[k] for k in order), RATE_HZ))
    assert turned.trusted.mean() == pytest.approx(plain().trusted.mean(), abs=0.05)
    both = turned.trusted & plain().trusted
    assert np.corrcoef(turned.source[both], plain().source[both])[0, 1] > 0.999
    late = slice(round(18 * RATE_HZ), None)
    assert ((turned.cleaned - plain().cleaned[:, order])[late] ** 2).mean() < 0.01 * (band(x)[late] ** 2).mean()


@pytest.mark.parametrize("gain", [-1.0, 0.1, 10.0])
def test_polarity_and_gain_go_through(gain: float) -> None:
    montage, x, _ = recording()
    done = ran(gain * x, montage)
    both = done.trusted & plain().trusted
    assert both.mean() > 0.6
    assert np.corrcoef(done.source[both], gain * plain().source[both])[0, 1] > 0.98
    assert np.std(done.source[both]) == pytest.approx(abs(gain) * np.std(plain().source[both]), rel=0.1)


def test_offsets_of_100_mv_do_not_matter() -> None:
    montage, x, _ = recording()
    offsets = np.random.default_rng(2).uniform(-1e5, 1e5, x.shape[1])
    done = ran(x + offsets, montage)
    assert np.array_equal(done.trusted, plain().trusted)
    assert done.source == pytest.approx(plain().source, abs=0.05)
    assert done.cleaned - offsets == pytest.approx(plain().cleaned, abs=0.05)


def flat(x: FloatArray, k: int) -> None:
    x[:, k] = x[0, k]


def railed(x: FloatArray, k: int) -> None:
    x[:, k] = 187_500.0


def noisy(x: FloatArray, k: int) -> None:
    x[:, k] += 300.0 * np.random.default_rng(5).standard_normal(len(x))


def absent(x: FloatArray, k: int) -> None:
    x[:, k] = np.nan


@pytest.mark.parametrize(("fault", "channel"), [(flat, "C3"), (railed, "Fp1"), (noisy, "T7"), (absent, "Fp2")])
def test_a_bad_channel_leaves_and_comes_back_and_the_source_stays(
    fault: Callable[[FloatArray, int], None], channel: str
) -> None:
    montage, clean, blink = recording(seconds=75)
    x, k = clean.copy(), montage.names.index(channel)
    begin, end = round(25 * RATE_HZ), round(40 * RATE_HZ)
    fault(x[begin:end], k)
    done = ran(x, montage)
    at = {s: done.lines[round(s / FRAME_S)] for s in (24, 30, 39, 60)}
    assert f"without {channel}" not in at[24]
    assert f"without {channel}" in at[30]
    assert f"without {channel}" in at[39]
    assert "without" not in at[60]
    assert np.isfinite(done.cleaned).all()
    assert np.isfinite(done.source).all()
    assert done.trusted[round(32 * RATE_HZ) : round(40 * RATE_HZ)].all()
    assert r_with_blinks(done.source, blink, 30.0, 40.0) > 0.9
    assert done.trusted[round(66 * RATE_HZ) :].all()
    assert r_with_blinks(done.source, blink, 66.0) > 0.9
    # What is bad is shown as it came, or as what masks it, and does not reach the others.
    others = [c for c in range(len(montage.names)) if c != k]
    assert np.abs(done.cleaned - x)[begin:end][:, others].max() < 500.0


def test_a_channel_that_is_noisy_from_the_start_does_not_reach_the_source() -> None:
    montage, clean, blink = recording()
    x = clean.copy()
    noisy(x, montage.names.index("T7"))
    done = ran(x, montage)
    begin = int(np.argmax(done.trusted))
    assert begin / RATE_HZ < 18.0
    assert "without T7" in done.lines[begin // N]
    assert done.trusted[begin:].all()
    assert r_with_blinks(done.source, blink, begin / RATE_HZ, begin / RATE_HZ + 4.0) > 0.95


def test_eyes_that_stay_closed_do_not_cost_the_source() -> None:
    """For 20 s no blink, and alpha six times as large: another mixing would be learned from what has no blinks."""
    simulator = Simulator(NAMES, RATE_HZ, seed=4, profile=PROFILE)
    out = simulator.pull_with_sources(round(70 * RATE_HZ) // N * N)
    sources = out.sources.copy()
    closed = slice(round(30 * RATE_HZ), round(50 * RATE_HZ))
    sources[closed, simulator.source_names.index("blink")] = 0.0
    alpha = [k for k, name in enumerate(simulator.source_names) if name.startswith("alpha")]
    sources[closed, alpha] *= 6.0
    done = ran(sources @ simulator.mixing.T + out.noise, simulator.montage)
    assert done.trusted[closed].all()
    assert done.trusted[closed.stop :].all()
    blink = sources[:, :1] @ simulator.mixing[:, :1].T
    assert r_with_blinks(done.source, blink, 51.0) > 0.97


def test_a_frame_of_a_bad_channel_is_shown_as_it_is() -> None:
    montage, clean, _ = recording()
    x = clean.copy()
    x[round(25 * RATE_HZ) :, 4] = 50.0
    shown = np.concatenate([frame.samples for frame in frames(x)])
    late = slice(round(28 * RATE_HZ), None)
    assert np.array_equal(ran(x, montage).cleaned[late][:, 4], shown[late][:, 4])


def test_a_hole_keeps_what_was_learned_and_nothing_else() -> None:
    montage, x, blink = recording()
    stage = opened(montage)
    half = round(30 * RATE_HZ) // N * N
    through(stage, x[:half])
    stage.restart()
    done = through(stage, x[half:] + 70_000.0)
    assert done.trusted.all()
    assert np.abs(done.source).max() < 500.0
    assert r_with_blinks(done.source, blink[half:], 0.0) > 0.95


def test_a_saved_state_is_trusted_at_once() -> None:
    montage, x, blink = recording()
    half = round(30 * RATE_HZ) // N * N
    stage = opened(montage)
    through(stage, x[:half])
    file = io.BytesIO()
    np.savez(file, **stage.get_state())  # type: ignore[arg-type]
    file.seek(0)
    with np.load(file, allow_pickle=False) as kept:
        other = opened(montage, state=dict(kept))
    done = through(other, x[half:])
    assert done.trusted[round(RATE_HZ) :].all()
    assert r_with_blinks(done.source, blink[half:], 1.0) > 0.95
    stage.restart()
    assert np.corrcoef(through(stage, x[half:]).source, done.source)[0, 1] > 0.999


def state() -> State:
    montage, x, _ = recording()
    stage = opened(montage)
    through(stage, x[: round(5 * RATE_HZ)])
    return stage.get_state()


def test_a_state_that_does_not_fit_is_refused_with_the_reason() -> None:
    montage, _, _ = recording()
    good = state()
    opened(montage, state=good)
    other = Montage(montage.names[:8], RATE_HZ)
    with pytest.raises(ConfigError, match=r"12 channels .* the stream has 8"):
        open_ica(other, N, RULES, state=good)
    with pytest.raises(ConfigError, match="128 Hz, the stream has 250 Hz"):
        open_ica(Montage(montage.names, 250.0), 10, RULES, state=good)
    with pytest.raises(ConfigError, match="format"):
        opened(montage, state=good | {"format": np.array(99)})
    for key in good:
        with pytest.raises(ConfigError):
            opened(montage, state={name: value for name, value in good.items() if name != key})
    with pytest.raises(ConfigError):
        opened(montage, state={name: value for name, value in good.items() if not name.startswith("ica/")})
    for key, bad in (("last", np.zeros(3)), ("covariance", np.full((12, 12), np.nan)), ("inside", np.array([0, 99]))):
        with pytest.raises(ConfigError, match="does not hold together"):
            opened(montage, state=good | {key: bad})


def test_work_that_is_done_elsewhere_changes_nothing() -> None:
    """Whether it is done when it is asked for, or when its result is needed."""
    montage, clean, _ = recording()
    x = clean.copy()
    flat(x[round(20 * RATE_HZ) :], 6)

    def later(work: Callable[[], T], /) -> Callable[[], T]:
        done: list[T] = []

        def result() -> T:
            if not done:
                done.append(work())
            return done[0]

        return result

    stage = open_ica(montage, N, RULES, submit=later)
    a, b = through(stage, x), ran(x, montage)
    assert np.array_equal(a.source, b.source)
    assert np.array_equal(a.cleaned, b.cleaned)
    assert a.lines == b.lines


def test_frames_are_never_written_to() -> None:
    montage, x, _ = recording()
    stage = opened(montage)
    for frame in frames(x[: round(20 * RATE_HZ)]):
        frame.samples.flags.writeable = False
        before = frame.samples.copy()
        stage.push(frame)
        assert np.array_equal(frame.samples, before)


# --- The policy --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("channels", "mode", "offered"),
    [(2, "auto", False), (3, "on", False), (4, "auto", False), (4, "on", True), (7, "auto", False), (8, "auto", True)],
)
def test_the_source_is_offered_by_the_number_of_channels(channels: int, mode: Mode, offered: bool) -> None:
    montage, x, _ = recording(channels, 40)
    done = through(opened(montage, mode=mode), x)
    assert done.trusted.any() == offered
    assert done.source.any() == offered
    assert not np.array_equal(done.cleaned, x)
    assert ("cleaning only" in done.lines[-1]) != offered


def test_where_there_is_nothing_to_un_mix_the_input_passes() -> None:
    for montage, mode, line in (
        (Montage(("Fp1",), RATE_HZ), "auto", "ICA: off (1 channel)"),
        (Montage(("Fp1", "X"), RATE_HZ, ("eeg", "misc")), "on", "ICA: off (1 channel)"),
        (Montage(("A", "B", "C"), RATE_HZ), "auto", "ICA: off (no frontal channel is known)"),
        (Montage(NAMES, RATE_HZ), "off", "ICA: off (not asked for)"),
    ):
        stage = open_ica(montage, N, RULES, mode=mode)  # type: ignore[arg-type]
        assert isinstance(stage, PassThrough)
        assert stage.status.line == line
        assert stage.get_state() == {}
        x = np.ones((3 * N, len(montage.names)))
        stage.restart()
        assert np.array_equal(through(stage, x).cleaned, x)


def test_only_eeg_is_un_mixed_and_other_channels_pass_as_they_are() -> None:
    assert unmixed(Montage(("A", "B", "C", "D"), RATE_HZ, ("eeg", "misc", "eeg", "eog"))) == (0, 2)
    montage, x, _ = recording(8, 40)
    with_more = Montage((*montage.names, "AUX"), RATE_HZ, ("eeg",) * 8 + ("misc",))
    aux = 300.0 * np.random.default_rng(6).standard_normal((len(x), 1))
    done = through(opened(with_more), np.hstack((x, aux)))
    alone = through(opened(montage), x)
    assert np.array_equal(done.cleaned[:, 8:], aux)
    assert np.array_equal(done.cleaned[:, :8], alone.cleaned)
    assert np.array_equal(done.source, alone.source)


def test_what_cannot_be_is_refused() -> None:
    montage = Montage(NAMES, RATE_HZ)
    for columns, frontal in (((0,), (0,)), ((0, 0), (0,)), ((0, 99), (0,)), ((0, 1), ()), ((0, 1), (2,))):
        with pytest.raises(ConfigError):
            Ica(montage, columns, frontal, N, RULES)
    with pytest.raises(ConfigError, match="mode"):
        Ica(montage, (0, 1), (0,), N, RULES, mode="off")
    with pytest.raises(ConfigError, match="above 0"):
        Ica(montage, (0, 1), (0,), N, dataclasses.replace(RULES, gate=GateRules(threshold=0.0)))
