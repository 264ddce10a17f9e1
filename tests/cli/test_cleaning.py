"""The commands on un-mixing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from programs import nictate, save

from nictate.cli import main
from nictate.simulate import Simulator


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    simulator = Simulator(16, 128.0, seed=2)
    path = tmp_path_factory.mktemp("recordings") / "x_eeg.fif"
    save(path, list(simulator.montage.names), simulator.pull(128 * 40).samples, 128.0)
    return path


def test_every_method_has_a_row_and_all_of_it_is_in_the_files(recording: Path, tmp_path: Path) -> None:
    written, picture = tmp_path / "all.json", tmp_path / "all.png"
    done = nictate("ica", "compare", recording, "--from", 25, "--json", written, "--picture", picture)
    assert done.returncode == 0, done.stderr
    told = json.loads(written.read_text(encoding="utf-8"))
    methods = [row["method"] for row in told["rows"]]
    assert {"input", "nictate, cold", "nictate, gated", "Picard (MNE)", "ASR (meegkit)"} <= set(methods)
    for method in methods:
        assert method in done.stdout
    assert told["measured_from_s"] == 25.0
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--channels", "Fp1"], "channels"),
        (["--channels", "Fp1,Xyz"], "Xyz"),
        (["--from", "39"], "too little"),
        (["--seconds", "1"], "--seconds"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_one_line(
    recording: Path, options: list[str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["nictate", "ica", "compare", str(recording), *options])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert said in capsys.readouterr().err.strip().split("\n")[-1]
