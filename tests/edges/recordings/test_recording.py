from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_files import MANY, whole

from nictate.edges.recordings import read
from nictate.signals import ConfigError


@pytest.mark.parametrize("form", ["fif", "gz", "edf", "set", "xdf"])
@pytest.mark.usefixtures("small_pieces")
@MANY
@given(size=st.integers(1, 2000))
def test_any_size_of_blocks_gives_the_same_bits(made: dict[str, Path], form: str, size: int) -> None:
    recording = read(made[form])
    blocks = list(recording.blocks(size))
    assert all(len(b) == size for b in blocks[:-1])
    assert 0 < len(blocks[-1]) <= size
    together, once = whole(made[form], size), whole(made[form], 10**6)
    assert together.samples.tobytes() == once.samples.tobytes()
    assert together.times.tobytes() == once.times.tobytes()
    assert len(once) == recording.n_samples == 1500


def test_a_recording_can_be_read_again(made: dict[str, Path]) -> None:
    recording = read(made["edf"])
    first = next(recording.blocks(100))
    first.samples[:] = np.nan  # What one reader does to its block does not reach the next.
    assert not np.isnan(next(recording.blocks(100)).samples).any()


@pytest.mark.parametrize("size", [0, -1])
def test_blocks_without_samples_are_refused(made: dict[str, Path], size: int) -> None:
    with pytest.raises(ConfigError, match="at least 1"):
        read(made["edf"]).blocks(size)
