"""Reading over a real liblsl on loopback. What is done to the samples is tested in test_reception.py, without it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import numpy as np
import pylsl
import pytest
from live_streams import ALL_ANSWER_S, PATIENCE_S, RATE_HZ, Reader, feed, outlet, send

from nictate import reception
from nictate.edges.lsl import EegOutlet, now, plain, source
from nictate.signals import Block, ConfigError, Montage, StreamError


def test_samples_survive_bit_by_bit_and_in_order(source_id: str, reader: Callable[..., Reader]) -> None:
    montage = Montage(("number", "Fp1", "Fp2"), RATE_HZ, ("misc", "eeg", "eeg"), "A1")
    rng = np.random.default_rng(0)
    n = 5000
    values = np.column_stack([np.arange(n), rng.normal(0, 1e5, n), rng.normal(0, 1e-7, n)])
    values[17, 1:] = np.nan, -np.inf
    times = 1.0 + np.arange(n) / RATE_HZ
    with EegOutlet(montage, "headset", source_id) as eeg:
        one = reader()
        assert one.open() == montage
        start = pylsl.local_clock() - 1.0
        for part in np.split(np.arange(n), np.sort(rng.integers(0, n, 60))):
            eeg.push(Block(values[part], start + times[part]))
        block = one.read(n)
        one.source.close()
    assert block.samples.tobytes() == values.tobytes()
    np.testing.assert_allclose(block.times, start + times, rtol=0, atol=2e-3)  # the clock offset to itself
    np.testing.assert_allclose(np.diff(block.times), 1 / RATE_HZ, rtol=0, atol=1e-6)
    assert one.source.montage == montage
    assert (one.source.gaps, one.source.dropped, one.said) == (0, 0, [])


@pytest.mark.parametrize(
    "value_format", [pylsl.cf_float32, pylsl.cf_int8, pylsl.cf_int16, pylsl.cf_int32, pylsl.cf_int64]
)
def test_every_format_of_numbers_is_read(source_id: str, reader: Callable[..., Reader], value_format: int) -> None:
    device = outlet(source_id, value_format=value_format)
    one = reader()
    one.open()
    values = (np.arange(300) % 100).astype(np.float64)
    send(device, values)
    block = one.read(300)
    assert block.samples.dtype == np.float64
    assert np.array_equal(block.samples[:, 0], values)
    one.source.close()


def test_several_streams_are_listed_and_none_is_picked(
    source_id: str, reader: Callable[..., Reader], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One vendor gives all its streams one source_id, and a name may be given twice."""
    monkeypatch.setattr(source, "RESOLVE_S", ALL_ANSWER_S)
    devices = outlet(source_id), outlet(source_id), outlet(source_id, name="another")
    with pytest.raises(ConfigError) as refusal:
        reader(name="headset").open()
    words = str(refusal.value)
    assert words.startswith("2 streams match")
    assert words.endswith("Choose one with --uid")
    assert [device.get_info().uid() in words for device in devices] == [True, True, False]
    one = reader(name="another")
    assert one.open().names == ("Fp1",)
    one.source.close()


def test_waiting_is_said_once_and_can_be_ended(source_id: str, reader: Callable[..., Reader]) -> None:
    one = reader()
    rounds = iter([False, False, True, True])
    assert one.source.open(lambda: next(rounds)) is None
    assert one.said == [f"waiting for a stream with type 'EEG' and source_id {plain(source_id)!r}: not there yet"]


def test_a_stream_that_cannot_be_read_is_refused_until_told_how(source_id: str, reader: Callable[..., Reader]) -> None:
    device = outlet(source_id, [{"label": label, "unit": "counts"} for label in ("Fp1", "Fp2")])
    with pytest.raises(StreamError, match="'counts', not a known unit"):
        reader().open()
    one = reader(unit="nV", channels=("Fp2",))
    assert one.open().names == ("Fp2",)
    send(device, np.tile([1000.0, 5000.0], (300, 1)))
    np.testing.assert_allclose(one.read(300).samples, 5.0)
    one.source.close()


def test_a_gap_is_a_step_in_the_times_and_one_line(source_id: str, reader: Callable[..., Reader]) -> None:
    device = outlet(source_id)
    one = reader()
    one.open()
    start = pylsl.local_clock() - 5.0
    send(device, np.arange(500.0), start_s=start)
    send(device, np.arange(500.0, 1000.0), start_s=start, skip=625)
    send(device, np.arange(1000.0, 1500.0), start_s=start, skip=1250)
    block = one.read(1500)
    assert np.array_equal(block.samples[:, 0], np.arange(1500.0))
    expected = np.full(1499, 1 / RATE_HZ)
    expected[[499, 999]] = 126 / RATE_HZ
    np.testing.assert_allclose(np.diff(block.times), expected, rtol=0, atol=1e-6)
    assert (one.source.gaps, one.source.dropped) == (2, 0)
    # Whether the second gap comes with the first or is told later, because it came later, is up to the network.
    assert one.line("gap").endswith(("2 gaps, 1.000 s in all", "a gap of 0.500 s"))
    one.source.close()


