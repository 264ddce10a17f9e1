"""Publishing over a real liblsl on loopback; the pacing of a recording on a clock that the test moves."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator

import numpy as np
import pylsl
import pytest
from live_streams import PATIENCE_S

from nictate.edges.lsl import EegOutlet, LslSource, MarkerOutlet, Query, play
from nictate.signals import Block, ConfigError, FloatArray, Montage

MONTAGE = Montage(("number", "Fp1"), 250.0)


@pytest.fixture
def eeg(source_id: str) -> Iterator[EegOutlet]:
    with EegOutlet(MONTAGE, "replay", source_id, model="a.edf") as outlet:
        yield outlet


def inlet(source_id: str) -> pylsl.StreamInlet:
    """Stamps as they were sent."""
    (info,) = pylsl.resolve_byprop("source_id", source_id, timeout=PATIENCE_S)
    opened = pylsl.StreamInlet(info, recover=False)
    opened.open_stream(PATIENCE_S)
    return opened


def recording(n: int, first: int = 0) -> Block:
    number = np.arange(first, first + n, dtype=np.float64)
    return Block(np.column_stack([number, np.sin(number)]), 7.0 + number / 250.0)


class Clock:
    """Stands still except in `sleep`, which is slept exactly."""

    def __init__(self) -> None:
        self.start = self.now = 5000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds > 0.0
        self.now += seconds


class Listening(EegOutlet):
    """An outlet that notes when, on the clock, it was given what."""

    def __init__(self, source_id: str, clock: Clock) -> None:
        super().__init__(MONTAGE, "replay", source_id)
        self.clock = clock
        self.pushed: list[tuple[float, Block]] = []

    def push(self, block: Block) -> None:
        self.pushed.append((self.clock(), block))
        super().push(block)


@pytest.mark.parametrize("speed", [0.5, 1.0, 4.0])
def test_every_sample_is_sent_when_it_is_due_with_the_spacing_it_has(source_id: str, speed: float) -> None:
    clock = Clock()
    outlet = Listening(source_id, clock)
    hole = recording(500, 1000)
    blocks = [recording(333), recording(0), recording(167, 333), hole]
    assert play(blocks, outlet, speed=speed, clock=clock, sleep=clock.sleep) == 1000
    samples = np.concatenate([block.samples for _, block in outlet.pushed])
    stamps = np.concatenate([block.times for _, block in outlet.pushed])
    assert samples.tobytes() == np.concatenate([block.samples for block in blocks]).tobytes()
    due = np.concatenate([block.times for block in blocks]) - 7.0
    np.testing.assert_allclose(stamps, clock.start + due, rtol=0, atol=1e-9)
    for at, block in outlet.pushed:
        late = (at - clock.start) - (block.times - clock.start) / speed
        assert np.all(late > -1e-9)  # never before it is due
        assert late[0] <= 0.02 + 1e-9  # and no later than a piece; nothing adds up
    outlet.close()


def test_playing_ends_when_it_is_told_to(source_id: str) -> None:
    clock = Clock()
    outlet = Listening(source_id, clock)
    sent = play([recording(2500)], outlet, stop=lambda: clock() > clock.start + 1.0, clock=clock, sleep=clock.sleep)
    assert sent == sum(len(block) for _, block in outlet.pushed)
    assert 250 <= sent <= 260
    assert play([recording(9)], outlet, speed=math.inf, stop=lambda: True) == 0  # nobody listens
    for speed in (0.0, -1.0, math.nan):
        with pytest.raises(ConfigError, match="must be above 0"):
            play([recording(9)], outlet, speed=speed)
    outlet.close()


def test_labels_become_markers_at_their_own_times(source_id: str) -> None:
    clock = Clock()
    outlet = Listening(source_id, clock)
    with MarkerOutlet("truth", source_id + "/truth") as markers:
        listener = inlet(source_id + "/truth")
        labels = [(7.5, "blink"), (7.5, "saccade"), (8.25, "blé \0\ud800"), (99.0, "after the end")]
        play([recording(500)], outlet, labels=labels, markers=markers, clock=clock, sleep=clock.sleep)
        got = [listener.pull_sample(PATIENCE_S) for _ in labels]
        del listener
    texts, times = [text for (text,), _ in got], [time for _, time in got]
    assert texts == ["blink", "saccade", "blé �?", "after the end"]
    assert times == [clock.start + 0.5, clock.start + 0.5, clock.start + 1.25, clock.start + 92.0]
    outlet.close()


def test_a_marker_has_the_time_of_what_it_marks(source_id: str) -> None:
    with MarkerOutlet("nictate", source_id) as markers:
        listener = inlet(source_id)
        info = listener.info(PATIENCE_S)
        markers.push("blink/start", 1234.5678)
        assert listener.pull_sample(PATIENCE_S) == (["blink/start"], 1234.5678)
        assert (info.type(), info.nominal_srate(), info.channel_count()) == ("Markers", 0.0, 1)
        assert (info.channel_format(), info.desc().child_value("manufacturer")) == (pylsl.cf_string, "nictate")
        del listener
    markers.close()


def test_the_montage_is_written_as_makers_write_it(source_id: str) -> None:
    hostile = Montage(("Fp1", "<a href='x'>&\"\n", "\ud800é"), 249.4, ("eeg", "eog", "misc"), "A1 & A2")
    with EegOutlet(hostile, "<replay>", source_id, model="b.edf") as outlet:
        listener = inlet(source_id)
        info = listener.info(PATIENCE_S)
        del listener
        outlet.close()
    assert (info.name(), info.type(), info.nominal_srate()) == ("<replay>", "EEG", 249.4)
    assert info.get_channel_labels() == ["Fp1", "<a href='x'>&\"\n", "?é"]
    assert info.get_channel_units() == ["microvolts"] * 3
    assert info.get_channel_types() == ["EEG", "EOG", "MISC"]
    assert info.desc().child("reference").child_value("label") == "A1 & A2"
    assert info.desc().child("acquisition").child_value("model") == "b.edf"


def headset(source_id: str) -> pylsl.StreamOutlet:
    """A maker who says more than nictate asks."""
    info = pylsl.StreamInfo("headset", "EEG", 3, 250.0, pylsl.cf_float32, source_id)
    desc = info.desc()
    desc.append_child_value("manufacturer", "ACME")
    cap = desc.append_child("cap")
    cap.append_child_value("size", "56 <&>")
    channels = desc.append_child("channels")
    for k, label in enumerate(("AUX", "Fp1", "Fp2")):
        channel = channels.append_child("channel")
        for key, value in {"label": label, "unit": "millivolts", "type": "EEG"}.items():
            channel.append_child_value(key, value)
        channel.append_child("location").append_child_value("X", str(k))
    return pylsl.StreamOutlet(info)


def test_a_stream_made_from_another_says_all_that_the_other_says(source_id: str) -> None:
    made_from = headset(source_id)
    query = Query(source_id=source_id)
    with LslSource(query, channels=("Fp2", "Fp1"), unit=None, restamp=False, say=lambda _: None) as source:
        montage = source.open(lambda: False)
        assert montage is not None
        with EegOutlet(montage, "cleaned", f"{source_id}-2", like=source.described, note="blinks removed") as outlet:
            listener = inlet(f"{source_id}-2")
            info = listener.info(PATIENCE_S)
            del listener
            outlet.close()
    del made_from
    desc = info.desc()
    assert desc.child_value("manufacturer") == "ACME"
    assert desc.child("cap").child_value("size") == "56 <&>"
    assert desc.child("processing").child_value("operation") == "blinks removed"
    assert info.get_channel_labels() == ["Fp2", "Fp1"]
    assert info.get_channel_units() == ["microvolts"] * 2
    assert desc.child("channels").child("channel").child("location").child_value("X") == "2"
    assert (info.nominal_srate(), info.channel_format()) == (250.0, pylsl.cf_double64)


def test_a_stream_made_from_one_without_a_description_has_at_least_units(source_id: str) -> None:
    silent = pylsl.StreamOutlet(pylsl.StreamInfo("headset", "EEG", 2, 250.0, pylsl.cf_float32, source_id))
    query = Query(source_id=source_id)
    with LslSource(query, channels=None, unit="uV", restamp=False, say=lambda _: None) as source:
        montage = source.open(lambda: False)
        assert montage is not None
        with EegOutlet(montage, "cleaned", f"{source_id}-2", like=source.described) as outlet:
            listener = inlet(f"{source_id}-2")
            info = listener.info(PATIENCE_S)
            del listener
            outlet.close()
    del silent
    assert info.get_channel_units() == ["microvolts"] * 2
    assert info.desc().child("processing").empty()


def test_at_full_speed_a_reader_gets_everything(eeg: EegOutlet, source_id: str) -> None:
    """The outlet waits for its reader; then it goes no faster than a reader can follow, and waits for it at the end."""
    n = round(20.0 * 250.0)
    sent: list[int] = []
    player = threading.Thread(target=lambda: sent.append(play([recording(n)], eeg, speed=math.inf)))
    said: list[str] = []
    with LslSource(
        Query(source_id=source_id), channels=None, unit=None, restamp=False, say=said.append, buffer_s=2.0
    ) as source:
        player.start()
        montage = source.open(lambda: not player.is_alive())
        assert montage is not None
        assert (montage.names, montage.eeg) == (MONTAGE.names, MONTAGE.eeg)
        blocks: list[FloatArray] = []
        while player.is_alive():
            blocks.append(source.pull().samples)
    player.join()
    assert sent == [n]
    assert np.array_equal(np.concatenate(blocks), recording(n).samples)
    assert (source.gaps, source.dropped, said) == (0, 0, [])
