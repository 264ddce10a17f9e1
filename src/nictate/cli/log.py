"""Commands on events: log reads the journal, listen hears a running nictate."""

from __future__ import annotations

import dataclasses
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from nictate.cli.shell import Seconds, app, parts_of, say, until
from nictate.signals import KINDS, ConfigError, Kind
from nictate.stream import plain
from nictate.wire import Entry, entry_to_json, iso_of, unix_of

if TYPE_CHECKING:
    from nictate.edges.journal import Journal, Recording

PAGE = 1000
LOOK_S = 0.2
"""How often ``log --follow`` looks for what is new."""
SHOWN = 20
"""Events in a table when nothing is said about which."""

Kinds = Annotated[
    list[str] | None,
    typer.Option("--kind", "--kinds", help="Only these kinds: blink,blink/double. May be repeated. [default: all]"),
]
Format = Literal["table", "json", "csv", "bids"]


@dataclass(frozen=True, slots=True)
class _Choice:
    """Which events of the journal."""

    kinds: tuple[Kind, ...] = ()
    run: str = ""
    after: int = 0
    until: int | None = None
    since_utc: float | None = None
    before_utc: float | None = None
    last: int | None = None

    def of(self, journal: Journal) -> Iterator[Entry]:
        """By their ids, up to the newest that there is now."""
        newest = journal.newest_id
        end = newest if self.until is None else min(self.until, newest)
        page = partial(
            journal.read, kinds=self.kinds, run=self.run, since_utc=self.since_utc, before_utc=self.before_utc
        )
        after = self.after
        if self.last is not None:
            # The id of the first of them is all that is needed before they are read in order.
            left = self.last
            while left > 0 and (rows := page(self.after, min(left, PAGE), until=end, newest_first=True)):
                left -= len(rows)
                end, after = rows[-1].id - 1, rows[-1].id - 1
            end = newest if self.until is None else min(self.until, newest)
            if left == self.last:
                return
        while entries := page(after, PAGE, until=end):
            yield from entries
            after = entries[-1].id


@app.command()
def log(
    journal: Annotated[Path | None, typer.Option(help="The journal. [default: where nictate run keeps it]")] = None,
    last: Annotated[
        int | None, typer.Option(min=1, help="Only so many, the newest. [default: 20 in a table, else all]")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            help="From this time on: 2026-05-03, or 2026-05-03T14:00; UTC unless it has a zone. [default: the first]"
        ),
    ] = None,
    before: Annotated[
        str | None, typer.Option("--until", help="Up to this time, likewise. [default: to the newest]")
    ] = None,
    kinds: Kinds = None,
    run: Annotated[str, typer.Option(help="Only of this run, see --runs.")] = "",
    recording: Annotated[
        str, typer.Option(help="Only of this recording, by its name or number, see --recordings.")
    ] = "",
    format_: Annotated[
        Format, typer.Option("--format", help="table; json, an object a line; csv; bids: a .tsv and its .json.")
    ] = "table",
    file: Annotated[
        Path | None, typer.Option("--out", help="Write to this file, which must not exist. [default: to the console]")
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what comes, until Ctrl-C.")] = False,
    runs: Annotated[bool, typer.Option("--runs", help="List the runs instead.")] = False,
    recordings: Annotated[bool, typer.Option("--recordings", help="List the recordings instead.")] = False,
    keep_days: Annotated[
        float | None, typer.Option(min=0.0, help="Remove what is older than so many days, for good. [default: keep]")
    ] = None,
    keep_mb: Annotated[
        float | None,
        typer.Option(min=0.0, help="Remove the oldest until the journal takes so many MB, for good. [default: keep]"),
    ] = None,
) -> None:
    """Show the journal of events, filter it, and export it as CSV, BIDS or JSON lines."""
    from nictate.edges.journal import Journal, default_journal

    path = journal or default_journal()
    pruning = keep_days is not None or keep_mb is not None
    chosen = bool(since or before or kinds or run or recording)
    if pruning + runs + recordings > 1 or ((pruning or runs or recordings) and (chosen or last or follow or file)):
        raise ConfigError("--runs, --recordings and --keep-days with --keep-mb each go alone")
    if follow and (format_ not in ("table", "json") or file is not None or recording or before):
        raise ConfigError("--follow goes with neither --out, csv, bids, --recording nor --until")
    if pruning:
        Journal(path, readonly=True).close()  # To begin one here would be no help.
        with Journal(path) as book:
            keep_bytes = None if keep_mb is None else round(1e6 * keep_mb)
            removed = book.prune(keep_days=keep_days, keep_bytes=keep_bytes, utc=time.time())
            say(f"{removed} events removed")
        return
    with Journal(path, readonly=True) as book:
        if runs or recordings:
            _list(book, runs, format_)
            return
        choice = _Choice(
            kinds=_kinds_of(kinds),
            run=run,
            since_utc=_moment("--since", since),
            before_utc=_moment("--until", before),
            last=last or (SHOWN if format_ == "table" and file is None and not chosen else None),
        )
        if run and run not in (known.id for known in book.runs()):
            raise ConfigError(f"--run {plain(run)!r} is not in the journal; --runs lists those that are")
        began = None
        if recording:
            known = _recording(book, recording)
            choice = dataclasses.replace(choice, after=known.first - 1, until=known.last)
            began = known.began_utc
        if format_ == "bids":
            _bids(book, choice, began, file)
            return
        newest = _write(book, choice, format_, file)
        if follow:
            _follow(book, dataclasses.replace(choice, last=None, after=newest), format_)


