"""Where the ICA stands, for the operator."""

from __future__ import annotations

import pytest

from nictate.standing import IcaStatus


@pytest.mark.parametrize(
    ("status", "line"),
    [
        (IcaStatus(channels=8, offers_source=True, seconds=12.4, needed=20.0), "ICA: learning, 12 s of 20 s"),
        (IcaStatus(channels=8, offers_source=True, correlations=(0.971,)), "ICA: 1 ocular component, r = 0.97"),
        (IcaStatus(channels=8, offers_source=True, correlations=(0.97, 0.6)), "ICA: 2 ocular components, r = 0.97"),
        (IcaStatus(channels=8, offers_source=True), "ICA: no ocular component found"),
        (IcaStatus(channels=2, correlations=(0.9,)), "ICA: cleaning only (2 channels)"),
        (IcaStatus(channels=2), "ICA: cleaning only (2 channels), no ocular component found"),
        (
            IcaStatus(channels=8, offers_source=True, correlations=(0.9,), without=("T7", "O2")),
            "ICA: 1 ocular component, r = 0.90, without T7, O2",
        ),
        (IcaStatus(off="1 channel"), "ICA: off (1 channel)"),
    ],
)
def test_the_line_says_where_it_stands(status: IcaStatus, line: str) -> None:
    assert status.line == line
