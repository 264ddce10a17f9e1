"""The dashboard in a real Chromium, against the real web ends: what comes is seen, whatever happens."""

from __future__ import annotations

import json
import os
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pytest
from page_server import PageServer, page_server, play
from playwright.sync_api import Browser, BrowserContext, Download, Page, expect, sync_playwright

from nictate.signals import BlinkEvent, FloatArray
from nictate.status import IcaReport, MapPoint, Status, TallyReport

CHROMIUM = os.environ.get("NICTATE_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
PATIENCE_MS = 30_000
STATIC = Path(__file__).parents[3] / "src/nictate/edges/web/static"
Samples: TypeAlias = Callable[[int], FloatArray]
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>"

expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        if os.environ.get("CI") == "true":
            pytest.fail("there is no chromium: install Debian's package, or name another with NICTATE_CHROMIUM")
        pytest.skip("there is no chromium: install Debian's package, or name another with NICTATE_CHROMIUM")
    quiet = ["headless=new", "disable-gpu", "disable-quic", "no-first-run", "disable-sync"]
    quiet += ["disable-background-networking", "disable-component-update"]
    sandbox = ["no-sandbox"] if hasattr(os, "getuid") and os.getuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[f"--{name}" for name in quiet + sandbox])
        yield browser
        browser.close()


@dataclass
class Seen:
    """A page, and what went wrong on it."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)

    def open(self, server: PageServer) -> Page:
        self.page.goto(server.url)
        return self.page


def look(context: BrowserContext) -> Seen:
    context.set_default_timeout(PATIENCE_MS)
    seen = Seen(context.new_page())
    seen.page.on("console", lambda said: seen.complaints.append(said.text) if said.type == "error" else None)
    seen.page.on("pageerror", lambda error: seen.complaints.append(str(error)))

    def dismiss(dialog: object) -> None:
        seen.dialogs.append(str(dialog))
        dialog.dismiss()  # type: ignore[attr-defined]

    seen.page.on("dialog", dismiss)
    return seen


@pytest.fixture
def seen(browser: Browser) -> Iterator[Seen]:
    """A page of its own; nothing may have been complained of when the test is over."""
    context = browser.new_context(viewport={"width": 1280, "height": 860}, reduced_motion="reduce")
    seen = look(context)
    yield seen
    assert seen.complaints == []
    assert seen.dialogs == []
    context.close()


@pytest.fixture
def server() -> Iterator[PageServer]:
    with page_server() as server:
        server.report()
        yield server


def until(page: Page, condition: Callable[[], bool]) -> None:
    for _ in range(PATIENCE_MS // 10):
        if condition():
            return
        page.wait_for_timeout(10)
    pytest.fail("it never came to be")


def followed(server: PageServer, page: Page) -> None:
    """Until the page listens to events and looks at the signal."""
    until(page, lambda: server.hub.followers > 0 and server.hub.viewers > 0)


def painted(server: PageServer, page: Page) -> None:
    """Until the newest sample has been painted, and what was asked for before, too."""
    page.wait_for_function(
        "(now) => Number(document.getElementById('sweep').dataset.newest) > now - 0.05", arg=server.now_s
    )
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def drawn(server: PageServer, page: Page, seconds: float = 1.0, samples: Samples | None = None) -> None:
    """Until so much more of the signal has been painted."""
    followed(server, page)
    for _ in range(round(seconds / 0.2)):  # A viewer that is far behind misses scenes.
        server.draw(0.2, samples)
        painted(server, page)


def ids(page: Page) -> list[int]:
    return [int(i) for i in page.evaluate("[...document.querySelectorAll('#rows tr')].map((row) => row.dataset.id)")]


def ink(page: Page, colour: str) -> int:
    """How many of the signal's pixels have a colour of the page, by its name, to within a little."""
    count: int = page.evaluate(
        """(name) => {
          const canvas = document.getElementById("sweep");
          const hex = getComputedStyle(canvas).getPropertyValue(name).trim();
          const want = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
          const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          let count = 0;
          for (let i = 0; i < data.length; i += 4)
            if (want.every((value, c) => Math.abs(value - data[i + c]) < 24)) count++;
          return count;
        }""",
        colour,
    )
    return count


