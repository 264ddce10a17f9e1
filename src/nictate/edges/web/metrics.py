"""For Prometheus: the status as numbers, made anew for each that asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from nictate.edges.web.hub import Hub
from nictate.status import Status

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics(Collector):
    """A registry of its own, so that nothing else in the process is told of."""

    def __init__(self, status: Callable[[], Status], clock: Callable[[], float], hub: Hub, version: str) -> None:
        """``clock`` is the LSL clock, in s."""
        self._status = status
        self._clock = clock
        self._hub = hub
        self._version = version
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def text(self) -> bytes:
        """In Prometheus' text format."""
        return generate_latest(self._registry)

    def describe(self) -> list[Metric]:
        """None: asked when it is registered, which must not ask for the status."""
        return []

    def collect(self) -> Iterator[Metric]:
        status, hub = self._status(), self._hub
        stream, tally = status.stream, status.tally
        build = {"version": self._version, "model": status.model, "model_sha256": status.model_sha256}
        yield InfoMetricFamily("nictate", "The program and its model", value=_texts(build))
        yield _gauge("connected", "1 while the stream delivers", status.connection == "connected")
        yield _gauge("ended", "1 when the detector has ended", status.connection == "ended")
        if stream is not None:
            told = {"name": stream.name, "source_id": stream.source_id, "hostname": stream.hostname, "run": status.run}
            yield InfoMetricFamily("nictate_stream", "The stream that is listened to", value=_texts(told))
            yield _gauge("stream_rate_hz", "Sampling rate", stream.rate_hz)
            channels = GaugeMetricFamily(
                "nictate_channel_good",
                "1 when nothing is wrong with the channel",
                labels=("number", "channel", "state"),
            )
            for number, channel in enumerate(stream.channels, 1):
                # The number tells channels apart whose maker gave them one name.
                labels = (str(number), _text(channel.name), channel.state)
                channels.add_metric(labels, float(channel.state == "good"))
            yield channels
        yield _counter("samples", "Samples of the stream", status.samples)
        yield _counter("gaps", "Holes in the stream", status.gaps)
        yield _counter("dropped_samples", "Samples fetched too late", status.dropped)
        if status.newest_s is not None:
            yield _gauge("newest_sample_age_seconds", "Age of the newest sample", self._clock() - status.newest_s)
        yield _gauge("ica_trusted", "1 while the blink source is trusted", status.ica.trusted)
        yield _counter("blinks", "Blinks of this run", tally.blinks)
        for name, about, value in (
            ("blinks_per_minute", "Blinks over the last minute", tally.blinks_per_min),
            ("blink_duration_seconds", "Median of the last blinks", tally.duration_s),
            ("blink_amplitude_microvolts", "Median of the last blinks", tally.amplitude_uv),
            ("blink_interval_seconds", "Median of the last blinks", tally.inter_blink_s),
            ("decision_latency_seconds", "Median, from a peak to its decision in stream time", tally.latency_s),
        ):
            if value is not None:
                yield _gauge(name, about, value)
        yield _gauge("newest_event_id", "Id of the last event that was published", hub.newest)
        yield _gauge("subscribers", "Subscribers to events", hub.followers)
        yield _gauge("viewers", "Subscribers to signals", hub.viewers)


def _gauge(name: str, about: str, value: float) -> Metric:
    return GaugeMetricFamily(f"nictate_{name}", about, value=float(value))


def _counter(name: str, about: str, value: float) -> Metric:
    return CounterMetricFamily(f"nictate_{name}", about, value=float(value))


def _texts(labels: dict[str, str]) -> dict[str, str]:
    return {name: _text(value) for name, value in labels.items()}


def _text(hostile: str) -> str:
    """What can be sent as UTF-8; Prometheus' own escapes are the library's matter."""
    return hostile[:200].encode("utf-8", "replace").decode()
