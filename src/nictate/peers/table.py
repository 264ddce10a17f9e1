"""The comparison in words and numbers: Markdown, which reads as well in a terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence

from nictate.peers.contest import Figures, Group, Row

DASH = "-"

RULES = """\
A detection is right by the rule of `nictate evaluate`: its peak lies within 0.1 s of a labelled blink's span, one
detection to one blink; nothing is judged in the first 1.0 s and the last 0.3 s of a recording, nor where the labels
say `ignore`.

A peer sees one channel: on each data set the one, of the mean of the frontal channels and each of them, and the
polarity with which it does best there, told by the labels. *As it comes* is its own setting; *best for all* the one
setting with the best F1 over all these recordings; *best for each* is tuned on the very set that it is judged on, which
nobody could do in use: an upper bound. nictate as it comes looks at all frontal channels, as it is shipped, and takes
nothing from the labels; at its best, it chooses as its peers do: on each set all of those channels or one, and the
threshold that confirms a blink. BLINK, the matched filter and the thresholds are our own implementations; what is not
causal has seen each recording whole. An exception counts as nothing found.

A threshold may do best on the swing that a high-pass leaves after each blink; its delay is then that of the swing.
"""


def markdown(rows: Sequence[Row], groups: Sequence[Group], about: str = "") -> str:
    """F1 of all rows on all groups, what else is told of the rows, and a table a group with what was chosen there.

    ``about`` is a paragraph on who was judged, and by which model.
    """
    names = [g.name for g in groups]
    best = {name: max((_f1(row.groups.get(name)) for row in rows), default=-math.inf) for name in names}
    parts = [
        "# nictate and its peers\n",
        *([f"{about}\n"] if about else []),
        RULES,
        "F1, the best of each set in bold:\n",
        _table(
            ("method", "setting", *names, "all"),
            [
                (row.method, row.setting, *(_bold(row.groups.get(n), best[n]) for n in names), _cell(row.overall, "f1"))
                for row in rows
            ],
        ),
        "All sets together, speed and delay:\n",
        _table(
            (
                "method",
                "setting",
                "causal",
                "precision",
                "recall",
                "false/min",
                "false/min without blinks",
                "start after the peak, ms: median (p95)",
                "blink after the peak, ms: median (p95)",
                "failed on",
                "CPU, ms per minute",
            ),
            [_whole(row) for row in rows],
        ),
    ]
    for g in groups:
        minutes = sum(s.duration_s for s in g.signals) / 60.0
        blinks = sum(len(s.truth.blinks) for s in g.signals)
        people = len({s.subject for s in g.signals})
        parts += [
            f"{g.name}: {_counted(people, 'person')}, {minutes:.1f} minutes, {_counted(blinks, 'labelled blink')}\n",
            _table(
                ("method", "setting", "precision", "recall", "F1", "false/min", "shown; set to"),
                [_on(row, g.name) for row in rows if g.name in row.groups],
            ),
        ]
    return "\n".join(parts)


def _whole(row: Row) -> tuple[str, ...]:
    one = row.overall
    return (
        row.method,
        row.setting,
        "yes" if row.causal else "no",
        _cell(one, "precision"),
        _cell(one, "recall"),
        _cell(one, "false_alarms_per_minute", ".2f"),
        _cell(row.blink_free, "false_alarms_per_minute", ".2f"),
        _delay(one, "start"),
        _delay(one, "blink"),
        str(len(row.failures)) if row.failures else DASH,
        _milliseconds(row.ms_per_minute),
    )


def _on(row: Row, group: str) -> tuple[str, ...]:
    one = row.groups[group]
    scores = (_cell(one, key) for key in ("precision", "recall", "f1"))
    chosen = row.chosen.get(group, DASH)
    return (row.method, row.setting, *scores, _cell(one, "false_alarms_per_minute", ".2f"), chosen)


def _f1(figures: Figures | None) -> float:
    value = None if figures is None else figures["f1"]
    return -math.inf if value is None else value


def _bold(figures: Figures | None, best: float) -> str:
    cell = _cell(figures, "f1")
    return f"**{cell}**" if cell != DASH and f"{best:.3f}" == cell else cell


def _cell(figures: Figures | None, key: str, form: str = ".3f") -> str:
    value = None if figures is None else figures.get(key)
    return DASH if value is None else format(value, form)


def _delay(figures: Figures, kind: str) -> str:
    median = _cell(figures, f"{kind}_latency_median_ms", ".0f")
    return DASH if median == DASH else f"{median} ({_cell(figures, f'{kind}_latency_p95_ms', '.0f')})"


def _milliseconds(value: float | None) -> str:
    return DASH if value is None else f"{value:.0f}" if value >= 10.0 else f"{value:.1f}"


def _counted(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {'people' if what == 'person' else what + 's'}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """With columns of one width, the first two to the left."""
    lines = [list(head), *(list(row) for row in rows)]
    widths = [max(3, *(len(line[k]) for line in lines)) for k in range(len(head))]
    left = [k < 2 or head[k] == "shown; set to" for k in range(len(head))]

    def told(cells: Sequence[str]) -> str:
        padded = (c.ljust(w) if lft else c.rjust(w) for c, w, lft in zip(cells, widths, left, strict=True))
        return f"| {' | '.join(padded)} |\n"

    rule = ["-" * w if lft else "-" * (w - 1) + ":" for w, lft in zip(widths, left, strict=True)]
    return "".join(told(cells) for cells in (lines[0], rule, *lines[1:]))