# ---------------------------------------------------------------------------------------------------------- what comes


def test_blinks_come_to_the_table_and_the_plot_in_their_order(server: PageServer, seen: Seen) -> None:
    page = seen.open(server)
    drawn(server, page)
    expect(page.locator("#none")).to_be_visible()
    entries = []
    for _ in range(5):
        server.draw(0.4)
        entries.append(server.blink())
        expect(page.locator(f"#sweep[data-shaded='{entries[-1].id}']")).to_be_visible()
    assert ids(page) == [entry.id for entry in reversed(entries)]
    cells = page.locator("#rows tr").first.locator("td").all_text_contents()
    assert cells[1:] == ["blink", "250", "120", "97", "220"]
    assert re.fullmatch(r"\d\d:\d\d:\d\d[.,]\d", cells[0])
    expect(page.locator("#none")).to_be_hidden()


def test_a_blink_is_painted_in_the_next_frames(server: PageServer, seen: Seen) -> None:
    page = seen.open(server)
    drawn(server, page)
    for _ in range(10):
        entry = server.blink()
        expect(page.locator(f"#sweep[data-shaded='{entry.id}']")).to_be_visible()
        assert page.get_attribute("#sweep", "data-frames") in ("1", "2")


def test_blinks_are_shaded_where_they_were(server: PageServer, seen: Seen) -> None:
    page = seen.open(server)
    drawn(server, page, 4.0)
    before = ink(page, "--blink")
    server.blink(server.now_s - 1.5)
    expect(page.locator("#sweep[data-shaded='1']")).to_be_visible()
    mark = ink(page, "--blink") - before
    assert 20 < mark < 400  # Its mark above the lanes.
    begin, end = page.evaluate(
        """() => {
          const canvas = document.getElementById("sweep"), row = 34, pen = canvas.getContext("2d");
          const {data} = pen.getImageData(0, row, canvas.width, 1);
          const shaded = (x) => data[4 * x] > data[4 * x + 2] + 15;
          let begin = 0, end;
          while (!shaded(begin)) begin++;
          for (end = begin; shaded(end); end++);
          return [begin / canvas.width, end / canvas.width];
        }"""
    )
    onset = (server.now_s - 1.5) % 10 / 10
    assert begin == pytest.approx(onset, abs=0.004)
    assert end == pytest.approx(onset + 0.025, abs=0.004)


def test_a_blink_takes_the_row_of_its_start(server: PageServer, seen: Seen) -> None:
    page = seen.open(server)
    drawn(server, page)
    t = server.now_s
    server.tell(BlinkEvent("blink/start", t - 0.2, None, None, None, 0.6, t))
    row = page.locator("#rows tr")
    expect(row).to_have_count(1)
    expect(row.locator("td").nth(1)).to_have_text("begins")
    expect(row.locator("td").nth(2)).to_have_text("–")
    server.tell(BlinkEvent("blink", t - 0.2, t - 0.1, t + 0.05, -80.0, 0.9, t + 0.1, completes=t))
    expect(row.locator("td").nth(1)).to_have_text("blink")
    expect(row).to_have_count(1)
    expect(row.locator("td").nth(3)).to_have_text("80")
    server.tell(BlinkEvent("blink/double", t - 0.8, t - 0.1, t + 0.05, -80.0, 0.9, t + 0.5))
    expect(row).to_have_count(2)
    assert ids(page) == [3, 2]
    expect(row.first.locator("td").nth(1)).to_have_text("double")
    server.tell(BlinkEvent("blink/long", t - 0.8, t - 0.7, t + 0.1, 80.0, 0.9, t + 0.3))
    expect(row).to_have_count(3)
    expect(row.first.locator("td").nth(5)).to_have_text("200")  # Since its end.


def test_what_was_before_the_page_is_there_and_the_table_has_an_end(server: PageServer, seen: Seen) -> None:
    for k in range(40):
        server.blink(server.now_s - 80 + 2 * k)
    page = seen.open(server)
    followed(server, page)
    expect(page.locator("#rows tr").first).to_have_attribute("data-id", "40")
    entry = server.blink()
    expect(page.locator("#rows tr").first).to_have_attribute("data-id", str(entry.id))
    assert ids(page) == list(range(41, 41 - 9, -1))
    label = page.get_attribute("#rate", "aria-label") or ""
    counts = [int(count) for count in re.findall(r"\d+", label)]
    assert sum(counts) - 10 == 41  # It says "in the 10 before", too.


