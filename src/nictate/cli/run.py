"""The service: nictate run, and its demonstration."""

from __future__ import annotations

import dataclasses
import os
import sys
import webbrowser
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from nictate.cli.shell import Channels, Ica, Model, Seconds, app, named_channels, out, say, until
from nictate.signals import BlinkEvent, ConfigError

if TYPE_CHECKING:
    from nictate.config import Config, LslSettings
    from nictate.edges.journal import Journal
    from nictate.edges.mqtt import MqttPublisher
    from nictate.station import Sink
    from nictate.stream import StreamSummary
    from nictate.wire import Entry


@app.command()
def run(
    name: Annotated[str, typer.Option(help="Name of the stream.")] = "",
    kind: Annotated[str, typer.Option("--type", help="Type of the stream, capitals do not matter.")] = "EEG",
    source_id: Annotated[str, typer.Option(help="source_id of the stream.")] = "",
    hostname: Annotated[str, typer.Option(help="Machine that the stream comes from.")] = "",
    uid: Annotated[str, typer.Option(help="uid of the stream, which changes with every start of it.")] = "",
    channels: Channels = None,
    unit: Annotated[
        str | None, typer.Option(help="Unit of the samples: V, mV, uV, nV. [default: what the stream says]")
    ] = None,
    restamp: Annotated[
        bool, typer.Option(help="Stamp the samples anew, for drivers whose stamps are not on the LSL clock.")
    ] = False,
    ica: Ica = "auto",
    clean: Annotated[
        bool, typer.Option("--clean", help="Publish the EEG without blinks as '<name> cleaned', in µV.")
    ] = False,
    state: Annotated[
        Path | None,
        typer.Option(help="Keep what the ICA learns in this file, and go on from it. [default: none]"),
    ] = None,
    model: Model = None,
    config: Annotated[
        Path | None, typer.Option(help="TOML file with the site's settings; options come before it. [default: none]")
    ] = None,
    journal: Annotated[
        Path | None, typer.Option(help="File that keeps every event. [default: one in your home folder]")
    ] = None,
    markers: Annotated[
        str | None, typer.Option(help="Name of the LSL Markers outlet; empty for none. [default: nictate]")
    ] = None,
    web: Annotated[bool, typer.Option(help="Serve the dashboard and the event stream over HTTP.")] = True,
    host: Annotated[
        str | None, typer.Option(help="Address to serve on; any but 127.0.0.1 needs a token. [default: 127.0.0.1]")
    ] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="0 takes a free one. [default: 8765]")] = None,
    token: Annotated[
        str | None, typer.Option(envvar="NICTATE_TOKEN", help="What subscribers must know. [default: made and printed]")
    ] = None,
    mqtt: Annotated[
        str | None, typer.Option(help="Broker to publish to: mqtt://[user:password@]host[:port]/topic. [default: none]")
    ] = None,
    browser: Annotated[bool, typer.Option(help="Open the dashboard.")] = False,
    seconds: Seconds = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object an event.")] = False,
) -> None:
    """Connect to a headset; print, journal, publish and serve each blink as it is detected. Ctrl-C ends it."""
    from nictate.edges.journal import Journal, default_journal
    from nictate.edges.lsl import LslSource, Query
    from nictate.edges.onnx import load_model
    from nictate.edges.web import Hub
    from nictate.service import beside, shipped_card
    from nictate.serving import Address, Service
    from nictate.station import Listeners, Station, Wish

    site = _site(config)
    card, network = load_model(model or shipped_card())
    named = named_channels(channels)
    query = Query(name=name, type=kind, source_id=source_id, hostname=hostname, uid=uid)
    keep = site.journal
    wish = Wish(
        named,
        ica,
        clean,
        state,
        site.patterns,
        keep.keep_days,
        None if keep.keep_mb is None else int(1e6 * keep.keep_mb),
    )
    place = journal or (Path(keep.path) if keep.path else default_journal())
    lsl = site.lsl if markers is None else dataclasses.replace(site.lsl, markers=markers)
    with (
        until(seconds) as stop,
        Journal(place) as kept,
        LslSource(query, channels=named, unit=unit, restamp=restamp, say=say) as source,
        ExitStack() as outlets,
        beside() as submit,
    ):
        hub = Hub(kept)
        broker = _broker(mqtt or site.mqtt.url, site.mqtt.client_id, kept, outlets)

        def publish(entries: Sequence[Entry]) -> None:
            hub.publish(entries)
            if broker is not None:
                broker.wake()

        def sinks(stream: StreamSummary) -> list[Sink]:
            show = printer(as_json)
            return [lambda event, _: show(event), *_lsl_sinks(lsl, stream, outlets)]

        told = Listeners(publish, hub.show if web else None, sinks, say)
        station = Station(source, card, network, wish, kept, told, submit)
        if not web:
            station.run(stop)
            return
        here = site.service
        address = Address(
            here.host if host is None else host,
            here.port if port is None else port,
            here.token if token is None else token,
            here.names,
            here.origins,
        )
        service = Service(address, kept, hub, station)
        say(f"dashboard and events at {service.page if service.token and not token else service.url}")
        if browser:
            open_page(service.page)
        service.run(stop)


