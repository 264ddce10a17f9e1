from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from made_files import microvolts, whole, write
from made_text import MIND_MONITOR, MUSE, bursts, mind_monitor

from nictate.edges.recordings import labels_beside, read
from nictate.signals import FloatArray, StreamError

N = 6000
BLINKS = ((0, "/muse/event/connected Muse-A579"), (500, "/muse/elements/blink"), (900, "/muse/elements/jaw_clench"))


def save(path: Path, lines: list[str]) -> Path:
    return write(path / "mindMonitor_2024-05-17.csv", "\n".join(lines) + "\n")


def signal(n: int = N) -> FloatArray:
    return microvolts(n, 4) + 800.25


def test_samples_are_read_to_the_bit_and_times_run_evenly(tmp_path: Path) -> None:
    x = signal()
    path = save(tmp_path, mind_monitor(x, bursts(N, 256.0), BLINKS))
    got, recording = whole(path), read(path)
    assert got.samples.tobytes() == x.tobytes()
    assert (recording.montage.names, recording.montage.rate_hz) == (tuple(MUSE), 256.0)
    assert recording.montage.frontal == (1, 2)
    assert recording.montage.blink_channels == (0, 1, 2, 3)
    assert recording.warnings == ()
    steps = np.diff(got.times)
    assert steps.min() > 0.5 / 256.0
    assert steps.max() < 2.0 / 256.0
    assert recording.duration_s == pytest.approx(N / 256.0, abs=0.05)


def test_what_the_app_takes_for_blinks_are_no_labels(tmp_path: Path) -> None:
    path = save(tmp_path, mind_monitor(signal(600), bursts(600, 256.0), BLINKS))
    assert labels_beside(path) == ()
    write(path.with_name("mindMonitor_2024-05-17_events.tsv"), "onset\tduration\ttrial_type\n1\t0.2\tblink\n")
    assert [label.onset for label in labels_beside(path)] == [1.0]


def test_a_headset_out_of_reach_leaves_a_hole(tmp_path: Path) -> None:
    stamps = bursts(N, 256.0)
    away = 2400
    stamps[away:] += 3.0
    path = save(tmp_path, mind_monitor(signal(), stamps))
    times = whole(path).times
    assert read(path).montage.rate_hz == 256.0
    holes = np.flatnonzero(np.diff(times) > 0.5)
    np.testing.assert_array_equal(holes, [away - 1])
    np.testing.assert_allclose(np.diff(times)[holes], 3.0, atol=0.05)


def test_muse_of_before_2016(tmp_path: Path) -> None:
    assert read(save(tmp_path, mind_monitor(signal(), bursts(N, 220.0)))).montage.rate_hz == 220.0


def test_an_auxiliary_channel_is_served_on_demand(tmp_path: Path) -> None:
    path = save(tmp_path, mind_monitor(signal(300), bursts(300, 256.0)))
    assert np.isnan(whole(path, channels=["AUX_RIGHT"]).samples).all()


def test_damaged_lines_are_counted_and_the_others_kept(tmp_path: Path) -> None:
    x = signal(1000)
    lines = mind_monitor(x, bursts(1000, 256.0))
    lines[101] = lines[101].replace("2024-05", "20?4-05")
    lines[501] = lines[501][:40]
    path = save(tmp_path, lines)
    np.testing.assert_array_equal(whole(path).samples, np.delete(x, [100, 500], axis=0))
    assert read(path).warnings == (
        "2 damaged lines left out, the first is line 102: Invalid isoformat string: '20?4-05-17 09:30:00.438'",
    )


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["TimeStamp,Delta_TP9,Elements", "2024-05-17 09:30:00.000,1,"], r"no column RAW_\*; record with raw data"),
        ([",".join(MIND_MONITOR)], "no row with raw data"),
        ([",".join(MIND_MONITOR), "?"], "line 2: 1 fields under"),
        (mind_monitor(signal(60), np.arange(60.0)), "1.0 rows a second"),
        (mind_monitor(signal(N), np.arange(N) / 10.0), "10.0 rows a second; set Mind Monitor's recording interval"),
    ],
)
def test_files_without_use_are_refused_in_a_line(tmp_path: Path, lines: list[str], said: str) -> None:
    with pytest.raises(StreamError, match=rf"^mindMonitor_2024-05-17\.csv: {said}"):
        read(save(tmp_path, lines))