def test_the_signal_is_drawn_raw_or_cleaned(server: PageServer, seen: Seen) -> None:
    page = seen.open(server)
    rng = np.random.default_rng(1)
    drawn(server, page, 4.0, lambda n: rng.normal(0.0, 30.0, (n, 8)))
    cleaned = page.get_by_label("Cleaned")
    expect(cleaned).to_be_enabled()
    page.keyboard.press("-")  # The scale is ours from now on.
    painted(server, page)
    raw = ink(page, "--trace")
    assert raw > 500
    cleaned.check(force=True)
    painted(server, page)
    assert 0 < ink(page, "--trace") < raw  # Half as large, so that less ink is needed.
    assert page.locator("#lanes .label").all_text_contents() == list(server.names)


def test_a_hole_is_not_drawn_over(server: PageServer, seen: Seen) -> None:
    page = seen.open(server)
    drawn(server, page)
    server.now_s += 3.0
    drawn(server, page)
    row: list[float] = page.evaluate(
        """() => {
          const canvas = document.getElementById("sweep"), inked = new Set();
          const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          for (let i = 0; i < data.length; i += 4)
            if (data[i] < 90 && data[i + 2] > 110) inked.add((i / 4) % canvas.width);
          const columns = [...inked].sort((a, b) => a - b).map((x) => x / canvas.width);
          let widest = 0;
          for (let k = 1; k < columns.length; k++) widest = Math.max(widest, columns[k] - columns[k - 1]);
          return [columns.length / canvas.width, widest];
        }"""
    )
    assert row[0] == pytest.approx(0.2, abs=0.03)  # Two of ten seconds.
    assert row[1] == pytest.approx(0.3, abs=0.03)  # Three were lost.


def test_each_channel_is_told_in_plain_words(server: PageServer, seen: Seen) -> None:
    server.report(["good", "flat", "noisy"])
    page = seen.open(server)
    drawn(server, page)
    expect(page.locator("#quality-line")).to_have_text("6 of 8 channels good")
    expect(page.locator("#quality-list li").first).to_contain_text("Fp2: flat")
    expect(page.locator("#quality-list li").nth(1)).to_contain_text("F3: noisy")
    expect(page.locator("#lanes li").nth(1)).to_contain_text("flat")
    server.report()
    expect(page.locator("#quality-line")).to_have_text("All 8 channels good")
    expect(page.locator("#quality-list li")).to_have_count(0)


def test_the_unmixing_is_shown_with_its_map(server: PageServer, seen: Seen) -> None:
    page = seen.open(server)
    expect(page.locator("#ica-line")).to_have_text("learning, 3 s of 20 s")
    expect(page.locator("#head")).to_have_attribute("aria-label", "No map of the blink source yet")
    points = [("Fp1", -0.3, 0.9, 1.0), ("Fp2", 0.3, 0.9, 0.9), ("Cz", 0.0, 0.0, 0.2), ("Pz", 0.0, -0.4, -0.1)]
    server.report(
        ica=IcaReport("ICA: 1 ocular component, r = 0.93", True, tuple(MapPoint(*point) for point in points)),
        tally=TallyReport(7, 14.2, 0.21, -130.0, 4.0, 0.118),
    )
    expect(page.locator("#ica-line")).to_have_text("1 ocular component, r\u00a0=\u00a00.93")
    expect(page.locator("#head")).to_have_attribute("aria-label", re.compile("largest at Fp1, Fp2, Cz"))
    expect(page.locator("#per-minute")).to_have_text("14")
    expect(page.locator("#tally")).to_contain_text("130 µV")
    expect(page.locator("#tally")).to_contain_text("118 ms")
    front, back = page.evaluate(
        """() => {
          const canvas = document.getElementById("head"), pen = canvas.getContext("2d");
          const at = (part) => [...pen.getImageData(canvas.width / 2, canvas.height * part, 1, 1).data];
          return [at(0.17), at(0.85)];
        }"""
    )
    assert front[0] > front[2] + 60  # The blink's colour, at the front alone.
    assert back[0] < back[2] + 40