def test_samples_thrown_away_because_nobody_read_are_counted(source_id: str, reader: Callable[..., Reader]) -> None:
    device = outlet(source_id)
    one = reader(buffer_s=2.0)
    one.open()
    start = pylsl.local_clock() - 20.0
    send(device, np.arange(500.0), start_s=start)
    first = one.read(500)
    assert one.source.dropped == 0
    send(device, np.arange(500.0, 3000.0), start_s=start, skip=500)
    inlet = one.source._connection.inlet  # type: ignore[union-attr]
    deadline = time.monotonic() + PATIENCE_S
    sentinel = outlet(source_id + "/never")  # liblsl has no event for a full queue
    while inlet.samples_available() < 500 and time.monotonic() < deadline:
        sentinel.wait_for_consumers(0.01)
    second = one.read(1)
    seen = np.concatenate([first.samples, second.samples])[:, 0]
    assert one.source.dropped == 3000 - 500 - len(second) > 0
    assert seen[-1] == 2999.0
    assert f"{one.source.dropped} samples thrown away" in one.line("not read in time")
    one.source.close()


def test_a_stream_that_went_away_is_found_again(source_id: str, reader: Callable[..., Reader]) -> None:
    one = reader()
    device = outlet(source_id)
    montage = one.open()
    send(device, np.arange(300.0))
    one.read(300)
    del device
    one.until(lambda _: one.source.lost)
    assert "lost, its connection broke off" in one.line("lost")
    away = time.monotonic()
    one.until(lambda _: time.monotonic() - away > 0.3)
    device = outlet(source_id)
    one.until(lambda _: bool(device.have_consumers()))
    send(device, np.arange(300.0, 600.0))
    block = one.read(300)
    assert np.array_equal(block.samples[:, 0], np.arange(300.0, 600.0))
    assert "found again after" in one.line("found again")
    assert not one.source.lost
    assert one.source.montage is montage
    one.source.close()


def test_a_stream_that_comes_back_as_another_has_another_montage(source_id: str, reader: Callable[..., Reader]) -> None:
    one = reader()
    device = outlet(source_id)
    montage = one.open()
    send(device, np.zeros(300))
    one.read(300)
    del device
    one.until(lambda _: one.source.lost)
    device = outlet(source_id, [{"label": label, "unit": "V"} for label in ("Fp1", "Fp2")], rate_hz=500.0)
    one.until(lambda _: bool(device.have_consumers()))
    stamps = pylsl.local_clock() - 2.0 + np.arange(1000) / 500.0
    device.push_chunk(np.full((1000, 2), 1e-5), stamps.tolist())
    block = one.read(1000)
    assert one.source.montage is not montage
    assert one.source.montage == Montage(("Fp1", "Fp2"), 500.0)
    np.testing.assert_allclose(block.samples, 10.0)
    one.source.close()


def test_a_stream_that_falls_silent_is_lost_and_comes_back(
    source_id: str, reader: Callable[..., Reader], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "SILENT_S", 0.5)
    one = reader()
    device = outlet(source_id)
    one.open()
    send(device, np.arange(300.0))
    one.read(300)
    one.until(lambda _: one.source.lost)
    assert "no sample for 0.5 s" in one.line("lost")
    send(device, np.arange(300.0, 600.0))
    assert np.array_equal(one.read(300).samples[:, 0], np.arange(300.0, 600.0))
    assert "found again after" in one.line("found again")
    one.source.close()


@pytest.mark.parametrize(("declared_hz", "words"), [(500.0, "declares 500 Hz"), (0.0, "declares no rate")])
def test_a_wrong_rate_is_found_out(
    source_id: str,
    reader: Callable[..., Reader],
    monkeypatch: pytest.MonkeyPatch,
    declared_hz: float,
    words: str,
) -> None:
    monkeypatch.setattr(reception, "LEARN_S", (0.3, 0.9))
    device = outlet(source_id, rate_hz=declared_hz)
    one = reader()
    done = threading.Event()
    thread = feed(device, done)
    try:
        first = one.open()
        assert first.rate_hz == (500.0 if declared_hz else 250.0)
        block = one.read(300)
        assert one.source.montage.rate_hz == pytest.approx(RATE_HZ, rel=0.01)
        assert f"{words}, but delivers 250 Hz" in one.line("declares")
        assert one.source.gaps == 0
        np.testing.assert_allclose(np.diff(block.times), 1 / RATE_HZ, rtol=0, atol=1e-6)
        assert 0.0 <= one.source.newest_age_s < PATIENCE_S
    finally:
        done.set()
        thread.join()
        one.source.close()


def test_stamps_that_are_not_on_the_lsl_clock_are_moved_on_request(
    source_id: str, reader: Callable[..., Reader]
) -> None:
    device = outlet(source_id)
    one = reader(restamp=True)
    one.open()
    before = now()
    send(device, np.zeros(300), start_s=1_700_000_000.0)
    block = one.read(300)
    assert "off the LSL clock; they are moved to now" in one.line("time stamps are +")
    # What came first was moved to now; what was sent with it follows it at the stream's own rate.
    assert before <= block.times[-1] <= now() + 300 / RATE_HZ
    np.testing.assert_allclose(np.diff(block.times), 1 / RATE_HZ, rtol=0, atol=1e-5)
    one.source.close()


def test_stamps_that_stand_still_or_go_back_lose_no_samples(source_id: str, reader: Callable[..., Reader]) -> None:
    device = outlet(source_id)
    one = reader()
    one.open()
    start = pylsl.local_clock()
    good = start + np.arange(500) / RATE_HZ
    stamps = np.concatenate([good, np.full(300, good[-1]), good[::-1], np.full(100, np.nan), good + 60.0])
    values = np.arange(len(stamps), dtype=np.float64)
    device.push_chunk(values[:, None], stamps.tolist())
    block = one.read(len(stamps))
    assert np.array_equal(block.samples[:, 0], values)
    assert np.all(np.isfinite(block.times))
    one.source.close()
