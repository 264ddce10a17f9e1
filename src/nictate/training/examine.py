"""An evaluation from beginning to end: what was asked for, as JSON and as a report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from nictate.training.gaze import LASTING_S, gazing
from nictate.training.heard import listen
from nictate.training.judge import Judged, Trial, Verdict, conclude, judge, judge_trials
from nictate.training.robustness import robustness

Progress = Callable[[float, str], AbstractContextManager[Callable[[float, str], None]]]
"""Of so many units of this name: ``advance(amount, text)``, as in `nictate.cli.shell.progress`."""


def examine(
    models: Sequence[Judged],
    trials: Sequence[Trial] | None,
    skip_s: tuple[float, float],
    report: Path | None,
    robust: bool,
    about: str,
    progress: Progress,
    gaze_s: float = LASTING_S,
) -> dict[str, Any]:
    """What `Verdict.to_dict` has, with a ``report`` what `Analysis.to_dict` has; ``robustness`` and ``gaze`` if asked.

    ``trials`` are the recordings as they were heard, if they were. The report is written into its folder.
    """
    if report is not None and trials is None:
        trials = _heard(models, progress)
    verdict = judge_trials(trials, skip_s) if trials is not None else _judged(models, skip_s, progress)
    if report is None:
        found = verdict.to_dict()
        if robust:
            found |= _robust(models, verdict, skip_s, gaze_s, progress)
        return found
    # matplotlib, which nothing else needs.
    from nictate.training.analysis import analyse
    from nictate.training.report import robust_sections, write_report

    assert trials is not None
    with progress(1.0, "") as advance:
        analysis = analyse(trials, skip_s, advance)
    found = analysis.to_dict()
    if robust:
        found |= _robust(models, verdict, skip_s, gaze_s, progress)
    with progress(1.0, "") as advance:
        write_report(report, analysis, about, robust_sections(found), advance)
    return found


def _heard(models: Sequence[Judged], progress: Progress) -> list[Trial]:
    with progress(sum(len(one.signals) for one in models), "recordings") as advance:
        trials = []
        for one in models:
            for s in one.signals:
                trials.append(Trial(one.card, listen(one.card, one.network, s)))
                advance(1.0, s.name)
    return trials


def _judged(models: Sequence[Judged], skip_s: tuple[float, float], progress: Progress) -> Verdict:
    """Without keeping what was heard, which takes much memory."""
    with progress(sum(len(one.signals) for one in models), "recordings") as advance:
        parts = [judge(one.card, one.network, one.signals, skip_s, lambda name: advance(1.0, name)) for one in models]
    signals = [s for one in models for s in one.signals]
    scores = {name: score for part in parts for name, score in part.recordings.items()}
    return conclude(signals, [scores[s.name] for s in signals])


def _robust(
    models: Sequence[Judged], verdict: Verdict, skip_s: tuple[float, float], gaze_s: float, progress: Progress
) -> dict[str, Any]:
    with progress(2.0, "parts") as advance:
        variants = robustness(models, verdict, skip_s, advance)
        scripts = gazing(models, skip_s, gaze_s, advance)
    return {"robustness": [row.to_dict() for row in variants], "gaze": [row.to_dict() for row in scripts]}
