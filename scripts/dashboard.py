"""Pictures of the dashboard of a running service, and what it costs to leave it open.

scripts/dashboard.py picture http://127.0.0.1:8765 docs/dashboard.png docs/dashboard-phone.png
scripts/dashboard.py soak http://127.0.0.1:8765 --minutes 20
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

PATIENCE_MS = 180_000
QUIET = ["headless=new", "disable-gpu", "disable-quic", "no-first-run", "disable-sync", "disable-component-update"]


@contextmanager
def chromium() -> Iterator[Browser]:
    """Without a window. Ends the program when there is none."""
    path = os.environ.get("NICTATE_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        sys.exit("there is no chromium: install Debian's package, or name another with NICTATE_CHROMIUM")
    sandbox = ["no-sandbox"] if hasattr(os, "getuid") and os.getuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=[f"--{name}" for name in QUIET + sandbox])
        yield browser
        browser.close()


def picture(url: str, desk: Path, phone: Path) -> None:
    """Light on a desk, dark on a phone: when there is something to be seen on each, within three minutes."""
    looks: list[tuple[Path, dict[str, Any]]] = [
        (desk, {"color_scheme": "light", "viewport": {"width": 1280, "height": 860}}),
        (phone, {"color_scheme": "dark", "viewport": {"width": 390, "height": 844}, "device_scale_factor": 2}),
    ]
    with chromium() as browser:
        for path, look in looks:
            page = browser.new_page(**look)
            page.goto(url)
            page.wait_for_function(
                "() => document.querySelectorAll('#rows tr').length >= 8"
                " && !document.getElementById('head').getAttribute('aria-label').startsWith('No map')",
                timeout=PATIENCE_MS,
            )
            _wait_for_a_good_moment(page)
            page.screenshot(path=path, full_page=path == desk)
            page.close()


def _wait_for_a_good_moment(page: Page) -> None:
    """After a whole round of the pen: it is near the right end, some blinks behind it, one of them just seen."""
    page.wait_for_timeout(12_000)
    page.wait_for_function(
        """() => {
          const seconds = Number(document.getElementById("seconds").textContent);
          const at = Number(document.getElementById("sweep").dataset.newest) % seconds / seconds;
          const rows = [...document.querySelectorAll("#rows tr")];
          const ages = rows.map((row) => Date.now() - Date.parse(row.dataset.utc));
          return at > 0.7 && at < 0.97 && ages[0] < 1500 && ages.filter((age) => age < 600 * seconds).length > 1;
        }""",
        timeout=PATIENCE_MS,
    )


# As the page shows an event: how long ago it was, by its UTC, when its row was written and when its shade was painted.
OVERHEAR = """() => {
  window.shown = [];
  const last = {};
  const hear = () => {
    const row = document.querySelector("#rows tr"), now = Date.now();
    if (!row) return;
    const {id, kind, utc} = row.dataset;
    if (id !== last.row) window.shown.push([kind, "row", now - Date.parse(utc)]);
    last.row = id;
    const {shaded} = document.getElementById("sweep").dataset;
    if (shaded === id && shaded !== last.shaded) window.shown.push([kind, "shade", now - Date.parse(utc)]);
    last.shaded = shaded;
  };
  const watch = new MutationObserver(hear), what = {attributes: true, childList: true, subtree: true};
  watch.observe(document.getElementById("rows"), what);
  watch.observe(document.getElementById("sweep"), {attributes: true, attributeFilter: ["data-shaded"]});
}"""


def soak(url: str, minutes: float) -> None:
    """Leave it open, and print each minute what it holds and what it costs; at the end how soon blinks were seen."""
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 860})
        complaints: list[str] = []
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(url)
        page.wait_for_function("() => document.getElementById('sweep').dataset.newest", timeout=PATIENCE_MS)
        page.evaluate(OVERHEAR)
        session, whole = page.context.new_cdp_session(page), browser.new_browser_cdp_session()
        session.send("Performance.enable")
        print("minute  heap MiB (largest)  after collection  nodes  core of all processes  core of the page's thread")  # noqa: T201
        for minute in range(1, max(1, round(minutes)) + 1):
            began, cpu_s, busy_s, heaps = time.monotonic(), _cpu_s(whole), _measured(session)["TaskDuration"], [0.0]
            while time.monotonic() < began + 60.0:
                page.wait_for_timeout(2000)
                heaps.append(_measured(session)["JSHeapUsedSize"] / 2**20)
            passed = time.monotonic() - began
            cpu, busy = (_cpu_s(whole) - cpu_s) / passed, (_measured(session)["TaskDuration"] - busy_s) / passed
            session.send("HeapProfiler.collectGarbage")
            kept = _measured(session)
            print(  # noqa: T201
                f"{minute:6d}  {max(heaps):18.1f}  {kept['JSHeapUsedSize'] / 2**20:16.2f}  {kept['Nodes']:5.0f}"
                f"  {cpu:21.1%}  {busy:26.1%}",
                flush=True,
            )
        shown: list[tuple[str, str, float]] = [(kind, what, ms) for kind, what, ms in page.evaluate("window.shown")]
        for kind, since in (("blink/start", "onset"), ("blink", "peak")):
            for what in ("row", "shade"):
                late = sorted(ms for k, w, ms in shown if (k, w) == (kind, what))
                if late:
                    middle, most = statistics.median(late), late[int(0.95 * (len(late) - 1))]
                    print(f"{kind}: {what} {middle:.0f} ms after its {since} (p95 {most:.0f} ms, {len(late)} events)")  # noqa: T201
        print(f"complaints of the page: {complaints or 'none'}")  # noqa: T201


def _cpu_s(whole: Any) -> float:
    return sum(process["cpuTime"] for process in whole.send("SystemInfo.getProcessInfo")["processInfo"])


def _measured(session: Any) -> dict[str, float]:
    return {metric["name"]: metric["value"] for metric in session.send("Performance.getMetrics")["metrics"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = parser.add_subparsers(dest="part", required=True)
    drawn = parts.add_parser("picture")
    drawn.add_argument("url")
    drawn.add_argument("desk", type=Path)
    drawn.add_argument("phone", type=Path)
    left = parts.add_parser("soak")
    left.add_argument("url")
    left.add_argument("--minutes", type=float, default=20.0)
    asked = parser.parse_args()
    if asked.part == "picture":
        picture(asked.url, asked.desk, asked.phone)
    else:
        soak(asked.url, asked.minutes)


if __name__ == "__main__":
    main()
