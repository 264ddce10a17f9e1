from __future__ import annotations

import dataclasses
import json

from made_people import person

from nictate.training.evaluate import score
from nictate.training.judge import judge
from nictate.training.scores import Score, add
from stand_in import STAND_IN

SKIP_S = (1.0, 0.3)


def counts(scores: list[Score]) -> list[int | float]:
    whole = add(scores)
    return [
        whole.hits,
        whole.misses,
        whole.false_alarms,
        whole.unconfirmed,
        round(whole.scored_s, 6),
        *sorted(whole.start_latency_s),
        *sorted(whole.blink_latency_s),
        *sorted(whole.peak_error_s),
    ]


def test_every_level_adds_up_to_the_whole() -> None:
    people = [person(seed, lasting_s=15.0, of=of) for seed, of in ((1, "a"), (2, "a"), (3, "b"), (4, "a"))]
    # One person was recorded twice.
    people[3] = dataclasses.replace(people[3], subject=people[0].subject)
    heard: list[str] = []
    verdict = judge(*STAND_IN[:2], people, SKIP_S, heard.append)
    assert heard == [s.name for s in people]
    assert verdict.recordings.keys() == {s.name for s in people}
    assert verdict.people.keys() == {"a/sub-1", "a/sub-2", "b/sub-3"}
    assert verdict.sets.keys() == {"a", "b"}
    for level in (verdict.recordings, verdict.people, verdict.sets):
        assert counts(list(level.values())) == counts([verdict.overall])
    assert verdict.people["a/sub-1"] == add([verdict.recordings[people[0].name], verdict.recordings[people[3].name]])
    assert verdict.overall.hits > 10
    assert judge(*STAND_IN[:2], people[::-1], SKIP_S).people["a/sub-2"] == verdict.people["a/sub-2"]


def test_a_recording_is_judged_as_the_detector_hears_it() -> None:
    s = person(1, lasting_s=15.0)
    block = s.block()
    alone = score(STAND_IN.events(s.montage, block), s.truth, SKIP_S)
    assert judge(*STAND_IN[:2], [s], SKIP_S).recordings == {s.name: alone}
    wider = judge(*STAND_IN[:2], [s], (5.0, 5.0)).overall
    assert wider.scored_s < alone.scored_s
    assert wider.hits + wider.misses < alone.hits + alone.misses


def test_a_verdict_fits_into_json() -> None:
    row = judge(*STAND_IN[:2], [person(1, lasting_s=15.0)], SKIP_S).to_dict()
    assert json.loads(json.dumps(row, allow_nan=False)) == row
    assert row.keys() == {"overall", "recordings", "people", "sets", "conditions", "per_person", "intervals"}
    nothing = judge(*STAND_IN[:2], [], SKIP_S).to_dict()
    assert nothing["overall"]["f1"] is None
    assert nothing["people"] == {}
