"""The report of an evaluation: one HTML file with its pictures in it, for people.

One file, plain HTML without a script, can be mailed, moved and opened years later.
"""

from __future__ import annotations

import base64
import html
import io
import re
from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from nictate.training import pictures
from nictate.training.analysis import Analysis
from nictate.training.evaluate import TOLERANCE_S
from nictate.training.findings import Finding

Section = tuple[str, str]
"""A heading, and HTML."""

SHARES = {
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
    "false_alarms_per_minute": "false alarms per minute",
    "unconfirmed_starts_share": "starts that no blink completes",
}
TIMES = {
    "start_latency": "blink/start after the peak",
    "start_after_onset": "blink/start after the onset",
    "blink_latency": "blink after the peak",
    "blink_after_end": "blink after the end",
    "peak_error": "error of the peak",
    "duration_error": "error of the duration",
}
"""By the names that they have in `Score.to_dict`, which gives them in ms: median, and for delays p95."""


def write_report(
    folder: Path,
    analysis: Analysis,
    about: str,
    sections: Sequence[Section] = (),
    advance: Callable[[float, str], None] = lambda *_: None,
) -> Path:
    """``folder``/index.html. ``about`` says in a sentence what was judged; ``sections`` come before the galleries."""
    found = analysis.to_dict()
    sure = found["intervals"]
    skipped = "Labels are those of people and may be wrong: the galleries are there to judge them too."
    with pictures.styled():
        parts: list[Section] = [
            (
                "Data sets",
                _table({**found["sets"], "all": found["overall"]}, {**sure["sets"], "all": sure["overall"]}, "data set")
                + f"<p>In brackets the 95 % interval of {sure['resamples']} bootstrap resamples of people. "
                "Of one person there is none. Times in ms: median, for delays also the 95th percentile (p95).</p>",
            ),
            ("Each person by himself", _each(found["per_person"])),
            ("Eyes closed, and recordings without blinks", _table(found["conditions"], {}, "recordings")),
            (
                "Accuracy against latency",
                "<p>How well <code>blink/start</code> does by itself, if one look-ahead alone decides, at one "
                "threshold after the other, for all recordings alike. A start is right when the moment that the "
                f"network spoke of lies within {TOLERANCE_S:g} s of a labelled blink's span, one to one. The star is "
                "what the rules of the cards made of all look-aheads together; there the moment is the peak of the "
                "<code>blink</code> that completes the start, or else its onset.</p>"
                + picture(pictures.latencies(analysis), "accuracy against latency", 110),
            ),
            (
                "Thresholds and confidence",
                picture(pictures.curves(analysis), "ROC, precision and recall, calibration", 110),
            ),
            *sections,
            ("People", _table(found["people"], {}, "person", link=True)),
            ("Missed blinks and false alarms", _galleries(analysis.found, advance)),
        ]
    page = PAGE.format(
        about=html.escape(about),
        tolerance=f"{TOLERANCE_S:g}",
        note=skipped,
        contents="".join(f'<li><a href="#{_anchor(title)}">{html.escape(title)}</a></li>' for title, _ in parts),
        body="".join(
            f'<section id="{_anchor(title)}"><h2>{html.escape(title)}</h2>{text}</section>' for title, text in parts
        ),
    )
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "index.html"
    path.write_text(page, encoding="utf-8")
    return path


def robust_sections(found: dict[str, Any]) -> list[Section]:
    """Of ``robustness`` and ``gaze``, where they were asked for."""
    sections = []
    if "robustness" in found:
        rows = [
            [
                html.escape(row["name"]),
                str(row["people"]),
                measure(row["before"], ".3f"),
                measure(row["after"], ".3f"),
                measure(row["fall"], ".3f", row["interval"]),
            ]
            for row in found["robustness"]
        ]
        head = ["the same recordings", "people", "F1 as they are", "F1 changed", "falls by"]
        sections.append(("On another amplifier", table(head, rows)))
    if "gaze" in found:
        rows = [
            [
                html.escape(row["script"]),
                measure(row["false_alarms_per_minute"], ".2f"),
                measure(row["false_alarms_among_blinks_per_minute"], ".2f"),
                measure(row["recall"], ".3f"),
                measure(row["recall_without_saccades"], ".3f"),
            ]
            for row in found["gaze"]
        ]
        false = ["false alarms per minute", "false alarms per minute among blinks"]
        head = ["simulated", *false, "recall of blinks between saccades", "of the same without"]
        sections.append(("Saccades", table(head, rows)))
    return sections


