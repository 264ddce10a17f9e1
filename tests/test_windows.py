from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nictate.scaling import Scaled
from nictate.signals import FloatArray
from nictate.windows import Window, Windows

INPUTS, ROWS = 3, 2


def parts(lengths: list[int]) -> list[Scaled]:
    """A stream whose every number is its own, in parts of these lengths."""
    n = sum(lengths)
    inputs = 1.0 + np.arange(n * ROWS * INPUTS, dtype=np.float64).reshape(n, ROWS, INPUTS)
    samples = -1.0 - np.arange(n * INPUTS, dtype=np.float64).reshape(n, INPUTS)
    bounds = np.cumsum([0, *lengths])
    return [
        Scaled(
            inputs[a:b],
            samples[a:b],
            np.arange(a, b) / 100.0,
            usable=np.arange(INPUTS) == k % INPUTS,
            scale=np.full(INPUTS, float(k)),
        )
        for k, (a, b) in enumerate(pairwise(bounds))
    ]


def padded(x: FloatArray, length: int, value: float) -> FloatArray:
    return np.concatenate((np.full((length, *x.shape[1:]), value), x))


@settings(deadline=None, max_examples=60)
@given(length=st.integers(5, 20), hop=st.integers(1, 5), lengths=st.lists(st.integers(0, 5), min_size=1, max_size=60))
def test_windows_are_the_newest_samples_every_hop(length: int, hop: int, lengths: list[int]) -> None:
    stream = parts(lengths)
    windows = Windows(length, hop, INPUTS, ROWS)
    found = [(k, window) for k, part in enumerate(stream) for window in windows.push(part)]
    n = sum(lengths)
    assert len(found) == n // hop
    inputs = padded(np.concatenate([part.inputs for part in stream]), length, 0.0)
    samples = padded(np.concatenate([part.samples for part in stream]), length, 0.0)
    times = padded(np.concatenate([part.times for part in stream]), length, -np.inf)
    ends = np.cumsum(lengths)
    for j, (k, window) in enumerate(found, start=1):
        here = slice(j * hop, j * hop + length)
        assert np.array_equal(window.inputs, inputs[here].transpose(2, 1, 0).astype(np.float32))
        assert np.array_equal(window.samples, samples[here])
        assert np.array_equal(window.times, times[here])
        # As soon as its newest sample is there, and with what was known then.
        assert k == np.flatnonzero(ends >= j * hop)[0]
        assert np.array_equal(window.usable, stream[k].usable)
        assert np.array_equal(window.scale, stream[k].scale)


@pytest.mark.parametrize(("length", "hop"), [(10, 4), (130, 4), (5, 1)])
def test_windows_that_were_handed_out_never_change(length: int, hop: int) -> None:
    windows = Windows(length, hop, INPUTS, ROWS)
    handed: list[tuple[Window, bytes]] = []
    for part in parts([4, 5, 3] * 100):
        handed += [(window, contents(window)) for window in windows.push(part)]
    assert len(handed) == 1200 // hop
    assert all(contents(window) == before for window, before in handed)


def contents(window: Window) -> bytes:
    return b"".join(
        part.tobytes() for part in (window.inputs, window.samples, window.times, window.usable, window.scale)
    )
