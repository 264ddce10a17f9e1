"""``nictate log`` and ``nictate listen``, as their users start them."""

from __future__ import annotations

import csv
import dataclasses
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pylsl
import pytest
from programs import PATIENCE_S, call, nictate, running, table
from websockets.datastructures import Headers
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

from nictate.edges.journal import Journal, Run
from nictate.edges.lsl import MarkerOutlet
from nictate.signals import KINDS, BlinkEvent
from nictate.wire import Entry, entry_from_json, entry_to_json, iso_of

HOSTILE = "=cmd|' /C calc'!A0\x1b[31m\n<script>"
FIRST = Run("run-a", 1.7e9, HOSTILE, "id", "lab", 250.0, ("Fp1", "\x1b[2J"), "ab")
SECOND = dataclasses.replace(FIRST, id="run-b", began_utc=1.7e9 + 3600.0, stream="Muse")


def event(at: float, kind: str = "blink") -> BlinkEvent:
    if kind == "blink/start":
        return BlinkEvent("blink/start", at, None, None, None, 0.6, at + 0.1)
    return BlinkEvent(kind, at - 0.1, at, at + 0.2, -120.0, 0.9, at + 0.3)  # type: ignore[arg-type]


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """30 events, 10 s apart, of two runs; numbers 11 to 15 are a recording."""
    path = tmp_path / "journal.sqlite"
    with Journal(path) as book:
        book.begin(FIRST)
        for k in range(10):
            book.append(FIRST, [event(10.0 * k, KINDS[k % 5])], 1.7e9)
        book.begin(SECOND)
        rest = book.start_recording("rest\x1b[31m", 1.7e9 + 3600.0)
        for k in range(5):
            book.append(SECOND, [event(10.0 * k)], 1.7e9 + 3600.0)
        book.stop_recording(rest.id, 1.7e9 + 3700.0)
        for k in range(5, 20):
            book.append(SECOND, [event(10.0 * k)], 1.7e9 + 3600.0)
    return path


def entries(path: Path) -> list[Entry]:
    with Journal(path, readonly=True) as book:
        return book.read()


@pytest.fixture
def log(journal: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):  # type: ignore[no-untyped-def]
    def run(*arguments: object, code: int = 0) -> str:
        capsys.readouterr()
        assert call(["log", "--journal", journal, *arguments], monkeypatch) == code
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        return said.err if code else said.out

    return run


def ids(text: str) -> list[int]:
    return [json.loads(line)["id"] for line in text.splitlines()]


def test_json_is_what_the_service_sends(log, journal: Path) -> None:  # type: ignore[no-untyped-def]
    assert log("--format", "json").splitlines() == [entry_to_json(entry) for entry in entries(journal)]


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ((), range(1, 31)),
        (("--last", 3), [28, 29, 30]),
        (("--last", 99), range(1, 31)),
        (("--kind", "blink/double"), [3, 8]),
        (("--kind", "blink/double,blink/long", "--kind", "blink/start"), [1, 3, 5, 6, 8, 10]),
        (("--kind", "blink/start", "--last", 1), [6]),
        (("--run", "run-a"), range(1, 11)),
        (("--run", "run-a", "--last", 2), [9, 10]),
        (("--recording", "1"), range(11, 16)),
        (("--recording", "rest\x1b[31m", "--last", 2), [14, 15]),
        (("--since", iso_of(1.7e9 + 3600.0 + 170.0)), [28, 29, 30]),
        (("--until", "2023-11-14T22:13:40"), [1, 2]),
        (("--since", "2023-11-14T23:13:30+01:00", "--until", "2023-11-14T22:13:50Z"), [2, 3]),
        (("--since", "2030-01-01"), []),
        (("--since", "2030-01-01", "--last", 2), []),
    ],
)
def test_filters(log, options: tuple[object, ...], wanted: list[int]) -> None:  # type: ignore[no-untyped-def]
    assert ids(log("--format", "json", *options)) == list(wanted)


def test_more_than_a_page_is_shown_in_order(log, journal: Path) -> None:  # type: ignore[no-untyped-def]
    with Journal(journal) as book:
        book.append(SECOND, [event(1.0)] * 2500, 0.0)
    assert ids(log("--format", "json")) == list(range(1, 2531))
    assert ids(log("--format", "json", "--last", 2222)) == list(range(309, 2531))


