"""Reading from a real liblsl over loopback; the laws of `Dejitter` without it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pylsl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nictate.edges import lsl
from nictate.edges.lsl import Dejitter, LslSource, Query, measured_rate, microvolts, plain
from nictate.edges.outlets import EegOutlet
from nictate.signals import Block, ConfigError, FloatArray, Montage, StreamError

RATE_HZ = 250.0
PATIENCE_S = 20.0
"""Only a test that fails takes so long."""


# ------------------------------------------------------------------------------------------- the laws of Dejitter


def straight(n: int, rate_hz: float = RATE_HZ) -> FloatArray:
    return 4321.0 + np.arange(n) / rate_hz


def dejittered(stamps: FloatArray, cuts: Sequence[int] = (), rate_hz: float = RATE_HZ) -> FloatArray:
    line = Dejitter(rate_hz)
    parts = [line.push(part) for part in np.split(stamps, sorted(cuts))]
    return np.concatenate([*parts, line.flush()])


def spoilt(seed: int, n: int = 3000) -> FloatArray:
    """Stamps with jitter, lost samples, a hole, a stall, repeats and NaN."""
    rng = np.random.default_rng(seed)
    stamps = straight(n + 200) + rng.normal(0.0, rng.choice([0.0, 1e-3, 1e-2]), n + 200)
    stamps[700:760] = stamps[760] + 1e-4 * np.arange(60)
    stamps = np.delete(stamps, slice(1200, 1400))
    stamps[rng.integers(0, n, 30)] = np.nan
    stamps[2000:2010] = stamps[2000]
    return np.delete(stamps, rng.integers(0, n, 20))


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 99), cuts=st.lists(st.integers(0, 2900), max_size=40))
def test_the_cutting_of_the_stamps_changes_nothing(seed: int, cuts: list[int]) -> None:
    stamps = spoilt(seed)
    assert np.array_equal(dejittered(stamps, cuts), dejittered(stamps), equal_nan=True)


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 99), shift=st.floats(-1e5, 1e5))
def test_shifted_stamps_give_shifted_times(seed: int, shift: float) -> None:
    stamps = spoilt(seed)
    np.testing.assert_allclose(dejittered(stamps + shift), dejittered(stamps) + shift, rtol=0, atol=1e-6)


@settings(deadline=None, max_examples=100)
@given(stamps=st.lists(st.floats(allow_nan=True, allow_infinity=True) | st.floats(0.0, 9.0), max_size=200))
def test_no_sample_is_lost_whatever_the_stamps_are(stamps: list[float]) -> None:
    assert len(dejittered(np.array(stamps))) == len(stamps)


@pytest.mark.parametrize("real_hz", [RATE_HZ, 249.4, 252.0])
def test_regular_stamps_come_back_as_they_are(real_hz: float) -> None:
    stamps = straight(5000, real_hz)
    times = dejittered(stamps)
    assert np.max(np.abs(times - stamps)) < 5e-4
    assert np.max(np.abs(times - stamps)[1000:]) < 2e-6


@pytest.mark.parametrize("jitter_s", [1e-3, 5e-3, 2e-2])
def test_jitter_is_removed(jitter_s: float) -> None:
    true = straight(10_000)
    stamps = true + np.random.default_rng(1).normal(0.0, jitter_s, len(true))
    error = (dejittered(stamps) - true)[2500:]
    assert np.sqrt(np.mean(error**2)) < jitter_s / 10


@pytest.mark.parametrize("lost", [1, 2, 25, 125, 5000])
@pytest.mark.parametrize("at", [3, 400, 2995])
def test_a_hole_stays_a_hole_where_it_is(lost: int, at: int) -> None:
    stamps = np.delete(straight(3000 + lost), slice(at, at + lost))
    line = Dejitter(RATE_HZ)
    times = np.concatenate([line.push(stamps), line.flush()])
    np.testing.assert_allclose(times, stamps, rtol=0, atol=1e-6)
    assert line.leaps_s == pytest.approx([lost / RATE_HZ])


def test_a_hole_shows_through_jitter() -> None:
    true = np.delete(straight(5000), slice(2500, 2600))
    times = dejittered(true + np.random.default_rng(2).normal(0.0, 0.004, len(true)))
    steps = np.diff(times)
    assert np.argmax(steps) == 2499
    assert steps[2499] == pytest.approx(101 / RATE_HZ, abs=0.01)
    assert np.max(np.abs(np.delete(steps, 2499) - 1 / RATE_HZ)) < 0.004


@pytest.mark.parametrize("share", [0.01, 0.2])
def test_single_lost_samples_do_not_add_up(share: float) -> None:
    stamps = straight(10_000)
    stamps = stamps[np.random.default_rng(3).random(len(stamps)) > share]
    np.testing.assert_allclose(dejittered(stamps), stamps, rtol=0, atol=1e-6)


@pytest.mark.parametrize("held_back", [20, 75, 750])
def test_samples_that_were_held_back_are_no_hole(held_back: int) -> None:
    true = straight(5000)
    stamps = true.copy()
    stamps[2000 : 2000 + held_back] = true[2000 + held_back] + 1e-4 * np.arange(held_back)
    np.testing.assert_allclose(dejittered(stamps), true, rtol=0, atol=1e-4)


def test_packets_stamped_early_and_late_are_no_holes() -> None:
    """A device that stamps packets of 32 samples is known within the first seconds."""
    true = straight(9600)
    stamps = true + np.repeat(np.random.default_rng(4).normal(0.0, 0.01, 300), 32)
    line = Dejitter(RATE_HZ)
    first = line.push(stamps[:1000])
    assert len(line.leaps_s) <= 3
    line.leaps_s.clear()
    times = np.concatenate([first, line.push(stamps[1000:]), line.flush()])
    assert line.leaps_s == []
    assert np.sqrt(np.mean((times - true)[2500:] ** 2)) < 0.002


@pytest.mark.parametrize("value", [None, np.nan, np.inf])
def test_stamps_that_stand_still_or_are_no_numbers_go_on_by_the_count(value: float | None) -> None:
    true = straight(3000)
    stamps = true.copy()
    stamps[1000:2000] = stamps[999] if value is None else value
    np.testing.assert_allclose(dejittered(stamps), true, rtol=0, atol=1e-6)


def test_a_clock_that_is_set_back_is_followed() -> None:
    stamps = straight(3000)
    stamps[1500:] -= 60.0
    np.testing.assert_allclose(dejittered(stamps), stamps, rtol=0, atol=1e-6)


def test_a_single_wild_stamp_changes_nothing() -> None:
    true = straight(3000)
    stamps = true.copy()
    stamps[[500, 1500, 1501]] = [1e9, 0.0, -5.0]
    np.testing.assert_allclose(dejittered(stamps), true, rtol=0, atol=1e-6)


def honest(n: int) -> FloatArray:
    return straight(n, 248.0)


def lossy(n: int) -> FloatArray:
    stamps = straight(2 * n, 248.0)
    return stamps[np.random.default_rng(5).random(2 * n) > 0.2][:n]


def bursts(n: int) -> FloatArray:
    k = np.arange(n)
    return 4321.0 + (k // 32 + 1) * 32 / 248.0 + (k % 32) * 1e-5


def one_stamp_a_packet(n: int) -> FloatArray:
    return 4321.0 + (np.arange(n) // 32) * 32 / 248.0


def packets_stamped_at_another_rate(n: int) -> FloatArray:
    k = np.arange(n)
    return 4321.0 + (k // 32) * 32 / 248.0 + (k % 32) / 300.0


def jittering(n: int) -> FloatArray:
    return straight(n, 248.0) + np.random.default_rng(6).normal(0.0, 0.005, n)


@pytest.mark.parametrize(
    "stamps", [honest, lossy, bursts, one_stamp_a_packet, packets_stamped_at_another_rate, jittering]
)
def test_the_rate_is_measured_whatever_the_stamps_are_like(stamps: Callable[[int], FloatArray]) -> None:
    assert measured_rate(stamps(744)) == pytest.approx(248.0, rel=0.01)


@pytest.mark.parametrize("stamps", [[], [1.0], [np.nan] * 100, [7.0] * 100, [3.0, 2.0, 1.0]])
def test_no_rate_is_measured_where_stamps_tell_none(stamps: list[float]) -> None:
    assert measured_rate(np.array(stamps)) is None


# --------------------------------------------------------------------------------------------------- words and units


@pytest.mark.parametrize(
    ("unit", "factor"),
    [
        ("microvolts", 1.0),
        ("uV", 1.0),
        ("\u00b5V", 1.0),
        ("\u03bcV", 1.0),
        (" MicroVolt ", 1.0),
        ("mV", 1e3),
        ("millivolts", 1e3),
        ("V", 1e6),
        ("Volts", 1e6),
        ("nV", 1e-3),
        ("counts", None),
        ("", None),
    ],
)
def test_units(unit: str, factor: float | None) -> None:
    assert microvolts(unit) == factor


@given(st.text())
def test_text_from_the_network_is_one_short_printable_line(text: str) -> None:
    line = plain(text)
    assert line.isprintable()
    assert len(line) <= 60


def test_liblsl_is_silenced_only_where_the_user_has_no_configuration(tmp_path: Path) -> None:
    """In a process of its own, because liblsl is configured once."""
    program = (
        "from nictate.edges import lsl; import pylsl\n"
        "outlet = pylsl.StreamOutlet(pylsl.StreamInfo('a', 'EEG', source_id='b'))\n"
        "print(lsl.quieten_liblsl(), outlet.get_info().session_id())\n"
    )

    inherited = {name: value for name, value in os.environ.items() if name != "LSLAPICFG"}

    def session(environment: dict[str, str]) -> tuple[str, str]:
        child = subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            check=True,
            cwd=tmp_path,
            env={**inherited, "HOME": str(tmp_path), **environment},
        )
        return child.stdout.strip(), child.stderr.strip()

    assert session({}) == ("True default", "")
    (tmp_path / "own.cfg").write_text("[lab]\nSessionID = ours\n[log]\nlevel = -3\n")
    assert session({"LSLAPICFG": str(tmp_path / "own.cfg")}) == ("False ours", "")
    (tmp_path / "lsl_api.cfg").write_text("[lab]\nSessionID = here\n[log]\nlevel = -3\n")
    assert session({}) == ("False here", "")


# --------------------------------------------------------------------------------------------------------- streams


ALL_ANSWER_S = lsl.RESOLVE_S


@pytest.fixture(autouse=True)
def _one_stream_answers_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """On one machine without multicast, the newest stream answers at once, the others after half a second."""
    monkeypatch.setattr(lsl, "RESOLVE_S", 0.3)


@pytest.fixture
def source_id(request: pytest.FixtureRequest) -> str:
    return str(request.node.nodeid)


Channel = dict[str, str]


def outlet(
    source_id: str,
    channels: Sequence[Channel] = ({"label": "Fp1", "unit": "microvolts", "type": "EEG"},),
    *,
    name: str = "headset",
    kind: str = "EEG",
    count: int | None = None,
    rate_hz: float = RATE_HZ,
    value_format: int = pylsl.cf_double64,
) -> pylsl.StreamOutlet:
    """A maker's stream, with any description or none."""
    n = len(channels) if count is None else count
    info = pylsl.StreamInfo(name, kind, n, rate_hz, value_format, source_id)
    if channels:
        described = info.desc().append_child("channels")
        for channel in channels:
            node = described.append_child("channel")
            for key, value in channel.items():
                node.append_child_value(key, value)
    return pylsl.StreamOutlet(info)