def test_blinks_of_the_simulated_headset_are_seen(server: PageServer, seen: Seen) -> None:
    page = seen.open(server)
    followed(server, page)
    over = threading.Event()
    headset = threading.Thread(target=play, args=(server, over.is_set))
    headset.start()
    try:
        blinks = page.locator("#rows tr[data-kind='blink']")
        expect(blinks.nth(1)).to_be_visible()  # The second, so that the first is over and known as true.
        shaded = int(blinks.first.get_attribute("data-id") or "0")
        until(page, lambda: int(page.get_attribute("#sweep", "data-shaded") or "0") >= shaded)
    finally:
        over.set()
        headset.join()
    first = next(entry.event for entry in server.memory.entries if entry.event.kind == "blink")
    assert min(abs(blink.peak - (first.peak or 0.0)) for blink in server.truth) < 0.1  # Not one that never was.
    painted(server, page)
    assert ink(page, "--trace") > 50
    assert page.locator("#lanes .label").all_text_contents() == list(server.names)


# --------------------------------------------------------------------------------------------------- lost and found


def test_a_stream_is_awaited_lost_and_found(server: PageServer, seen: Seen) -> None:
    server.status = Status("waiting")
    page = seen.open(server)
    pill, notice = page.locator("#connection"), page.locator("#notice")
    expect(pill).to_have_text("Waiting for a stream")
    expect(notice).to_contain_text("Waiting for an EEG stream")
    server.report()
    expect(pill).to_have_text("Connected")
    expect(notice).to_be_hidden()
    expect(page.locator("#stream")).to_have_text("a headset · 8 channels · 250 Hz")
    expect(page.locator("#age")).to_contain_text("newest sample 20 ms old")
    server.status = Status("lost", server.run, server.status.stream, server.now_s - 12.0)
    expect(pill).to_have_text("Stream lost")
    expect(notice).to_contain_text("12 s old")
    server.report()
    expect(pill).to_have_text("Connected")
    expect(notice).to_be_hidden()
    server.status = Status("connected", server.run, server.status.stream, server.now_s - 7.0)
    expect(pill).to_have_text("No samples")


def test_a_service_that_comes_back_finds_the_page_and_no_event_is_missed(server: PageServer, seen: Seen) -> None:
    page = seen.open(server)
    drawn(server, page)
    page.evaluate(
        """() => {
          window.told = [];
          new MutationObserver(() => {
            const newest = Number(document.querySelector("#rows tr").dataset.id);
            if (newest !== window.told.at(-1)) window.told.push(newest);
          }).observe(document.getElementById("rows"), {attributes: true, childList: true, subtree: true});
        }"""
    )
    server.blink()
    expect(page.locator("#rows tr")).to_have_count(1)
    server.stop()
    expect(page.locator("#connection")).to_have_text("No service")
    expect(page.locator("#notice")).to_contain_text("does not answer")
    for k in range(3):
        server.blink(server.now_s + k)
    server.start()
    expect(page.locator("#rows tr")).to_have_count(4)
    expect(page.locator("#connection")).to_have_text("Connected")
    expect(page.locator("#notice")).to_be_hidden()
    drawn(server, page)
    server.blink(server.now_s + 4)
    expect(page.locator("#rows tr")).to_have_count(5)
    assert ids(page) == [5, 4, 3, 2, 1]
    # A browser tells of each connection that fails; nothing else may have been said.
    assert all("ERR_" in said or "WebSocket" in said for said in seen.complaints), seen.complaints
    seen.complaints.clear()


def test_another_journal_begins_another_table(server: PageServer, seen: Seen) -> None:
    page = seen.open(server)
    drawn(server, page)
    for _ in range(4):
        server.blink()
    expect(page.locator("#rows tr")).to_have_count(4)
    server.stop()
    server.memory.entries.clear()
    server.run = "run-2"
    server.blink()
    server.start()
    expect(page.locator("#rows tr")).to_have_count(1)
    assert ids(page) == [1]
    seen.complaints.clear()