def picture(figure: Figure, alt: str, dpi: int) -> str:
    """An ``img`` that holds its own PNG."""
    content = io.BytesIO()
    figure.savefig(content, dpi=dpi, format="png")
    width, height = figure.get_size_inches()
    data = base64.b64encode(content.getvalue()).decode("ascii")
    size = f'width="{width * 90:.0f}" height="{height * 90:.0f}"'
    return f'<img alt="{html.escape(alt, quote=True)}" {size} src="data:image/png;base64,{data}">'


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Cells are HTML; the first column is of names."""
    top = "".join(f"<th>{cell}</th>" for cell in head)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f'<div class="wide"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'


def measure(value: float | None, form: str, interval: Sequence[float] | None = None) -> str:
    """A number with its interval, in HTML."""
    if value is None:
        return "-"
    sure = f" <i>[{interval[0]:{form}}, {interval[1]:{form}}]</i>" if interval else ""
    return f"{value:{form}}{sure}"


def _table(rows: dict[str, Any], sure: dict[str, Any], what: str, *, link: bool = False) -> str:
    head = [what, "minutes", "blinks", "missed", "false alarms", *SHARES.values(), *TIMES.values()]
    body = []
    for name, row in rows.items():
        of = sure.get(name, {})
        wrong = row["misses"] + row["false_alarms"]
        label = html.escape(name)
        cells = [f'<a href="#{_anchor(name)}">{label}</a>' if link and wrong else label]
        cells += [f"{row['minutes']:.1f}", *(str(row[key]) for key in ("blinks", "misses", "false_alarms"))]
        for key in SHARES:
            form = ".2f" if key == "false_alarms_per_minute" else ".1%" if key.endswith("share") else ".3f"
            cells.append(measure(row[key], form, of.get(key)))
        for key in TIMES:
            late = row.get(f"{key}_p95_ms")
            text = measure(row[f"{key}_median_ms"], ".0f", of.get(f"{key}_median_ms"))
            cells.append(text + ("" if late is None else f" <small>p95 {late:.0f}</small>"))
        body.append(cells)
    return table(head, body)


def _each(per_person: dict[str, Any]) -> str:
    rows = []
    for name, measures in {**per_person["sets"], "all": per_person["overall"]}.items():
        people = measures["f1"]["people"]
        if not people:
            continue
        cells = [html.escape(name), str(people)]
        for key in ("f1", "precision", "recall"):
            row = measures[key]
            cells += [measure(row[of], ".3f", row[f"{of}_interval"]) for of in ("mean", "median")]
        rows.append(cells)
    head = [f"{key}: {of}" for key in ("F1", "precision", "recall") for of in ("mean", "median")]
    return table(["data set", "people who blink", *head], rows)


def _galleries(found: Sequence[Finding], advance: Callable[[float, str], None]) -> str:
    """By person; who made no mistake is left out."""
    people = sorted(found, key=lambda finding: finding.signal.subject)
    parts = [LEGEND]
    for subject, of in groupby(people, key=lambda finding: finding.signal.subject):
        findings = list(of)
        kinds = [mistake.kind for finding in findings for mistake in finding.mistakes]
        if kinds:
            shown = "".join(picture(figure, f"mistakes of {subject}", 110) for figure in pictures.gallery(findings))
            counts = f"{kinds.count('missed')} missed, {kinds.count('false alarm')} false alarms"
            parts.append(
                f'<details open id="{_anchor(subject)}"><summary>{html.escape(subject)}: {counts}</summary>{shown}'
                "</details>"
            )
        advance(len(findings) / len(found), subject)
    return "".join(parts)


def _anchor(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


LEGEND = f"""<p>Four seconds each, the three channels nearest to the eyes (the first in black), from 0.5 to 20 Hz
without delay. <b style="color:{pictures.LABEL}">Green</b>: labelled blinks.
<b style="color:{pictures.IGNORE}">Grey</b>: labelled as neither, and detections that count neither way.
Triangles: detected peaks, <b style="color:{pictures.RIGHT}">right</b> or
<b style="color:{pictures.FALSE}">false</b>. Crosses: <b style="color:{pictures.MISSED}">missed</b>.
Percents: confidence.</p>"""

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>nictate: evaluation</title>
<style>body{{font:14px/1.5 system-ui,sans-serif;max-width:96rem;margin:2rem auto;padding:0 1.5rem;color:#111;
background:#fff}} img{{max-width:100%;height:auto;display:block}} h2{{margin-top:2.2rem}} .wide{{overflow-x:auto}}
table{{border-collapse:collapse;font-variant-numeric:tabular-nums}}
td,th{{padding:.15rem .7rem;text-align:right;font-weight:400;vertical-align:bottom;white-space:nowrap}}
th{{border-bottom:1px solid #111;white-space:normal;min-width:3.5rem}} tr:nth-child(even) td{{background:#f6f6f6}}
td:first-child,th:first-child{{text-align:left}} i{{font-style:normal;color:#777;font-size:.85em}} small{{color:#555}}
summary{{font-weight:600;padding:.4rem 0;cursor:pointer}} a{{color:#1a4f9c}}</style>
<h1>Evaluation</h1><p>{about}</p><p>A detection is right when its peak lies within {tolerance} s of a labelled blink's
span, one detection to one blink. Delays are of stream time: the newest sample used, less the labelled moment.
{note}</p><ul>{contents}</ul>{body}</html>
"""
