"""Commands on live streams: streams, replay, simulate."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from nictate.cli.shell import Seconds, app, named_channels, out, say, until
from nictate.signals import ConfigError


@app.command()
def streams(
    wait: Annotated[float, typer.Option(min=0.1, help="Seconds to listen for streams.")] = 2.0,
    every: Annotated[bool, typer.Option("--all", help="Streams of every type, not only EEG.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """List the EEG streams on the network with their channels, rates and ids."""
    import dataclasses

    from nictate.edges import lsl

    found = lsl.streams(wait, every_type=every)
    if as_json:
        for stream in found:
            out.print_json(json.dumps(dataclasses.asdict(stream)), indent=None)
        return
    if not found:
        say("no stream found; is the headset's software running, and its LSL output switched on?")
        return
    table = Table("name", "type", "channels", "rate", "host", "source_id", "uid")
    for stream in found:
        labels = ",".join(lsl.plain(label) for label in stream.labels if label)
        table.add_row(
            *(
                escape(text)
                for text in (
                    lsl.plain(stream.name),
                    lsl.plain(stream.type),
                    f"{stream.channel_count}: {labels[:200]}" if labels else str(stream.channel_count),
                    f"{stream.rate_hz:g} Hz",
                    lsl.plain(stream.hostname),
                    lsl.plain(stream.source_id),
                    stream.uid,
                )
            )
        )
    out.print(table)


@app.command()
def replay(
    file: Annotated[Path, typer.Argument(help="A recording: any file that MNE reads, or XDF.")],
    speed: Annotated[
        str, typer.Option(help="Times real time, or max: as fast as a reader can be trusted to follow.")
    ] = "1",
    loop: Annotated[bool, typer.Option("--loop", help="Start again at the end.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for a reader before starting.")] = False,
    name: Annotated[str, typer.Option(help="Name of the stream. [default: the file's]")] = "",
    source_id: Annotated[str, typer.Option(help="source_id of the stream. [default: from the file's name]")] = "",
    channels: Annotated[str | None, typer.Option(help="Only these channels: Fp1,Fp2. [default: all EEG]")] = None,
) -> None:
    """Play a recording as an LSL stream; blink labels beside the file become a Markers stream."""
    from nictate.edges import recordings
    from nictate.edges.lsl import EegOutlet, MarkerOutlet, play

    try:
        pace = float("inf") if speed == "max" else float(speed)
    except ValueError:
        raise ConfigError(f"--speed {speed}: a number, or max") from None
    if not pace > 0.0:
        raise ConfigError(f"--speed {speed}: it must be above 0")
    recording = recordings.read(file, channels=named_channels(channels))
    for line in recording.warnings:
        say(line)
    labels = [
        (label.onset if label.peak is None else label.peak, label.kind)
        for label in recordings.labels_beside(file)
        if label.kind == "blink"
    ]
    name = name or file.name
    source_id = source_id or f"nictate-replay-{file.name}"
    with until(None) as stop, EegOutlet(recording.montage, name, source_id, model=file.name) as outlet:
        marks = MarkerOutlet(f"{name} labels", f"{source_id}-labels") if labels else None
        say(
            f"streaming {name}: {len(recording.montage.names)} channels at {recording.montage.rate_hz:g} Hz, "
            f"{recording.duration_s:.0f} s" + (f", {len(labels)} labelled blinks" if labels else "")
        )
        while wait and not stop() and not outlet.wait_for_reader(0.2):
            pass
        while not stop():
            play(recording.blocks(), outlet, speed=pace, stop=stop, labels=sorted(labels), markers=marks)
            if not loop:
                break
        if marks is not None:
            marks.close()


@app.command()
def simulate(
    channels: Annotated[
        int | None,
        typer.Option(min=1, max=128, help="So many channels of a usual montage. [default: those of --montage]"),
    ] = None,
    montage: Annotated[
        str, typer.Option(help="Montage: standard_1020, muse, openbci8, emotiv14, biosemi64 ...")
    ] = "standard_1020",
    rate: Annotated[float, typer.Option(help="Sampling rate in Hz.")] = 250.0,
    seed: Annotated[int, typer.Option(help="The same seed gives the same recording.")] = 0,
    name: Annotated[str, typer.Option(help="Name of the stream.")] = "nictate simulated headset",
    source_id: Annotated[str, typer.Option(help="source_id of the stream.")] = "nictate-simulate",
    seconds: Seconds = None,
) -> None:
    """A simulated headset as an LSL stream, with what really happened as a Markers stream."""
    from nictate.edges.lsl import EegOutlet, MarkerOutlet, now
    from nictate.service import transmit
    from nictate.simulate import Simulator

    simulator = Simulator(channels or montage, rate, seed=seed, start_s=now())
    with (
        until(seconds) as stop,
        EegOutlet(simulator.montage, name, source_id, model="simulator") as outlet,
        MarkerOutlet(f"{name} truth", f"{source_id}-truth") as truth,
    ):
        say(f"streaming {name}: {len(simulator.montage.names)} channels at {rate:g} Hz; Ctrl-C ends it")
        transmit(simulator, outlet.push, truth.push, stop, now, time.sleep)