def test_another_run_begins_the_drawing_anew(server: PageServer, seen: Seen) -> None:
    page = seen.open(server)
    drawn(server, page)
    server.run, server.names, server.scenes, server.now_s = "run-2", ("A", "B", "C"), None, 20.0
    server.report()
    server.draw(1.0)
    expect(page.locator("#lanes li")).to_have_count(3)
    assert page.locator("#lanes .label").all_text_contents() == ["A", "B", "C"]


# --------------------------------------------------------------------------------------------------------- recordings


def test_events_are_recorded_and_fetched(server: PageServer, seen: Seen) -> None:
    page = seen.open(server)
    drawn(server, page)
    server.blink()
    page.get_by_label("Name of the recording").fill(f"subject 7 {HOSTILE}")
    page.get_by_role("button", name="Record").click()
    stop = page.get_by_role("button", name="Stop")
    expect(stop).to_be_visible()
    expect(page.locator("#recorded li")).to_contain_text(f"subject 7 {HOSTILE}")
    expected = [server.blink(server.now_s + k) for k in range(2)]
    stop.click()
    expect(page.get_by_role("button", name="Record")).to_be_visible()
    links = page.locator("#recorded a")
    expect(links).to_have_count(3)
    with page.expect_download() as waiting:
        links.filter(has_text="JSON").click()
    download: Download = waiting.value
    lines = Path(download.path()).read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["id"] for line in lines] == [entry.id for entry in expected]


def test_a_refusal_is_told_in_words(server: PageServer, seen: Seen) -> None:
    page = seen.open(server)
    followed(server, page)
    assert page.get_by_role("button", name="Record").is_enabled()
    page.route("**/api/v1/recordings", lambda route: route.fulfill(status=422, json={"error": "name: taken"}))
    page.get_by_role("button", name="Record").click()
    expect(page.locator("#record-said")).to_have_text("That did not work: name: taken")
    expect(page.get_by_role("button", name="Record")).to_be_enabled()
    seen.complaints.clear()  # A browser tells of each 4xx.


# ------------------------------------------------------------------------------------------------- hostile, by any name


def test_hostile_names_are_text(seen: Seen) -> None:
    with page_server([HOSTILE, f"{HOSTILE}2", "</ol><style>*{display:none}</style>"]) as server:
        server.report(["flat", "good", "noisy"], ica=IcaReport(f"ICA: without {HOSTILE}"))
        points = tuple(MapPoint(HOSTILE, 0.1 * k, 0.5, 1.0) for k in range(5))
        server.status = type(server.status)(
            "connected",
            f"run {HOSTILE}",
            server.status.stream,
            server.now_s,
            ica=IcaReport(f"ICA: {HOSTILE}", True, points),
        )
        page = seen.open(server)
        drawn(server, page)
        server.tell(BlinkEvent("blink", 999.0, 999.1, 999.2, 100.0, 0.9, 999.3))
        expect(page.locator("#lanes .label").first).to_have_text(HOSTILE)
        expect(page.locator("#quality-list li").first).to_contain_text(f"{HOSTILE}: flat")
        expect(page.locator("#ica-line")).to_have_text(HOSTILE)
        expect(page.locator("#rows tr")).to_have_count(1)
        assert page.locator("img").count() == 0
        assert page.locator("script").count() == 1
        assert page.locator("body style").count() == 0


def test_nothing_comes_from_elsewhere_and_nothing_is_inline(server: PageServer, seen: Seen) -> None:
    asked: list[str] = []
    seen.page.on("request", lambda request: asked.append(request.url))
    page = seen.open(server)
    drawn(server, page)
    server.blink()
    expect(page.locator("#rows tr")).to_have_count(1)
    assert {url.split("/")[2] for url in asked} == {server.url.split("/")[2]}
    assert f"{server.url}/static/main.js" in asked
    for file in STATIC.iterdir():
        text = file.read_text(encoding="utf-8")
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text)
        assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)|//cdn", text), file
    assert not re.search(
        r"\son\w+=|\sstyle=|<style|<script(?! type=\"module\" src=)", (STATIC / "index.html").read_text()
    )


# ------------------------------------------------------------------------------------------------------ for everybody


