from __future__ import annotations

import numpy as np
import pytest

from nictate.peers.moments import running_std


@pytest.mark.parametrize("n", [1, 2, 7, 30])
def test_the_running_deviation_is_that_of_each_window(n: int) -> None:
    y = 10.0 * np.random.default_rng(1).standard_normal(30)
    windows = np.lib.stride_tricks.sliding_window_view(y, n)
    assert np.allclose(running_std(y, n), windows.std(axis=1), atol=1e-6)


def test_an_offset_of_many_mv_and_an_artifact_long_ago_change_nothing() -> None:
    y = np.random.default_rng(2).standard_normal(400)
    std = running_std(y, 20)
    assert np.allclose(running_std(y + 2e5, 20), std, rtol=1e-6)
    loud = y.copy()
    loud[50] = 1e7
    assert np.allclose(running_std(loud, 20)[60:], std[60:], rtol=1e-6)
