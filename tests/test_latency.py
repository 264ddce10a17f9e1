"""The stop watch of the whole service. What it shows is not judged here: a timing never decides a test."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nictate.latency import Receipts, delays, measure
from nictate.signals import StreamError

SENT = np.column_stack((np.arange(1, 501) * 0.02, np.arange(1, 501) * 0.02 + 0.001))
"""Ten seconds in pieces of 20 ms, each sent 1 ms after its newest sample."""


@given(
    st.lists(st.integers(1, 2400), min_size=1, max_size=20, unique=True),
    st.floats(0.001, 0.5),
    st.integers(1, 4),
)
def test_a_delay_counts_from_the_sending_of_the_piece_with_the_deciding_sample(
    samples: list[int], late_s: float, readers: int
) -> None:
    decided = np.sort(np.array(samples)) * 0.004
    # The end of the piece that a sample at 250 Hz is in: five of them each.
    sent = np.ceil(np.sort(np.array(samples)) / 5) * 0.02 + 0.001
    found = delays(SENT, [Receipts(decided, sent + late_s)] * readers, 0.0, 7)
    assert (found.events, found.subscribers, found.stalled, found.missing) == (len(samples), readers, 7, 0)
    assert [found.median_ms, found.p95_ms, found.largest_ms] == pytest.approx([1e3 * late_s] * 3)


def test_what_one_of_them_has_not_got_is_missing_and_the_beginning_does_not_count() -> None:
    decided = np.array([0.5, 2.0, 3.0, 4.0])
    whole, torn = Receipts(decided, decided + 0.01), Receipts(decided[:2], decided[:2] + 0.01)
    found = delays(SENT, [whole, torn], 1.0, 0)
    assert (found.events, found.missing) == (3, 2)


def test_without_an_event_there_is_nothing_to_tell() -> None:
    with pytest.raises(StreamError, match="longer"):
        delays(SENT, [Receipts(np.array([0.5]), np.array([0.6]))], 1.0, 0)


def test_the_whole_service_is_measured_and_nobody_misses_an_event() -> None:
    found = measure(2, 250.0, 6.0, 3, 1)
    assert found.events > 0
    assert (found.subscribers, found.stalled, found.missing) == (3, 1, 0)
    assert 0.0 < found.median_ms <= found.p95_ms <= found.largest_ms