class Reader:
    """An `LslSource` with what it said."""

    def __init__(
        self,
        source_id: str,
        *,
        channels: Sequence[str] | None = None,
        unit: str | None = None,
        restamp: bool = False,
        name: str = "",
        buffer_s: float = 30.0,
    ) -> None:
        self.said: list[str] = []
        self.source = LslSource(
            Query(source_id=source_id, name=name),
            channels=channels,
            unit=unit,
            restamp=restamp,
            say=self.said.append,
            buffer_s=buffer_s,
        )

    def open(self) -> Montage:
        deadline = time.monotonic() + PATIENCE_S
        montage = self.source.open(lambda: time.monotonic() > deadline)
        assert montage is not None, self.said
        return montage

    def until(self, done: Callable[[], bool]) -> Block:
        """All that comes until ``done()``."""
        deadline = time.monotonic() + PATIENCE_S
        blocks = []
        while not done():
            assert time.monotonic() < deadline, self.said
            blocks.append(self.source.pull())
        blocks = [block for block in blocks if len(block)]
        return Block(
            np.concatenate([block.samples for block in blocks]) if blocks else np.empty((0, 0)),
            np.concatenate([block.times for block in blocks]) if blocks else np.empty(0),
        )

    def read(self, n: int) -> Block:
        """The next n samples, in whole blocks."""
        got = 0
        pull = self.source.pull

        def counted() -> Block:
            nonlocal got
            block = pull()
            got += len(block)
            return block

        deadline = time.monotonic() + PATIENCE_S
        blocks = []
        while got < n:
            assert time.monotonic() < deadline, (got, self.said)
            blocks.append(counted())
        return Block(
            np.concatenate([block.samples for block in blocks if len(block)]),
            np.concatenate([block.times for block in blocks if len(block)]),
        )

    def line(self, words: str) -> str:
        """The only line that holds the words."""
        (line,) = [line for line in self.said if words in line]
        return line


