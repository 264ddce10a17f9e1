"""Recordings: started, stopped, taken home."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from pathlib import Path

import pytest
from small_service import Answered, Memory, Service, entry, service, starts_and_blinks

from nictate.edges.journal import Journal, Run
from nictate.edges.web.recordings import MOST_OPEN, READ_AT_ONCE
from nictate.signals import BlinkEvent
from nictate.wire import entry_from_json


def start(running: Service, body: str | bytes, kind: str = "application/json") -> Answered:
    return running.ask("POST", "/api/v1/recordings", body, Content_Type=kind)


def test_what_comes_between_start_and_stop_is_recorded() -> None:
    with service(records=Memory(starts_and_blinks(1, 3))) as running:
        begun = start(running, '{"name": "rest, eyes open"}')
        assert begun.status == 201
        assert begun.json == {
            "id": 1,
            "name": "rest, eyes open",
            "first": 4,
            "last": None,
            "began": "2023-11-14T22:13:20.000000Z",
            "ended": None,
        }
        running.publish(*starts_and_blinks(4, 6))
        stopped = running.ask("POST", "/api/v1/recordings/1/stop")
        assert stopped.status == 200
        assert (stopped.json["last"], stopped.json["ended"]) == (6, "2023-11-14T22:13:20.000000Z")
        running.publish(*starts_and_blinks(7, 8))
        assert running.ask("POST", "/api/v1/recordings/1/stop").json == stopped.json
        assert running.get("/api/v1/recordings").json == {"recordings": [stopped.json]}
        taken = running.get(begun.headers["location"])
        assert [entry_from_json(line).id for line in taken.body.splitlines()] == [4, 5, 6]


@pytest.mark.parametrize("count", [0, 1, READ_AT_ONCE, 2 * READ_AT_ONCE + 1])
def test_downloads_hold_every_event_once_in_each_format(count: int) -> None:
    with service(records=Memory()) as running:
        start(running, '{"name": "../../etc/passwd\\"; filename=x"}')
        running.publish(*(entry(k) for k in range(1, count + 1)))
        ids = list(range(1, count + 1))

        lines = running.get("/api/v1/recordings/1/events?format=json")
        assert [json.loads(line)["id"] for line in lines.body.splitlines()] == ids
        assert lines.headers["content-disposition"] == 'attachment; filename="recording-1.jsonl"'
        assert lines.headers["content-type"] == "application/x-ndjson"

        table = running.get("/api/v1/recordings/1/events?format=csv")
        assert [int(row["id"]) for row in csv.DictReader(io.StringIO(table.body.decode()))] == ids
        assert table.headers["content-disposition"] == 'attachment; filename="recording-1.csv"'

        bids = running.get("/api/v1/recordings/1/events?format=bids")
        with zipfile.ZipFile(io.BytesIO(bids.body)) as packed:
            assert packed.namelist() == ["recording-1_events.tsv", "recording-1_events.json"]
            rows = list(csv.DictReader(io.StringIO(packed.read(packed.namelist()[0]).decode()), delimiter="\t"))
            sidecar = json.loads(packed.read(packed.namelist()[1]))
        assert sorted(int(row["id"]) for row in rows) == ids
        assert {"onset", "duration", "trial_type"} <= sidecar.keys()


def test_it_works_with_the_journal_on_disk(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal.sqlite") as journal:
        run = Run("run-1", 0.0, "headset", "", "", 250.0, ("Fp1",), "")
        journal.begin(run)
        with service(records=journal) as running:  # type: ignore[arg-type]
            assert start(running, '{"name": " rest "}').json["name"] == "rest"
            running.hub.publish(journal.append(run, [BlinkEvent("blink", 1.0, 1.1, 1.3, 90.0, 0.9, 1.5)], 1e9))
            assert running.ask("POST", "/api/v1/recordings/1/stop").json["last"] == 1
            assert len(running.get("/api/v1/recordings/1/events").body.splitlines()) == 1
            with running.stream("/api/v1/events?after=0") as lines:
                assert [next(lines) for _ in range(4)][-1] == "id: 1"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("", 400),
        ("{", 400),
        ("[" * 16000, 400),
        ('{"name": "a", "name": "b"}', 400),
        (b'{"name": "\xff"}', 400),
        (f'{{"name": {"9" * 9000}}}', 400),
        ("[]", 422),
        ("null", 422),
        ('{"name": 3}', 422),
        ('{"name": NaN}', 422),
        ('{"name": ""}', 422),
        ('{"name": " "}', 422),
        ('{"name": "a", "first": 1}', 422),
        ('{"name": "\\ud800"}', 422),
        ('{"name": "a\\u0000b"}', 422),
        ('{"name": "a\\nb"}', 422),
        (f'{{"name": "{"a" * 201}"}}', 422),
        (f'{{"name": "{"a" * 20000}"}}', 413),
    ],
)
def test_what_is_no_name_is_refused(body: str | bytes, code: int) -> None:
    with service() as running:
        answer = start(running, body)
        assert answer.status == code
        assert list(answer.json) == ["error"]
        assert running.records.found == []


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""])
def test_only_json_is_read_which_no_foreign_page_sends_unasked(kind: str) -> None:
    with service() as running:
        assert start(running, '{"name": "a"}', kind).status == 415
        assert start(running, '{"name": "a"}', "application/json; charset=utf-8").status == 201


def test_a_body_without_a_stated_length_is_bounded_too() -> None:
    with service() as running, running.connect() as connection:
        connection.sendall(
            b"POST /api/v1/recordings HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n" + 20 * (b"400\r\n" + b"x" * 1024 + b"\r\n")
        )
        assert connection.recv(65536).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("id", ["0", "2", "01", "-1", "1.0", "x", "9" * 5000, "%00", "%F0%9F%91%81", "1%0A"])
def test_what_is_no_recording_is_not_found(id: str) -> None:  # noqa: A002
    with service() as running:
        start(running, '{"name": "a"}')
        assert running.ask("POST", f"/api/v1/recordings/{id}/stop").status == 404
        assert running.get(f"/api/v1/recordings/{id}/events").status == 404
        assert running.records.found[0].last is None


def test_there_is_no_other_format_and_no_other_parameter() -> None:
    with service() as running:
        start(running, '{"name": "a"}')
        for asked in ("format=xlsx", "format=", "format=csv&format=csv", "file=../x"):
            assert running.get(f"/api/v1/recordings/1/events?{asked}").status == 400
        assert running.ask("POST", "/api/v1/recordings?name=b").status == 400


def test_only_so_many_go_on_at_a_time() -> None:
    with service() as running:
        for _ in range(MOST_OPEN):
            assert start(running, '{"name": "a"}').status == 201
        assert start(running, '{"name": "a"}').status == 409
        running.ask("POST", "/api/v1/recordings/3/stop")
        assert start(running, '{"name": "a"}').status == 201
