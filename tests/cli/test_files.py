"""The commands on recordings and models."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import edfio
import numpy as np
import pytest
from programs import call, column, nictate, running, save, table

from nictate.bench import STAGES
from nictate.profile import USUAL
from nictate.signals import FloatArray
from nictate.simulate import Simulator

NAMES = ["Fp1", "Fp2", "Cz"]
COLUMNS = ["onset", "duration", "trial_type", "peak", "amplitude", "confidence", "decided"]


def wave(seconds: float = 20.0, seed: int = 1) -> FloatArray:
    return Simulator(NAMES, 250.0, seed=seed).pull(round(250.0 * seconds)).samples


def save_edf(path: Path, samples: FloatArray) -> Path:
    parts = [
        edfio.EdfSignal(x, 250.0, label=name, physical_dimension="uV", physical_range=(-3000, 3000))
        for name, x in zip(NAMES, samples.T, strict=True)
    ]
    edfio.Edf(parts, data_record_duration=1.0).write(path)
    return path


def save_xdf(path: Path, samples: FloatArray) -> Path:
    """XDF 1.0, https://github.com/sccn/xdf/wiki/Specifications, in its simplest form."""

    def chunk(tag: int, content: bytes) -> bytes:
        return b"\x04" + (len(content) + 2).to_bytes(4, "little") + tag.to_bytes(2, "little") + content

    channels = "".join(
        f"<channel><label>{name}</label><unit>microvolts</unit><type>EEG</type></channel>" for name in NAMES
    )
    header = (
        f'<?xml version="1.0"?><info><name>amp</name><type>EEG</type><channel_count>{len(NAMES)}</channel_count>'
        "<nominal_srate>250</nominal_srate><channel_format>double64</channel_format>"
        f"<desc><channels>{channels}</channels></desc></info>"
    )
    number = (1).to_bytes(4, "little")
    stamps = 1000.0 + np.arange(len(samples)) / 250.0
    rows = b"".join(
        b"\x08" + t.astype("<f8").tobytes() + x.astype("<f8").tobytes() for t, x in zip(stamps, samples, strict=True)
    )
    path.write_bytes(
        b"XDF:"
        + chunk(1, b'<?xml version="1.0"?><info><version>1.0</version></info>')
        + chunk(2, number + header.encode())
        + chunk(3, number + b"\x04" + len(samples).to_bytes(4, "little") + rows)
    )
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same signal in three formats, the same FIF cut off, and a file that is no recording."""
    folder = tmp_path_factory.mktemp("recordings")
    samples = wave()
    save(folder / "x_eeg.fif", NAMES, samples, 250.0)
    save_edf(folder / "e.edf", samples)
    save_xdf(folder / "d.xdf", samples)
    cut = (folder / "x_eeg.fif").read_bytes()
    (folder / "cut_eeg.fif").write_bytes(cut[: round(0.6 * len(cut))])
    (folder / "foreign.vhdr").write_text("Dear diary", encoding="utf-8")
    return folder


GOOD = ("x_eeg.fif", "e.edf", "d.xdf")
TABLES = ("x_events.tsv", "e_events.tsv", "d_events.tsv")


@pytest.fixture(scope="module")
def made(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `nictate annotate` makes of the good ones."""
    out = tmp_path_factory.mktemp("events")
    with running("annotate", *(folder / name for name in GOOD), "--out", out, "--starts") as annotate:
        assert annotate.ends() == 0, annotate.err
    assert [line.split(": ")[0] for line in annotate.out] == [str(out / name) for name in TABLES]
    # Nothing to say, and neither torch nor matplotlib to load.
    assert [line for line in annotate.err if line.strip()] == ["loaded:"]
    return out