@pytest.fixture
def reader(source_id: str) -> Iterator[Callable[..., Reader]]:
    made: list[Reader] = []

    def make(**options: object) -> Reader:
        made.append(Reader(source_id, **options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for one in made:
        one.source.close()


def send(to: pylsl.StreamOutlet, values: FloatArray, *, start_s: float | None = None, skip: int = 0) -> FloatArray:
    """Send (n, channels) or (n,) values that end now, or begin at ``start_s``; their stamps."""
    n = len(values)
    at = pylsl.local_clock() - n / RATE_HZ if start_s is None else start_s
    stamps = at + (np.arange(n) + skip) / RATE_HZ
    to.push_chunk(values.reshape(n, -1), stamps.tolist())
    return stamps


def test_what_a_stream_says_of_itself_is_listed(source_id: str) -> None:
    montage = Montage(("Fp1", "<b>\x1b[31m&'\"\n", "EOG L"), 249.4, ("eeg", "eeg", "eog"), "Cz")
    with EegOutlet(montage, "headset <1>", source_id):
        words = pylsl.StreamOutlet(pylsl.StreamInfo("words", "Markers", 1, 0, pylsl.cf_string, source_id))
        small = outlet(source_id, kind="eeg", name="lower case", value_format=pylsl.cf_float32)
        mine = [stream for stream in lsl.streams(ALL_ANSWER_S) if stream.source_id == source_id]
        everything = [stream for stream in lsl.streams(ALL_ANSWER_S, every_type=True) if stream.source_id == source_id]
        del words, small
    assert [stream.name for stream in mine] == ["headset <1>", "lower case"]
    assert [stream.name for stream in everything] == ["headset <1>", "lower case", "words"]
    stream = mine[0]
    assert (stream.labels, stream.rate_hz) == (tuple(name.strip() for name in montage.names), 249.4)
    assert stream.units == ("microvolts",) * 3
    assert (stream.kinds, stream.reference, stream.format) == (montage.kinds, "Cz", "double64")
    assert str(stream).isprintable()


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
    source = outlet(source_id, value_format=value_format)
    one = reader()
    one.open()
    values = (np.arange(300) % 100).astype(np.float64)
    send(source, values)
    block = one.read(300)
    assert block.samples.dtype == np.float64
    assert np.array_equal(block.samples[:, 0], values)
    one.source.close()


def test_several_streams_are_listed_and_none_is_picked(
    source_id: str, reader: Callable[..., Reader], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One vendor gives all its streams one source_id, and a name may be given twice."""
    monkeypatch.setattr(lsl, "RESOLVE_S", ALL_ANSWER_S)
    first, second = outlet(source_id), outlet(source_id)
    with pytest.raises(ConfigError) as refusal:
        reader().open()
    words = str(refusal.value)
    assert words.count("'headset'") == 2
    assert words.endswith("Choose one with --uid")
    assert all(stream.get_info().uid() in words for stream in (first, second))
    third = outlet(source_id, name="another")
    del second
    with pytest.raises(ConfigError, match="Choose one with --name"):
        reader().open()
    assert reader(name="another").open().names == ("Fp1",)
    del first, third


def test_waiting_is_said_once_and_can_be_ended(source_id: str, reader: Callable[..., Reader]) -> None:
    one = reader()
    rounds = iter([False, False, False, True, True])
    assert one.source.open(lambda: next(rounds)) is None
    assert one.said == [f"waiting for a stream with type 'EEG' and source_id {plain(source_id)!r}: not there yet"]


def test_a_stream_of_texts_is_refused(source_id: str, reader: Callable[..., Reader]) -> None:
    source = outlet(source_id, value_format=pylsl.cf_string)
    with pytest.raises(StreamError, match="format string, not numbers"):
        reader().open()
    del source


def test_channels_are_chosen_by_label_or_number(source_id: str, reader: Callable[..., Reader]) -> None:
    labels = ["Fp1", "2", "Cz", "Cz", "x\x1b"]
    source = outlet(source_id, [{"label": label, "unit": "uV"} for label in labels])
    one = reader(channels=("4", "fp1", "2"))
    assert one.open().names == ("Cz", "Fp1", "2")
    send(source, np.tile(np.arange(1.0, 6.0), (300, 1)))
    assert np.array_equal(one.read(300).samples[0], [4.0, 1.0, 2.0])
    for wrong, words in {
        "Oz": r"'Oz' is not there; the stream has: Fp1, 2, Cz, Cz, x·",
        "6": "'6' is not there",
        "Cz": "'Cz' is there 2 times; use its number: 3, 4",
    }.items():
        with pytest.raises(ConfigError, match=words):
            reader(channels=(wrong,)).open()
    with pytest.raises(ConfigError, match="'1' is given twice"):
        reader(channels=("Fp1", "1")).open()
    one.source.close()


def test_units_are_made_microvolts_channel_by_channel(source_id: str, reader: Callable[..., Reader]) -> None:
    units = ("microvolts", "V", "millivolts", "nV")
    channels = [{"label": unit, "unit": unit, "type": "EEG"} for unit in units]
    source = outlet(source_id, [*channels, {"label": "acc", "unit": "g", "type": "ACC"}])
    one = reader()
    assert one.open().kinds == ("eeg",) * 4 + ("acc",)
    send(source, np.tile([50.0, 50e-6, 50e-3, 50e3, 1.5], (300, 1)))
    np.testing.assert_allclose(one.read(300).samples[299], [50.0, 50.0, 50.0, 50.0, 1.5], rtol=1e-15)
    assert one.said == []
    one.source.close()


def test_a_unit_that_is_not_known_is_refused_until_told(source_id: str, reader: Callable[..., Reader]) -> None:
    source = outlet(source_id, [{"label": "Fp1", "unit": "counts"}])
    with pytest.raises(StreamError, match=r"channel 'Fp1' of .* is in 'counts', not a known unit of voltage; say"):
        reader().open()
    with pytest.raises(ConfigError, match="--unit 'furlong' is not known; use uV, mV, V or nV"):
        reader(unit="furlong").open()
    one = reader(unit="nV")
    one.open()
    send(source, np.full(300, 5000.0))
    assert one.read(300).samples[0, 0] == pytest.approx(5.0)
    one.source.close()


@pytest.mark.parametrize("described", [0, 1, 5])
def test_a_poor_description_is_completed_and_said(
    source_id: str, reader: Callable[..., Reader], described: int
) -> None:
    """No description; fewer channels than there are; more. Values like volts are noticed, not converted."""
    source = outlet(source_id, [{"name": f"n{k}"} for k in range(described)], count=3)
    one = reader()
    montage = one.open()
    names = [f"n{k}" if k < described else f"ch{k + 1}" for k in range(3)]
    assert (montage.names, montage.kinds, montage.reference) == (tuple(names), (), "")
    values = np.random.default_rng(0).normal(0.0, 2e-5, (300, 3))
    send(source, values)
    assert np.array_equal(one.read(300).samples, values)
    assert "3 of 3 channels have no unit: taken to be uV" in one.line("no unit")
    assert "--unit V" in one.line("below 0.001 uV")
    if described < 3:
        assert f"{3 - described} of 3 channels have no label" in one.line("no label")
    else:
        assert not [line for line in one.said if "no label" in line]
    one.source.close()


def test_a_gap_is_a_step_in_the_times_and_one_line(source_id: str, reader: Callable[..., Reader]) -> None:
    source = outlet(source_id)
    one = reader()
    one.open()
    start = pylsl.local_clock() - 5.0
    send(source, np.arange(500.0), start_s=start)
    send(source, np.arange(500.0, 1000.0), start_s=start, skip=625)
    send(source, np.arange(1000.0, 1500.0), start_s=start, skip=1250)
    block = one.read(1500)
    assert np.array_equal(block.samples[:, 0], np.arange(1500.0))
    expected = np.full(1499, 1 / RATE_HZ)
    expected[[499, 999]] = 126 / RATE_HZ
    np.testing.assert_allclose(np.diff(block.times), expected, rtol=0, atol=1e-6)
    assert (one.source.gaps, one.source.dropped) == (2, 0)
    assert "2 gaps, 1.000 s in all" in one.line("gap")
    one.source.close()


def test_a_lossy_stream_does_not_flood_the_operator(source_id: str, reader: Callable[..., Reader]) -> None:
    source = outlet(source_id)
    one = reader()
    one.open()
    start = pylsl.local_clock() - 20.0
    for k in range(50):
        send(source, np.full(100, float(k)), start_s=start, skip=k * 120)
        one.until(lambda k=k: one.source.gaps >= k - 1)  # type: ignore[misc]
    assert one.source.gaps >= 48
    assert len([line for line in one.said if "gap" in line]) == 1
    one.source.close()


def test_samples_thrown_away_because_nobody_read_are_counted(source_id: str, reader: Callable[..., Reader]) -> None:
    source = outlet(source_id)
    one = reader(buffer_s=2.0)
    one.open()
    start = pylsl.local_clock() - 20.0
    send(source, np.arange(500.0), start_s=start)
    first = one.read(500)
    assert one.source.dropped == 0
    send(source, np.arange(500.0, 3000.0), start_s=start, skip=500)
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


def feed(to: pylsl.StreamOutlet, until: threading.Event) -> threading.Thread:
    """Zeros at RATE_HZ in real time, from another thread."""

    def run() -> None:
        sent = 0
        start = pylsl.local_clock()
        while not until.wait(0.02):
            due = int((pylsl.local_clock() - start) * RATE_HZ)
            if due > sent:
                send(to, np.zeros(due - sent), start_s=start, skip=sent)
                sent = due

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_a_stream_that_went_away_is_found_again(source_id: str, reader: Callable[..., Reader]) -> None:
    one = reader()
    source = outlet(source_id)
    montage = one.open()
    send(source, np.arange(300.0))
    one.read(300)
    del source
    one.until(lambda: one.source.lost)
    assert "lost, its connection broke off" in one.line("lost")
    away = time.monotonic()
    one.until(lambda: time.monotonic() - away > 0.3)
    source = outlet(source_id)
    deadline = time.monotonic() + PATIENCE_S
    while not source.have_consumers() and time.monotonic() < deadline:
        one.source.pull()
    send(source, np.arange(300.0, 600.0))
    block = one.read(300)
    assert np.array_equal(block.samples[:, 0], np.arange(300.0, 600.0))
    assert "found again after" in one.line("found again")
    assert not one.source.lost
    assert one.source.montage is montage
    one.source.close()


def test_a_stream_that_comes_back_as_another_has_another_montage(source_id: str, reader: Callable[..., Reader]) -> None:
    one = reader()
    source = outlet(source_id)
    montage = one.open()
    send(source, np.zeros(300))
    one.read(300)
    del source
    one.until(lambda: one.source.lost)
    source = outlet(source_id, [{"label": label, "unit": "V"} for label in ("Fp1", "Fp2")], rate_hz=500.0)
    deadline = time.monotonic() + PATIENCE_S
    while not source.have_consumers() and time.monotonic() < deadline:
        one.source.pull()
    stamps = pylsl.local_clock() - 2.0 + np.arange(1000) / 500.0
    source.push_chunk(np.full((1000, 2), 1e-5), stamps.tolist())
    block = one.read(1000)
    assert one.source.montage is not montage
    assert one.source.montage == Montage(("Fp1", "Fp2"), 500.0)
    np.testing.assert_allclose(block.samples, 10.0)
    one.source.close()


def test_a_stream_that_falls_silent_is_lost_and_comes_back(
    source_id: str, reader: Callable[..., Reader], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lsl, "SILENT_S", 0.5)
    one = reader()
    source = outlet(source_id)
    one.open()
    send(source, np.arange(300.0))
    one.read(300)
    one.until(lambda: one.source.lost)
    assert "no sample for 0.5 s" in one.line("lost")
    send(source, np.arange(300.0, 600.0))
    assert np.array_equal(one.read(300).samples[:, 0], np.arange(300.0, 600.0))
    assert "found again after" in one.line("found again")
    one.source.close()


@pytest.mark.parametrize(("declared_hz", "words"), [(500.0, "declares 500 Hz"), (0.0, "declares no rate")])
def test_a_wrong_rate_is_found_out(
    source_id: str, reader: Callable[..., Reader], declared_hz: float, words: str
) -> None:
    source = outlet(source_id, rate_hz=declared_hz)
    one = reader()
    done = threading.Event()
    thread = feed(source, done)
    try:
        first = one.open()
        assert first.rate_hz == (500.0 if declared_hz else 250.0)
        block = one.read(700)
        assert one.source.montage.rate_hz == pytest.approx(RATE_HZ, rel=0.01)
        assert f"{words}, but delivers 250 Hz" in one.line("declares")
        assert one.source.gaps == 0
        np.testing.assert_allclose(np.diff(block.times), 1 / RATE_HZ, rtol=0, atol=1e-6)
        assert 0.0 <= one.source.newest_age_s < PATIENCE_S
    finally:
        done.set()
        thread.join()
        one.source.close()


def test_lost_samples_are_not_taken_for_a_wrong_rate(source_id: str, reader: Callable[..., Reader]) -> None:
    source = outlet(source_id)
    one = reader()
    montage = one.open()
    keep = np.flatnonzero(np.random.default_rng(7).random(1500) > 0.2)
    stamps = pylsl.local_clock() - 6.0 + keep / RATE_HZ
    source.push_chunk(keep[:, None].astype(np.float64), stamps.tolist())
    block = one.read(len(keep) - 20)
    assert one.source.montage is montage
    np.testing.assert_allclose(np.diff(block.times), np.diff(block.samples[:, 0]) / RATE_HZ, rtol=0, atol=1e-6)
    one.source.close()


@pytest.mark.parametrize("restamp", [False, True])
def test_stamps_that_are_not_on_the_lsl_clock_are_said_and_moved_on_request(
    source_id: str, reader: Callable[..., Reader], restamp: bool
) -> None:
    source = outlet(source_id)
    one = reader(restamp=restamp)
    one.open()
    stamps = send(source, np.zeros(300), start_s=1_700_000_000.0)
    block = one.read(300)
    now = pylsl.local_clock()
    assert "off the LSL clock" in one.line("time stamps are +")
    np.testing.assert_allclose(np.diff(block.times), 1 / RATE_HZ, rtol=0, atol=1e-5)
    if restamp:
        assert now - PATIENCE_S < block.times[-1] <= now
    else:
        assert block.times[-1] == pytest.approx(stamps[-1], abs=0.01)
    one.source.close()


def test_stamps_that_stand_still_or_go_back_lose_no_samples(source_id: str, reader: Callable[..., Reader]) -> None:
    source = outlet(source_id)
    one = reader()
    one.open()
    start = pylsl.local_clock()
    good = start + np.arange(500) / RATE_HZ
    stamps = np.concatenate([good, np.full(300, good[-1]), good[::-1], np.full(100, np.nan), good + 60.0])
    values = np.arange(len(stamps), dtype=np.float64)
    source.push_chunk(values[:, None], stamps.tolist())
    block = one.read(len(stamps))
    assert np.array_equal(block.samples[:, 0], values)
    assert np.all(np.isfinite(block.times))
    one.source.close()
