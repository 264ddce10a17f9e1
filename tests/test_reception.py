from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nictate.reception import Gaps, Reception
from nictate.signals import RATES_HZ, Block, ConfigError, FloatArray, Montage, StreamError
from nictate.stream import StreamSummary, chosen

RATE_HZ = 250.0


class Heard(Reception):
    """A reception at the end of a device whose samples arrive when the last of them is taken."""

    def __init__(
        self,
        *,
        declared_hz: float = RATE_HZ,
        channels: tuple[str, ...] | None = None,
        unit: str | None = None,
        restamp: bool = False,
        montage: Montage | None = None,
    ) -> None:
        stream = StreamSummary(
            name="headset",
            type="EEG",
            hostname="lab",
            source_id="serial",
            uid="u1",
            channel_count=2,
            rate_hz=declared_hz,
            format="float32",
            labels=("Fp1", "Fp2"),
            units=("", "mV"),
            kinds=("", ""),
            reference="Cz",
        )
        self.said: list[str] = []
        super().__init__(stream, chosen(stream, channels, unit), restamp=restamp, say=self.said.append, montage=montage)

    def hear(self, values: FloatArray, stamps: FloatArray, piece: int = 25, now_s: float | None = None) -> Block:
        """All that comes of (n,) values in Fp1, and twice as much in Fp2, in pieces; flushed."""
        blocks = []
        for k in range(0, len(stamps), piece):
            at = slice(k, k + piece)
            values_at = np.column_stack([values[at], 2.0 * values[at]])
            blocks.append(self.push(values_at, stamps[at], float(stamps[at][-1]) if now_s is None else now_s))
        blocks.append(self.flush())
        return Block(np.concatenate([b.samples for b in blocks]), np.concatenate([b.times for b in blocks]))


def straight(n: int, rate_hz: float = RATE_HZ) -> FloatArray:
    return 4321.0 + np.arange(n) / rate_hz


@settings(deadline=None, max_examples=30)
@given(
    declared_hz=st.sampled_from([0.0, 1.0, 250.0, 500.0, 1e5]),
    seed=st.integers(0, 99),
    piece=st.integers(1, 400),
)
def test_no_sample_is_lost_nor_changed(declared_hz: float, seed: int, piece: int) -> None:
    """Whatever rate is declared, what comes is handed over whole and in order, with the times it has."""
    rng = np.random.default_rng(seed)
    stamps = np.delete(straight(1600), rng.integers(0, 1600, 30))
    values = rng.normal(0.0, 20.0, len(stamps))
    block = Heard(declared_hz=declared_hz, channels=("Fp1",)).hear(values, stamps, piece)
    assert block.samples.tobytes() == values.tobytes()
    np.testing.assert_allclose(block.times, stamps, rtol=0, atol=1e-6)


def test_only_the_channels_asked_for_come_out_in_microvolts() -> None:
    values = np.arange(500.0)
    block = Heard(channels=("Fp2", "Fp1")).hear(values, straight(500))
    assert np.array_equal(block.samples, np.column_stack([2e3 * values, values]))
    block = Heard(unit="nV").hear(values, straight(500))
    np.testing.assert_allclose(block.samples, 1e-3 * np.column_stack([values, 2.0 * values]), rtol=1e-15)


def test_integers_are_read_as_they_are() -> None:
    heard = Heard(montage=Montage(("Fp1", "Fp2"), RATE_HZ))
    block = heard.push(np.array([[-128, 127]], dtype=np.int8), np.array([7.0]), 7.0)
    assert block.samples.dtype == np.float64
    assert block.samples.tolist() == [[-128.0, 127e3]]


def test_a_hole_is_a_step_in_the_times_and_a_leap() -> None:
    stamps = np.delete(straight(1500), slice(700, 825))
    heard = Heard()
    block = heard.hear(np.arange(len(stamps), dtype=np.float64), stamps)
    np.testing.assert_allclose(block.times, stamps, rtol=0, atol=1e-6)
    assert heard.leaps_s() == pytest.approx([125 / RATE_HZ])
    assert heard.leaps_s() == []


@pytest.mark.parametrize(("declared_hz", "words"), [(500.0, "declares 500 Hz"), (0.0, "declares no rate")])
def test_a_wrong_rate_is_found_out(declared_hz: float, words: str) -> None:
    heard = Heard(declared_hz=declared_hz)
    assert heard.montage == (Montage(("Fp1", "Fp2"), 500.0, (), "Cz") if declared_hz else None)
    block = heard.hear(np.ones(1500), straight(1500))
    assert heard.montage == Montage(("Fp1", "Fp2"), RATE_HZ, (), "Cz")
    (line,) = [line for line in heard.said if "delivers" in line]
    assert f"{words}, but delivers 250 Hz, which is used" in line
    np.testing.assert_allclose(np.diff(block.times), 1 / RATE_HZ, rtol=0, atol=1e-6)


