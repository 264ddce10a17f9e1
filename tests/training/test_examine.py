from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from made_people import person

from nictate.training import examine as module
from nictate.training.examine import examine
from nictate.training.heard import listen
from nictate.training.judge import Judged, Trial, judge
from nictate.training.robustness import turned
from stand_in import STAND_IN

SKIP_S = (1.0, 0.3)
PEOPLE = [person(seed, lasting_s=12.0) for seed in (1, 2)]
MODELS = [Judged(*STAND_IN[:2], (s,)) for s in PEOPLE]
VERDICT = judge(*STAND_IN[:2], PEOPLE, SKIP_S).to_dict()


class Bars:
    """Every bar that was shown is to be full at its end."""

    @contextmanager
    def __call__(self, total: float, unit: str) -> Iterator[Callable[[float, str], None]]:
        done = [0.0]
        yield lambda amount, _: done.append(done[-1] + amount)
        assert done[-1] == pytest.approx(total), unit


@pytest.mark.parametrize("heard", [False, True])
def test_what_was_heard_before_is_judged_like_what_is_heard_now(heard: bool) -> None:
    trials = [Trial(STAND_IN.card, listen(STAND_IN.card, STAND_IN.network, s)) for s in PEOPLE] if heard else None
    assert examine(MODELS, trials, SKIP_S, None, False, "", Bars()) == VERDICT


@pytest.mark.parametrize("reported", [False, True])
def test_all_that_was_asked_for_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reported: bool) -> None:
    from nictate.training import robustness

    monkeypatch.setattr(robustness, "VARIANTS", {"turned": turned})
    report = tmp_path / "report" if reported else None
    found = examine(MODELS, None, SKIP_S, report, True, "Of two.", Bars(), gaze_s=6.0)
    assert {key: found[key] for key in VERDICT} == VERDICT
    assert [row["name"] for row in found["robustness"]] == ["turned"]
    assert len(found["gaze"]) == 2
    assert ("starts_by_threshold" in found) == reported
    assert (tmp_path / "report" / "index.html").is_file() == reported
    assert module.LASTING_S == 1800.0
