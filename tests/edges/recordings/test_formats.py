from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_files import MANY, RATE_HZ, microvolts, whole

from nictate.edges.recordings import read
from nictate.signals import Block, ConfigError, StreamError


@pytest.mark.parametrize("form", ["fif", "gz", "edf", "set", "xdf"])
def test_every_format_gives_microvolts_and_seconds_from_the_first_sample(made: dict[str, Path], form: str) -> None:
    got = whole(made[form])
    np.testing.assert_allclose(got.samples, microvolts(1500, 2), rtol=0, atol=1e-3)
    np.testing.assert_allclose(got.times, np.arange(1500) / RATE_HZ, rtol=0, atol=1e-9)
    recording = read(made[form])
    assert recording.montage.rate_hz == RATE_HZ
    assert recording.duration_s == pytest.approx(6.0, abs=1e-9)
    assert recording.warnings == ()


def test_reading_imports_neither_matplotlib_nor_torch_and_says_nothing(made: dict[str, Path]) -> None:
    program = (
        "import sys\nfrom nictate.edges.recordings import read\n"
        "for path in sys.argv[1:]: assert sum(map(len, read(path).blocks())) == 1500\n"
        "assert not {'matplotlib', 'torch'} & set(sys.modules), sorted(sys.modules)\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", program, *(str(path) for path in made.values())]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_only_xdf_has_streams(made: dict[str, Path]) -> None:
    with pytest.raises(ConfigError, match="only an XDF file has streams"):
        read(made["fif"], stream="amp")


def prefix_of(path: Path, size: int) -> tuple[Block | None, str]:
    """All that can be had from a damaged file, and the complaint."""
    blocks = []
    try:
        recording = read(path)
        for block in recording.blocks(size):
            blocks.append(block)  # noqa: PERF402  # what came before an error is kept
    except StreamError as error:
        complaint = str(error)
    else:
        complaint = "; ".join(recording.warnings)
    assert complaint.isprintable()
    if not blocks:
        return None, complaint
    return Block(np.concatenate([b.samples for b in blocks]), np.concatenate([b.times for b in blocks])), complaint


@pytest.mark.parametrize("form", ["fif", "edf", "xdf"])
@MANY
@given(kept=st.floats(0.0, 0.999))
def test_a_truncated_file_gives_its_good_beginning_and_a_complaint(
    made: dict[str, Path], tmp_path: Path, form: str, kept: float
) -> None:
    data = made[form].read_bytes()
    path = tmp_path / made[form].name
    path.write_bytes(data[: int(kept * len(data))])
    good, complaint = prefix_of(path, 64)
    at_once, _ = prefix_of(path, 10**6)
    assert complaint
    if good is not None:
        assert at_once is not None
        assert at_once.samples.tobytes() == good.samples.tobytes()
        full = whole(made[form])
        assert good.samples.tobytes() == full.samples[: len(good)].tobytes()
    if kept > 0.5:
        assert good is not None
        assert len(good) > 1500 * (kept - 0.35)


@MANY
@given(at=st.integers(0, 30_000), byte=st.integers(0, 255))
@pytest.mark.parametrize("form", ["fif", "edf", "xdf", "set"])
def test_a_damaged_byte_never_raises_anything_else(
    made: dict[str, Path], tmp_path: Path, form: str, at: int, byte: int
) -> None:
    data = bytearray(made[form].read_bytes())
    data[at % min(len(data), 4000)] = byte  # near the beginning, where the headers are
    path = tmp_path / made[form].name
    path.write_bytes(data)
    try:
        for block in read(path).blocks(500):
            assert len(block) > 0
    except StreamError as error:
        complaint = str(error)
    else:
        complaint = "none"
    assert complaint.isprintable()