def _site(path: Path | None) -> Config:
    from nictate.config import Config, read_config

    if path is None:
        return Config()
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"--config {path} cannot be read ({error})") from None
    try:
        return read_config(text)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None


def _broker(url: str, client_id: str, journal: Journal, closing: ExitStack) -> MqttPublisher | None:
    if not url:
        return None
    try:
        from nictate.edges.mqtt import MqttPublisher
    except ModuleNotFoundError as error:
        raise ConfigError(f"--mqtt needs {error.name}: pip install 'nictate[mqtt]'") from None
    publisher = MqttPublisher(url, journal, client_id=client_id, say=say)
    closing.callback(publisher.close)
    return publisher


def _lsl_sinks(lsl: LslSettings, stream: StreamSummary, outlets: ExitStack) -> list[Sink]:
    from nictate.edges.lsl import FeaturesOutlet, MarkerOutlet
    from nictate.wire import marker_of

    sinks: list[Sink] = []
    of = stream.source_id or stream.name
    if lsl.markers:
        marks = outlets.enter_context(MarkerOutlet(lsl.markers, f"{lsl.markers}-{of}"))
        sinks.append(lambda event, _: marks.push(*marker_of(event)))
    if lsl.features:
        numbers = outlets.enter_context(FeaturesOutlet(lsl.features, f"{lsl.features}-{of}"))
        sinks.append(numbers.push)
    return sinks


def printer(as_json: bool) -> Callable[[BlinkEvent], None]:
    """Prints each event at once; times count from now."""
    from nictate.edges.lsl import now
    from nictate.wire import line_of, to_json

    origin_s = now()

    def show(event: BlinkEvent) -> None:
        line = to_json(event) if as_json else line_of(event, origin_s, now())
        print(line, flush=True)  # noqa: T201  (results, for people and pipes, unstyled)

    return show


def open_page(url: str) -> None:
    """In the browser, where there is a screen to show it: without, a text browser might take the terminal."""
    screen = sys.platform in ("darwin", "win32") or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if screen:
        webbrowser.open(url)


@app.command()
def demo(
    seconds: Seconds = None,
    channels: Annotated[int, typer.Option(min=1, max=128, help="Channels of the simulated headset.")] = 8,
    rate: Annotated[float, typer.Option(help="Its sampling rate in Hz.")] = 250.0,
    seed: Annotated[int, typer.Option(help="The same seed gives the same recording.")] = 0,
    model: Model = None,
    web: Annotated[bool, typer.Option(help="Serve the dashboard.")] = True,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="[default: 8765, or a free one]")] = None,
    browser: Annotated[bool, typer.Option(help="Open the dashboard in the browser.")] = True,
) -> None:
    """A simulated headset streams over LSL; the service listens to it, prints and shows each blink as it finds it."""
    from nictate.demo import run_demo
    from nictate.serving import Service

    def serve(on: Callable[[int], Service]) -> Service:
        try:
            service = on(8765 if port is None else port)
        except ConfigError:
            if port is not None:
                raise
            service = on(0)
        say(f"dashboard and events at {service.url}")
        if browser:
            open_page(service.page)
        return service

    with until(seconds) as stop:
        for line in run_demo(channels, rate, seed, model, stop, printer(as_json=False), say, serve if web else None):
            out.print(escape(line))