def _write(book: Journal, choice: _Choice, format_: Format, file: Path | None) -> int:
    """Page by page; the newest id that was looked at."""
    from nictate.tables import csv_lines, json_lines

    newest = book.newest_id
    choice = dataclasses.replace(choice, until=newest if choice.until is None else min(choice.until, newest))
    render = {"csv": csv_lines, "json": json_lines, "table": _lines}[format_]
    lines = render(choice.of(book))
    if file is None:
        for line in lines:
            typer.echo(line, nl=False)
        return newest
    try:
        with file.open("x", encoding="utf-8", newline="") as out:
            out.writelines(lines)
    except FileExistsError:
        raise ConfigError(f"{plain(str(file))} exists already; choose another file") from None
    return newest


def _bids(book: Journal, choice: _Choice, began_utc: float | None, file: Path | None) -> None:
    from nictate.edges.recordings.events import write_table
    from nictate.tables import to_bids

    if file is None or file.suffix != ".tsv":
        raise ConfigError("--format bids needs --out with a name that ends with _events.tsv; the .json goes beside it")
    entries = list(choice.of(book))
    origin = "the start of the recording"
    if began_utc is None:
        if not entries:
            raise ConfigError("no events to write")
        origin = "the start of the first event's run"
        began_utc = next(run.began_utc for run in book.runs() if run.id == entries[0].run)
    table, sidecar = to_bids(entries, began_utc, origin)
    write_table(file, table.split("\n")[:-1], json.loads(sidecar), overwrite=False)
    say(f"{len(entries)} events in {plain(str(file))}, times from {origin}")


def _follow(book: Journal, choice: _Choice, format_: Format) -> None:
    with until(None) as stop:
        while not stop():
            for entry in choice.of(book):
                _tell(entry, as_json=format_ == "json")
                choice = dataclasses.replace(choice, after=entry.id)
            time.sleep(LOOK_S)


def _list(book: Journal, runs: bool, format_: Format) -> None:
    listed = book.runs() if runs else book.recordings()
    if format_ == "json":
        for one in listed:
            typer.echo(json.dumps(dataclasses.asdict(one)))
    elif format_ != "table":
        raise ConfigError("runs and recordings are listed with --format table or json")
    elif runs:
        for run in book.runs():
            channels = plain(",".join(run.channels))
            where = f"{plain(run.stream)} on {plain(run.hostname)}"
            typer.echo(f"{plain(run.id)}  {_time(run.began_utc)}  {where}  {run.rate_hz:g} Hz  {channels}")
    else:
        for recording in book.recordings():
            end = "goes on" if recording.ended_utc is None else _time(recording.ended_utc)
            last = book.newest_id if recording.last is None else recording.last
            count = max(0, last - max(recording.first, book.oldest_id) + 1)
            began = _time(recording.began_utc)
            typer.echo(f"{recording.id:>4}  {began} to {end}  {count} events  {plain(recording.name)}")