def test_it_is_used_by_keyboard(server: PageServer, seen: Seen) -> None:
    page = seen.open(server)
    drawn(server, page)
    scale = page.locator("#scale")
    first = scale.text_content()
    page.keyboard.press("-")
    expect(scale).not_to_have_text(first or "")
    expect(page.locator("#auto")).to_have_attribute("aria-pressed", "false")
    page.keyboard.press("+")
    expect(scale).to_have_text(first or "")
    page.keyboard.press("0")
    expect(page.locator("#auto")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("c")
    expect(page.get_by_label("Cleaned")).to_be_checked()
    page.keyboard.press("p")
    expect(page.get_by_role("button", name="Go on")).to_be_visible()
    page.keyboard.press("r")
    page.keyboard.type("p+-?c0r")
    expect(page.get_by_label("Name of the recording")).to_have_value("p+-?c0r")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys")
    expect(dialog).to_be_visible()
    dialog.get_by_label("Keys are on").uncheck()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    page.keyboard.press("p")
    expect(page.get_by_role("button", name="Go on")).to_be_visible()
    page.reload()
    page.keyboard.press("?")
    expect(page.get_by_label("Keys are on")).not_to_be_checked()


def test_everything_that_can_be_pressed_is_reached_with_tab_and_seen_there(server: PageServer, seen: Seen) -> None:
    page = seen.open(server)
    drawn(server, page)
    reached = []
    for _ in range(20):
        page.keyboard.press("Tab")
        at = page.evaluate(
            """() => {
              const element = document.activeElement;
              const shown = element.type === "radio" ? element.nextElementSibling : element;
              const style = getComputedStyle(shown);
              const name = element.id || element.name || element.className;
              return [name, style.outlineStyle, parseFloat(style.outlineWidth)];
            }"""
        )
        if at[0] == "" or at[0] in [name for name, *_ in reached]:
            break
        reached.append(at)
    names = [name for name, *_ in reached]
    assert names == [
        *("skip", "help-open", "which", "smaller", "larger", "auto", "pause", "name", "start"),
    ]
    assert all(style == "solid" and width >= 2 for _, style, width in reached)


def test_everything_has_a_name_and_a_role(server: PageServer, seen: Seen) -> None:
    page = seen.open(server)
    drawn(server, page)
    server.blink()
    expect(page.locator("#rows tr")).to_have_count(1)
    nameless = page.evaluate(
        """() => [...document.querySelectorAll("button, input, a, canvas, section, dialog, table")].filter((e) => {
          const by = (e.getAttribute("aria-labelledby") || "").split(" ").map((id) => document.getElementById(id));
          const label = e.labels && [...e.labels].some((l) => l.textContent.trim());
          const caption = e.tagName === "TABLE" && e.caption && e.caption.textContent.trim();
          return !(e.getAttribute("aria-label") || by.some((l) => l && l.textContent.trim()) || label || caption
            || (["BUTTON", "A"].includes(e.tagName) && e.textContent.trim()));
        }).map((e) => e.outerHTML)"""
    )
    assert nameless == []
    assert page.locator("html").get_attribute("lang") == "en"
    assert page.locator("h1").count() == 1
    assert page.locator("main").count() == 1
    named = page.evaluate("[...document.querySelectorAll('[id]')].map((e) => e.id)")
    assert len(named) == len(set(named))
    assert page.locator("th[scope=col]").count() == 6
    live = page.locator("[role=status], [aria-live=polite]").evaluate_all("(all) => all.map((e) => e.id)")
    assert set(live) == {"connection", "notice", "record-said"}
    assert page.locator("#rows").evaluate("(e) => e.closest('[aria-live]') === null")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_stand_out_from_what_is_behind_them(browser: Browser, server: PageServer, scheme: str) -> None:
    context = browser.new_context(color_scheme=scheme)  # type: ignore[arg-type]
    page = look(context).open(server)
    drawn(server, page)
    server.report(["flat"])
    expect(page.locator("#quality-list li")).to_have_count(1)
    faint = page.evaluate(
        """() => {
          const parse = (text) => text.match(/[\\d.]+/g).map(Number);
          const light = (c) => { const [r, g, b] = c.slice(0, 3).map((v) => {
            v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
            return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
          const behind = (e) => { for (; e; e = e.parentElement) {
            const c = parse(getComputedStyle(e).backgroundColor); if (c[3] === undefined || c[3] > 0) return c; }
            return [255, 255, 255]; };
          const found = [];
          for (const e of document.querySelectorAll("body *")) {
            const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
            if (!own || !e.checkVisibility() || e.closest(":disabled, label:has(:disabled), noscript")) continue;
            const [a, b] = [light(parse(getComputedStyle(e).color)), light(behind(e))];
            const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
            if (ratio < 4.5) found.push([e.outerHTML.slice(0, 80), ratio]);
          }
          return found;
        }"""
    )
    assert faint == []  # WCAG 2.2, 1.4.3
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(int(v) for v in re.findall(r"\d+", paper)) < 150) == (scheme == "dark")
    context.close()


