"""The wheel carries all that it needs and nothing else.

Here it is unpacked and run; scripts/check-wheel, which takes longer, installs it into an empty environment.
"""

from __future__ import annotations

import csv
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def run(*command: object) -> None:
    done = subprocess.run([sys.executable, *map(str, command)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run("-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT)
    (built,) = folder.glob("*.whl")
    return built


def test_wheel_carries_sources_and_model_and_nothing_else(wheel: Path) -> None:
    files = {name for name in zipfile.ZipFile(wheel).namelist() if not name.startswith("nictate-")}
    sources = {path.relative_to(ROOT / "src").as_posix() for path in (ROOT / "src/nictate").rglob("*.py")}
    page = (ROOT / "src/nictate/edges/web/static").iterdir()
    sources |= {path.relative_to(ROOT / "src").as_posix() for path in page}
    assert "nictate/edges/web/static/index.html" in sources
    assert files == sources | {"nictate/py.typed", "nictate/models/blink.json", "nictate/models/blink.onnx"}


def test_wheel_states_its_licence_and_its_command(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    about = f"{'-'.join(wheel.name.split('-')[:2])}.dist-info"
    assert archive.read(f"{about}/licenses/LICENSE") == (ROOT / "LICENSE").read_bytes()
    assert "nictate = nictate.cli:main" in archive.read(f"{about}/entry_points.txt").decode()


def test_wheel_annotates_a_recording_away_from_the_sources(wheel: Path, tmp_path: Path) -> None:
    unpacked, recording = tmp_path / "unpacked", tmp_path / "x_eeg.fif"
    zipfile.ZipFile(wheel).extractall(unpacked)
    run("-I", ROOT / "scripts/blinking_recording.py", recording)
    # First on the path, so that it is this copy that runs, whatever is installed.
    start = f"""if True:
        import runpy, sys
        sys.path.insert(0, {str(unpacked)!r})
        import nictate
        assert nictate.__file__.startswith(sys.path[0]), nictate.__file__
        runpy.run_module("nictate", run_name="__main__", alter_sys=True)
    """
    run("-I", "-c", start, "annotate", recording, "--out", tmp_path / "out")
    with (tmp_path / "out/x_events.tsv").open(encoding="utf-8", newline="") as table:
        events = list(csv.DictReader(table, delimiter="\t"))
    assert list(events[0]) == [
        "onset",
        "duration",
        "trial_type",
        "peak",
        "amplitude",
        "confidence",
        "decided",
    ]
    assert {event["trial_type"] for event in events} == {"blink"}
    # Ten blinks of 150 µV. How well they are found is measured elsewhere; here something has to be found.
    assert 5 <= len(events) <= 15