def test_a_rate_that_is_not_served_is_refused() -> None:
    low = 0.5 * RATES_HZ[0]
    with pytest.raises(ConfigError, match=r"a rate of 49\.5 Hz"):
        Heard(declared_hz=low).hear(np.ones(500), straight(500, low))


@pytest.mark.parametrize(
    "stamps",
    [
        np.full(800, np.nan),
        np.full(800, 4321.0),
        np.concatenate([straight(400), straight(400, 2.0 * RATE_HZ) + 2.0]),  # one rate, then another
    ],
)
def test_stamps_that_tell_no_rate_are_refused_where_none_is_declared(stamps: FloatArray) -> None:
    heard = Heard(declared_hz=0.0)
    assert len(heard.push(np.ones((799, 2)), stamps[:799], 4321.0)) == 0
    with pytest.raises(StreamError, match="declares 0 Hz, and its time stamps tell no rate"):
        heard.push(np.ones((1, 2)), stamps[799:], 4325.0)


def test_stamps_that_tell_no_rate_are_counted_where_one_is_declared() -> None:
    block = Heard().hear(np.ones(1000), np.full(1000, 4321.0))
    np.testing.assert_allclose(block.times, straight(1000), rtol=0, atol=1e-6)


def test_lost_samples_are_not_taken_for_a_wrong_rate() -> None:
    keep = np.flatnonzero(np.random.default_rng(7).random(1500) > 0.2)
    heard = Heard()
    montage = heard.montage
    block = heard.hear(keep.astype(np.float64), straight(1500)[keep])
    assert heard.montage is montage
    np.testing.assert_allclose(np.diff(block.times), np.diff(block.samples[:, 0]) / RATE_HZ, rtol=0, atol=1e-6)


def test_what_an_earlier_connection_has_learnt_makes_nobody_wait() -> None:
    montage = Montage(("Fp1", "Fp2"), RATE_HZ)
    heard = Heard(declared_hz=0.0, montage=montage)
    assert len(heard.push(np.zeros((5, 2)), straight(5), 4321.0)) == 5
    assert heard.montage is montage


@pytest.mark.parametrize("restamp", [False, True])
def test_stamps_that_are_not_on_the_lsl_clock_are_said_and_moved_on_request(restamp: bool) -> None:
    stamps = 1_700_000_000.0 + straight(500)
    heard = Heard(restamp=restamp)
    block = heard.hear(np.ones(500), stamps, now_s=100.0)
    (line,) = [line for line in heard.said if "off the LSL clock" in line]
    assert ("they are moved to now" if restamp else "--restamp moves them to now") in line
    # The first piece, of 25 samples, ends now.
    expected = stamps - stamps[24] + 100.0 if restamp else stamps
    np.testing.assert_allclose(block.times, expected, rtol=0, atol=1e-4)


def test_a_stamp_that_is_a_little_off_is_left_alone() -> None:
    heard = Heard(restamp=True)
    block = heard.hear(np.ones(500), straight(500), now_s=4325.0)
    np.testing.assert_allclose(block.times, straight(500), rtol=0, atol=1e-6)
    assert heard.said == []


def test_values_like_volts_are_noticed_not_converted() -> None:
    values = np.random.default_rng(0).normal(0.0, 2e-5, 500)
    heard = Heard(channels=("Fp1",))
    assert np.array_equal(heard.hear(values, straight(500)).samples[:, 0], values)
    (line,) = heard.said
    assert "below 0.001 uV throughout; if these are volts, say so with --unit V" in line
    for harmless in (values * 1e3, np.zeros(500), np.full(500, np.nan)):
        heard = Heard(channels=("Fp1",))
        heard.hear(harmless, straight(500))
        assert heard.said == []


def test_gaps_are_counted_each_and_told_seldom() -> None:
    gaps = Gaps()
    words = []
    for second in range(25):
        gaps.note(0.1, dropped=2 * (second == 3))
        words.append(gaps.words(1000.0 + second))
    told = {second: line for second, line in enumerate(words) if line}
    assert told == {
        0: "a gap of 0.100 s",
        10: "10 gaps, 1.000 s in all; 2 samples thrown away because they were not read in time",
        20: "10 gaps, 1.000 s in all",
    }
    assert (gaps.count, gaps.dropped) == (25, 2)
    assert gaps.words(1100.0) == "4 gaps, 0.400 s in all"
    assert gaps.words(1200.0) == ""
    gaps.note(-3.0)
    assert gaps.words(1300.0) == "time stamps went back by 3.000 s"