def written(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("name", TABLES)
def test_events_have_exactly_the_columns_of_bids_and_what_is_empty_says_so(made: Path, name: str) -> None:
    text = (made / name).read_text(encoding="utf-8")
    assert text.splitlines()[0].split("\t") == COLUMNS
    rows = table(made / name)
    assert {row["trial_type"] for row in rows} == {"blink", "blink/start"}
    for row in rows:
        empty = {key for key, value in row.items() if value == "n/a"}
        assert empty == ({"duration", "peak", "amplitude"} if row["trial_type"] == "blink/start" else set())
        assert "" not in row.values()
    onsets = [float(row["onset"]) for row in rows]
    assert onsets == sorted(onsets)
    assert 0.0 <= onsets[0] <= onsets[-1] <= 20.0
    about = json.loads((made / name).with_suffix(".json").read_text(encoding="utf-8"))
    assert list(about) == COLUMNS
    assert all(column["Description"] for column in about.values())


def test_the_format_of_a_recording_makes_no_difference(made: Path) -> None:
    fif, edf, xdf = (table(made / name) for name in TABLES)
    assert len(fif) > 2
    for other in (edf, xdf):
        assert [row["trial_type"] for row in other] == [row["trial_type"] for row in fif]
        # EDF rounds the samples to 16 bits.
        for name in ("onset", "decided"):
            for kind in ("blink", "blink/start"):
                np.testing.assert_allclose(column(other, name, kind), column(fif, name, kind), rtol=0.0, atol=0.004)


def test_starts_are_written_only_when_asked_for(
    folder: Path, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert call(["annotate", folder / "x_eeg.fif", "--out", tmp_path], monkeypatch) == 0
    assert table(tmp_path / TABLES[0]) == [r for r in table(made / TABLES[0]) if r["trial_type"] == "blink"]


def test_any_number_of_jobs_writes_the_same_to_the_byte(folder: Path, made: Path, tmp_path: Path) -> None:
    done = nictate("annotate", *GOOD, "--out", tmp_path, "--starts", "--jobs", "2", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert written(tmp_path) == written(made)


def test_a_bad_file_is_named_with_the_reason_and_the_others_are_done(folder: Path, made: Path, tmp_path: Path) -> None:
    files = ("foreign.vhdr", "cut_eeg.fif", "gone.edf", *GOOD)
    done = nictate("annotate", *files, "--out", tmp_path, "--starts", cwd=folder)
    assert done.returncode == 1
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    assert all(line.startswith("nictate: ") for line in lines)
    for name in files[:3]:
        assert any(len(line) > len(f"nictate: {name}: ") for line in lines if name in line)
    good = {name: content for name, content in written(tmp_path).items() if not name.startswith("cut_")}
    assert good == written(made)
    # What can be read of the one that breaks off gives its events.
    cut, whole = table(tmp_path / "cut_events.tsv"), table(made / TABLES[0])
    known = [[row for row in rows if float(row["decided"]) < 10.0] for rows in (cut, whole)]
    assert known[0] == known[1] != []


def test_a_folder_stands_for_the_recordings_in_it(
    folder: Path, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in GOOD:
        home = tmp_path / "in" / name[0]
        home.mkdir(parents=True)
        (home / name).write_bytes((folder / name).read_bytes())
    assert call(["annotate", tmp_path / "in", "--out", tmp_path / "out", "--starts"], monkeypatch) == 0
    assert written(tmp_path / "out") == written(made)
    assert call(["annotate", tmp_path / "out"], monkeypatch) == 2
    assert "no recordings in the folders" in capfd.readouterr().err


def test_labels_are_not_overwritten_unless_asked_for(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    labels = tmp_path / "x_events.tsv"
    labels.write_text("onset\tduration\ttrial_type\n1\t0.2\tblink\n", encoding="utf-8")
    before = labels.read_bytes()
    annotate = ["annotate", folder / "x_eeg.fif", "--out", tmp_path]
    assert call(annotate, monkeypatch) == 2
    assert "--overwrite" in capfd.readouterr().err
    assert written(tmp_path) == {"x_events.tsv": before}
    assert call([*annotate, "--overwrite"], monkeypatch) == 0
    assert set(written(tmp_path)) == {"x_events.tsv", "x_events.json"}
    assert labels.read_bytes() != before


def test_bench_writes_what_it_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "bench.json"
    options = ("--seconds", 1, "--channels", "1,3", "--rates", "250", "--json", report)
    assert call(["bench", *options], monkeypatch) == 0
    shown = capfd.readouterr().out
    found = json.loads(report.read_text(encoding="utf-8"))
    assert [(cost["channels"], cost["rate_hz"]) for cost in found["costs"]] == [(1, 250.0), (3, 250.0)]
    for cost in found["costs"]:
        assert tuple(cost["stages_ms"]) == STAGES
        assert cost["times_real_time"] == pytest.approx(1e3 / cost["total_ms"])
        assert f"{cost['total_ms']:.2f}" in shown
    assert found["machine"]["cores"] > 0


def test_patterns_and_shapes_are_written_where_they_are_asked_for(tmp_path: Path) -> None:
    profile = replace(USUAL, blinks_per_min=30.0, double_share=0.5)
    simulator = Simulator(("Fp1", "Fp2"), 250.0, seed=3, profile=profile)
    save(tmp_path / "x_eeg.fif", ["Fp1", "Fp2"], simulator.pull(15_000).samples, 250.0)
    plain = nictate("annotate", tmp_path / "x_eeg.fif", "--out", tmp_path / "plain")
    whole = nictate("annotate", tmp_path / "x_eeg.fif", "--out", tmp_path / "whole", "--patterns", "--features")
    assert (plain.returncode, whole.returncode) == (0, 0)
    before, after = (table(tmp_path / name / "x_events.tsv") for name in ("plain", "whole"))
    assert {row["trial_type"] for row in before} == {"blink"}
    assert {"blink", "blink/double"} <= {row["trial_type"] for row in after}
    blinks = [row for row in after if row["trial_type"] == "blink"]
    assert [row["peak"] for row in blinks] == [row["peak"] for row in before]
    assert all(0.0 < float(row["duration_half_base"]) < float(row["duration_base"]) for row in blinks)
    # A double has the end of one of the blinks, and more than one within it.
    for double in (row for row in after if row["trial_type"] == "blink/double"):
        begin, length = float(double["onset"]), float(double["duration"])
        within = [row for row in blinks if begin - 1e-3 <= float(row["onset"]) <= begin + length]
        assert len(within) == 2
