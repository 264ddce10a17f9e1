"""Numbers for Prometheus, whatever the names."""

from __future__ import annotations

import math

from hypothesis import example, given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families
from small_service import Memory, service

from nictate.edges.web.hub import Hub
from nictate.edges.web.metrics import Metrics
from nictate.status import ChannelStatus, IcaReport, Status, StreamReport, TallyReport

names = st.text(st.characters(exclude_categories=()), max_size=30)


def samples(status: Status, now_s: float = 100.0) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """By name and labels; each may be there once."""
    text = Metrics(lambda: status, lambda: now_s, Hub(Memory()), "1.2.3").text().decode()
    found: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            key = (sample.name, tuple(sorted(sample.labels.items())))
            assert key not in found, key
            found[key] = sample.value
    return found


@example(stream="\ud800", channels=["\ud800", '"} 1\n# x', "\\"], run="\r\n", model='\\"')
@given(stream=names, channels=st.lists(names, max_size=6), run=names, model=names)
def test_hostile_names_are_labels_and_nothing_else(stream: str, channels: list[str], run: str, model: str) -> None:
    told = tuple(ChannelStatus(name, "good", True) for name in channels)
    status = Status("connected", run, StreamReport(stream, stream, stream, stream, 250.0, told), model=model)
    found = samples(status)
    missing = MAYBE if channels else MAYBE | {"nictate_channel_good"}
    assert {name for name, _ in found} == {name for name, _ in samples(STATUS)} - missing
    assert sum(name == "nictate_channel_good" for name, _ in found) == len(channels)


STATUS = Status(
    "connected",
    "run",
    StreamReport("s", "i", "h", "u", 250.0, (ChannelStatus("Fp1", "good", True), ChannelStatus("Fp1", "flat", False))),
    newest_s=98.0,
    samples=1000,
    gaps=2,
    dropped=3,
    ica=IcaReport("", True),
    tally=TallyReport(7, 12.0, 0.3, 120.0, 3.0, 0.1),
)
MAYBE = {
    "nictate_newest_sample_age_seconds",
    "nictate_blinks_per_minute",
    "nictate_blink_duration_seconds",
    "nictate_blink_amplitude_microvolts",
    "nictate_blink_interval_seconds",
    "nictate_decision_latency_seconds",
}


def test_the_status_is_told_in_numbers() -> None:
    found = samples(STATUS)
    assert found["nictate_samples_total", ()] == 1000.0
    assert found["nictate_gaps_total", ()] == 2.0
    assert found["nictate_dropped_samples_total", ()] == 3.0
    assert found["nictate_blinks_total", ()] == 7.0
    assert found["nictate_newest_sample_age_seconds", ()] == 2.0
    assert found["nictate_connected", ()] == 1.0
    assert found["nictate_ica_trusted", ()] == 1.0
    assert found["nictate_blinks_per_minute", ()] == 12.0
    states = {labels: value for (name, labels), value in found.items() if name == "nictate_channel_good"}
    assert states == {
        (("channel", "Fp1"), ("number", "1"), ("state", "good")): 1.0,
        (("channel", "Fp1"), ("number", "2"), ("state", "flat")): 0.0,
    }


def test_what_is_not_known_is_not_told() -> None:
    assert MAYBE.isdisjoint(name for name, _ in samples(Status("waiting")))
    found = samples(Status("ended", tally=TallyReport(0, math.nan)))
    assert math.isnan(found["nictate_blinks_per_minute", ()])
    assert (found["nictate_connected", ()], found["nictate_ended", ()]) == (0.0, 1.0)


def test_it_is_served_as_prometheus_expects_it() -> None:
    with service() as running, running.stream() as lines:
        next(lines)
        answer = running.get("/metrics")
        assert answer.status == 200
        assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
        assert b"\nnictate_subscribers 1.0\n" in answer.body
        assert b"python_info" not in answer.body