@pytest.mark.parametrize("width", [360, 768])
def test_it_fits_a_phone_and_a_tablet(browser: Browser, server: PageServer, width: int) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 740}, has_touch=True)
    page = look(context).open(server)
    drawn(server, page, 0.2)
    page.set_viewport_size({"width": width, "height": 740})  # As when a tablet is turned.
    server.report(["flat", "noisy", "jumps", "missing"])
    drawn(server, page)
    for kind in ("blink", "blink/triple", "blink/double"):
        server.blink(kind=kind)  # type: ignore[arg-type]
    expect(page.locator("#rows tr")).to_have_count(3)
    page.get_by_role("button", name="Record").click()
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == width
    wide = page.evaluate(
        """(width) => [...document.querySelectorAll("main *")].filter((e) => e.checkVisibility()
             && getComputedStyle(e).clipPath === "none" && e.getBoundingClientRect().right > width)
             .map((e) => e.outerHTML.slice(0, 80))""",
        width,
    )
    assert wide == []
    for picture, highest in (("sweep", 400), ("rate", 120), ("head", 160)):
        box = page.locator(f"#{picture}").bounding_box()
        assert box is not None
        assert 80 < box["height"] < highest
    context.close()


def test_colours_follow_the_system_while_it_is_open(server: PageServer, seen: Seen) -> None:
    page = seen.open(server)
    drawn(server, page)
    corner = """() => document.getElementById("sweep").getContext("2d").getImageData(1, 1, 1, 1).data[0]"""
    page.wait_for_function(f"{corner} > 200")
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(f"{corner} < 60")


# ---------------------------------------------------------------------------------------------------------- endurance


def test_it_paints_no_more_than_it_must_and_keeps_no_more_than_it_shows(server: PageServer, seen: Seen) -> None:
    page = seen.open(server)
    drawn(server, page, 12.0)
    count = """() => {
      window.painted = 0;
      const fill = CanvasRenderingContext2D.prototype.fillRect;
      CanvasRenderingContext2D.prototype.fillRect = function (...at) {
        if (this.canvas.id === "sweep") window.painted += Math.max(0, at[2]) * Math.max(0, at[3]);
        return fill.apply(this, at);
      };
    }"""
    page.evaluate(count)
    server.draw(0.04)
    painted(server, page)
    box = page.locator("#sweep").bounding_box()
    assert box is not None
    assert 0.0 < page.evaluate("window.painted") < 0.15 * box["width"] * box["height"]
    nodes = page.evaluate("document.querySelectorAll('*').length")
    for k in range(300):
        server.blink(server.now_s + k)
    expect(page.locator("#rows tr").first).to_have_attribute("data-id", "300")
    grown = page.evaluate("document.querySelectorAll('*').length") - nodes
    assert grown == 9 * 7


def test_nothing_is_fetched_for_a_page_that_nobody_sees(server: PageServer, seen: Seen) -> None:
    page = seen.open(server)
    drawn(server, page)
    hide = """(hidden) => {
      Object.defineProperty(document, "hidden", {configurable: true, get: () => hidden});
      document.dispatchEvent(new Event("visibilitychange"));
    }"""
    page.evaluate(hide, True)
    until(page, lambda: server.hub.viewers == 0)
    entry = server.blink()
    expect(page.locator("#rows tr").first).to_have_attribute("data-id", str(entry.id))
    page.evaluate(hide, False)
    until(page, lambda: server.hub.viewers == 1)
