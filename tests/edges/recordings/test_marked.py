from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_files import MANY

from nictate.edges.recordings.marked import MOMENT_S, around, blink, means_bad, means_blink


@pytest.mark.parametrize(
    ("text", "is_blink", "is_bad"),
    [
        *((text, True, False) for text in ("blink", " Blinks ", "eye_blink", "eyeblink", "Eye Blink", "EOG blink")),
        *((text, True, False) for text in ("BAD_blink", "bad blink", "BAD_EOG-blink", "eyes_blink")),
        *((text, False, True) for text in ("BAD", "bad_muscle", "BAD segment", "BAD_blinking")),
        *((text, False, False) for text in ("", "blink/start", "blinker", "no blink", "saccade", "BAD_ACQ_SKIP")),
        ("BAD boundary", False, False),
    ],
)
def test_words(text: str, is_blink: bool, is_bad: bool) -> None:
    assert (means_blink(text), means_bad(text)) == (is_blink, is_bad)


@MANY
@given(onset=st.floats(0.0, 1e4), span=st.floats(0.0, 2.0), share=st.none() | st.floats(0.0, 1.0))
def test_a_blink_lasts_and_holds_its_moment(onset: float, span: float, share: float | None) -> None:
    peak = None if share is None else onset + share * span
    label = blink(onset, span, peak)
    moment = onset if peak is None else peak
    assert label.peak == peak
    assert 0.0 <= label.onset <= moment < label.end
    assert label.end - label.onset > MOMENT_S
    if span > MOMENT_S:
        assert (label.onset, label.end) == (onset, onset + span)
    else:
        assert label == around(moment, peak=peak)