def _recording(book: Journal, wanted: str) -> Recording:
    found = [one for one in book.recordings() if one.name == wanted or str(one.id) == wanted]
    if not found:
        raise ConfigError(f"--recording {plain(wanted)!r} is not in the journal; --recordings lists those that are")
    if len(found) > 1:
        numbers = ", ".join(str(one.id) for one in found)
        raise ConfigError(f"{len(found)} recordings are called {plain(wanted)!r}; use a number: {numbers}")
    return found[0]


def _moment(option: str, iso: str | None) -> float | None:
    try:
        return None if iso is None else unix_of(iso)
    except (ValueError, OverflowError):
        raise ConfigError(f"{option} {plain(iso or '')!r} is no time; one is 2026-05-03T14:00") from None


def _kinds_of(kinds: list[str] | None) -> tuple[Kind, ...]:
    wanted = [part for text in kinds or () for part in parts_of(text)]
    odd = [kind for kind in wanted if kind not in KINDS]
    if odd:
        raise ConfigError(f"--kind {plain(odd[0])!r} is not known; there are {', '.join(KINDS)}")
    return tuple(kind for kind in KINDS if kind in wanted)


def _lines(entries: Iterable[Entry]) -> Iterator[str]:
    return (f"{_line(entry)}\n" for entry in entries)


def _time(utc: float) -> str:
    return f"{iso_of(utc)[:-4].replace('T', ' ')}Z"


def _line(entry: Entry) -> str:
    """One line for people; the stream's name is the last thing in it, and harmless."""
    event = entry.event
    height = "" if event.amplitude is None else f"{abs(event.amplitude):.0f} µV"
    length = "" if event.duration is None else f"{1e3 * event.duration:.0f} ms"
    measured = f"{height:>8} {length:>8} {event.confidence:>5.0%}"
    return f"{entry.id:>7}  {_time(entry.utc)}  {event.kind:<12} {measured}  {plain(entry.stream)}"


def _tell(entry: Entry, *, as_json: bool) -> None:
    typer.echo(entry_to_json(entry) if as_json else _line(entry))


# -------------------------------------------------------------------------------------------------------------- listen


@app.command()
def listen(
    url: Annotated[
        str | None, typer.Argument(help="Address of a running nictate. [default: http://127.0.0.1:8765]")
    ] = None,
    over_lsl: Annotated[bool, typer.Option("--lsl", help="Hear its Markers stream on LSL instead.")] = False,
    name: Annotated[str | None, typer.Option(help="With --lsl: name of the Markers stream. [default: nictate]")] = None,
    after: Annotated[
        int | None, typer.Option(min=0, help="Begin after the event of this number. [default: with what is new]")
    ] = None,
    kinds: Kinds = None,
    token: Annotated[
        str | None, typer.Option(help="The service's token. [default: from the environment, NICTATE_TOKEN]")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object an event.")] = False,
    seconds: Seconds = None,
) -> None:
    """Hear a running nictate: one line an event. Reconnects when it breaks off, and goes on where it was."""
    wanted = _kinds_of(kinds)
    if over_lsl:
        if url is not None or after is not None or token is not None:
            raise ConfigError("--lsl goes with neither an address, --after nor --token")
        with until(seconds) as stop:
            _listen_to_markers("nictate" if name is None else name, wanted, as_json, stop)
        return
    if name is not None:
        raise ConfigError("--name belongs to --lsl")
    from nictate.edges.subscribe import subscribe

    token = os.environ.get("NICTATE_TOKEN", "") if token is None else token
    with until(seconds) as stop:
        told = subscribe(url or "http://127.0.0.1:8765", after, wanted, token, stop=stop, say=say)
        for entry in told:
            _tell(entry, as_json=as_json)


def _listen_to_markers(name: str, kinds: tuple[Kind, ...], as_json: bool, stop: Callable[[], bool]) -> None:
    """A marker has a text and its time, and nothing else."""
    from nictate.edges import lsl

    origin_s = lsl.now()
    with closing(lsl.heard_markers(lsl.Query(name=name, type="Markers"), stop, say)) as heard:
        for text, time_s in heard:
            if kinds and text not in kinds:
                continue
            ago_ms = 1e3 * (lsl.now() - time_s)
            line = f"{time_s - origin_s:9.3f} s  {plain(text):<12} {ago_ms:5.0f} ms ago"
            typer.echo(json.dumps({"kind": text, "time": time_s}) if as_json else line)