def test_a_table_is_short_and_harmless(log) -> None:  # type: ignore[no-untyped-def]
    lines = log().splitlines()
    assert [int(line.split()[0]) for line in lines] == list(range(11, 31))
    lines = log("--run", "run-a").splitlines()
    assert len(lines) == 10
    assert all(line.isprintable() for line in lines)
    assert lines[1].split()[:8] == ["2", "2023-11-14", "22:13:30.000Z", "blink", "120", "µV", "300", "ms"]


def test_csv_for_spreadsheets(log, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    assert log("--format", "csv", "--out", tmp_path / "a.csv") == ""
    with (tmp_path / "a.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["id"]) for row in rows] == list(range(1, 31))
    assert rows[0]["stream"].startswith("'=cmd")
    assert "exists already" in log("--format", "csv", "--out", tmp_path / "a.csv", code=2)


def test_bids_has_its_times_from_the_start_of_the_recording_or_of_the_run(log, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    log("--format", "bids", "--recording", "1", "--out", tmp_path / "rest_events.tsv")
    rows = table(tmp_path / "rest_events.tsv")
    assert [float(row["onset"]) for row in rows] == pytest.approx([-0.1, 9.9, 19.9, 29.9, 39.9])
    sidecar = json.loads((tmp_path / "rest_events.json").read_text(encoding="utf-8"))
    assert iso_of(SECOND.began_utc) in sidecar["onset"]["Description"]
    assert "start of the recording" in sidecar["onset"]["Description"]
    log("--format", "bids", "--kind", "blink/long", "--out", tmp_path / "long_events.tsv")
    assert [float(row["onset"]) for row in table(tmp_path / "long_events.tsv")] == pytest.approx([39.9, 89.9])
    sidecar = json.loads((tmp_path / "long_events.json").read_text(encoding="utf-8"))
    assert f"{iso_of(FIRST.began_utc)}, the start of the first event's run" in sidecar["peak"]["Description"]
    assert "exists already" in log("--format", "bids", "--out", tmp_path / "long_events.tsv", code=2)
    assert "no events" in log("--format", "bids", "--since", "2030-01-01", "--out", tmp_path / "n.tsv", code=2)


def test_runs_and_recordings_are_listed(log) -> None:  # type: ignore[no-untyped-def]
    first, second = log("--runs").splitlines()
    assert first.startswith("run-a  2023-11-14 22:13:20.000Z  =cmd")
    assert "Muse on lab  250 Hz  Fp1,·[2J" in second
    (rest,) = log("--recordings").splitlines()
    assert "5 events  rest·[31m" in rest
    assert all(line.isprintable() for line in (first, second, rest))
    assert [json.loads(line)["id"] for line in log("--runs", "--format", "json").splitlines()] == ["run-a", "run-b"]
    assert json.loads(log("--recordings", "--format", "json"))["first"] == 11


def test_pruning_is_asked_for_and_told(log, journal: Path) -> None:  # type: ignore[no-untyped-def]
    assert log("--keep-mb", 1) == ""
    assert len(entries(journal)) == 30
    assert log("--keep-days", 0) == ""
    assert entries(journal) == []
    with Journal(journal):
        assert "another nictate writes" in log("--keep-days", 0, code=2)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--kind", "wink"), "--kind 'wink' is not known"),
        (("--run", "x\x1b"), "--run 'x·' is not in the journal"),
        (("--recording", "none"), "--recording 'none' is not"),
        (("--since", "yesterday"), "--since 'yesterday' is no time"),
        (("--format", "bids"), "needs --out"),
        (("--format", "csv", "--follow"), "--follow"),
        (("--runs", "--recordings"), "go alone"),
        (("--runs", "--last", 2), "go alone"),
        (("--runs", "--format", "csv"), "table or json"),
        (("--keep-days", 1, "--kind", "blink"), "go alone"),
    ],
)
def test_mistakes_end_with_one_line(log, options: tuple[object, ...], words: str) -> None:  # type: ignore[no-untyped-def]
    said = log(*options, code=2)
    assert words in said
    assert len(said.splitlines()) == 1


def test_what_is_no_journal_ends_with_one_line_and_nothing_is_begun(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no journal" * 100, encoding="utf-8")
    for name, options in (("text", ()), ("none", ()), ("none", ("--keep-days", "1"))):
        done = nictate("log", "--journal", tmp_path / name, *options)
        assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert [path.name for path in tmp_path.iterdir()] == ["text"]


def test_two_recordings_of_one_name_are_told_apart_by_number(log, journal: Path) -> None:  # type: ignore[no-untyped-def]
    with Journal(journal) as book:
        for _ in range(2):
            book.start_recording("task", 0.0)
    assert "use a number: 2, 3" in log("--recording", "task", code=2)


def test_following_goes_on_with_what_is_written(journal: Path) -> None:
    with Journal(journal) as book, running("log", "--journal", journal, "--follow", "--format", "json") as program:
        program.until(lambda: len(program.out) == 30)
        for k in range(3):
            book.append(SECOND, [event(1.0)], 0.0)
            program.until(lambda k=k: len(program.out) == 31 + k)
        assert program.interrupt() == 0
        assert ids("\n".join(program.out)) == list(range(1, 34))


# -------------------------------------------------------------------------------------------------------------- listen


@contextmanager
def service(told: list[Entry], asked: list[str]) -> Iterator[str]:
    """Answers as nictate does, and breaks off after each two entries. The first is there when it is first asked."""
    newest = iter([1])

    def request(_connection: ServerConnection, request: Request) -> Response | None:
        asked.append(request.headers.get("Authorization", ""))
        if "/api/v1/blinks" not in request.path:
            return None
        body = json.dumps({"newest": next(newest, len(told))}).encode()
        return Response(200, "OK", Headers([("Content-Length", str(len(body))), ("Connection", "close")]), body)

    def handle(connection: ServerConnection) -> None:
        assert connection.request is not None
        after = int(parse_qs(urlsplit(connection.request.path).query)["after"][0])
        for entry in [entry for entry in told if entry.id > after][:2]:
            connection.send(entry_to_json(entry))

    with serve(handle, "127.0.0.1", 0, process_request=request) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.socket.getsockname()[1]}"
        finally:
            server.shutdown()
            thread.join(PATIENCE_S)


def test_listening_prints_each_event_once_over_breaks(journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told, asked = entries(journal)[:7], []
    monkeypatch.setenv("NICTATE_TOKEN", "s3cret")
    with service(told, asked) as url:
        with running("listen", url, "--after", 0, "--json") as program:
            program.until(lambda: len(program.out) >= 7)
            assert program.interrupt() == 0
        assert [entry_from_json(line) for line in program.out] == told
        assert set(asked) == {"Bearer s3cret"}
    with service(told, asked) as url:
        with running("listen", url, "--token", "other") as program:
            program.until(lambda: len(program.out) >= 6)
            assert program.interrupt() == 0
        assert [int(line.split()[0]) for line in program.out] == list(range(2, 8))
        assert all(line.isprintable() for line in program.out + program.err)
        assert "Bearer other" in asked


def test_listening_to_markers_survives_a_restart_of_the_sender(request: pytest.FixtureRequest) -> None:
    name = f"marks {request.node.nodeid}"
    with running("listen", "--lsl", "--name", name, "--json", "--kind", "blink") as program:
        times: list[float] = []
        for start in (1, 2):
            with MarkerOutlet(name, name) as out:
                program.until(lambda s=start: sum("connected" in line for line in program.err) == s)
                for text in ("blink/start", "blink"):
                    times.append(pylsl.local_clock())
                    out.push(text, times[-1])
                program.until(lambda s=start: len(program.out) == s)
        assert program.interrupt() == 0
    assert [said["kind"] for said in program.events] == ["blink", "blink"]
    assert [said["time"] for said in program.events] == pytest.approx(times[1::2], abs=0.05)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--lsl", "--after", "3"), "--lsl goes with neither"),
        (("--lsl", "http://127.0.0.1:1"), "--lsl goes with neither"),
        (("--name", "x"), "belongs to --lsl"),
        (("ftp://x",), "is no address"),
        (("--kind", "wink"), "is not known"),
    ],
)
def test_mistakes_of_listening_end_with_one_line(
    options: tuple[str, ...], words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(["listen", *options], monkeypatch) == 2
    said = capsys.readouterr().err
    assert words in said
    assert len(said.splitlines()) == 1
