from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import mne
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from made_files import MANY, NAMES, RATE_HZ, microvolts, save_fif, write
from made_text import openbci_3

from nictate.edges.recordings import Label, browse, labels_beside, read, save_annotations
from nictate.edges.recordings.browser import Screen
from nictate.signals import ConfigError, FloatArray


def with_a_hole(folder: Path) -> Path:
    """4 s, 0.4 s that were lost, 4 s: as text, which MNE itself cannot read."""
    where = np.r_[0:1000, 1100:2100]
    x = np.column_stack([microvolts(2000, 2), microvolts(2000, 2, seed=2)])
    return write(folder / "x.txt", "\n".join(openbci_3(x, (where % 256).tolist())))


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return with_a_hole(tmp_path_factory.mktemp("browser"))


labels = st.builds(
    lambda kind, onset, span, peak, note: Label(
        kind, onset, onset + span, None if kind == "ignore" or peak is None else onset + peak * span, note
    ),
    st.sampled_from(["blink", "ignore"]),
    st.floats(0.0, 7.0),
    st.floats(0.01, 0.6),
    st.none() | st.floats(0.0, 1.0),
    st.sampled_from(["", "proposed"]),
)


@MANY
@given(marked=st.lists(labels, max_size=6, unique_by=lambda label: round(label.onset)))
@example(marked=[Label("blink", 1.0, 1.5, None), Label("blink", 1.5, 2.0, 1.5)])  # The peak is not the first one's.
def test_untouched_labels_come_back_to_the_bit_and_are_looked_at(path: Path, marked: list[Label]) -> None:
    screen = Screen.of(read(path))
    screen.show(marked)
    found = screen.labels(marked)
    assert found == tuple(Label(x.kind, x.onset, x.end, x.peak) for x in sorted(marked, key=lambda x: x.onset))


def test_the_screen_shows_the_samples_and_a_hole(path: Path) -> None:
    recording = read(path)
    shown: FloatArray = 1e6 * Screen.of(recording).raw.get_data().T
    heard = np.concatenate([block.samples for block in recording.blocks()])
    np.testing.assert_allclose(shown[:1000], heard[:1000], rtol=0, atol=1e-9)
    np.testing.assert_array_equal(shown[1000:1100], 0.0)
    np.testing.assert_allclose(shown[1100:], heard[1000:], rtol=0, atol=1e-9)


def test_what_a_person_changes_counts(path: Path) -> None:
    before = [Label("blink", 1.0, 1.2, 1.1, "proposed"), Label("blink", 2.0, 2.2, 2.1), Label("blink", 3.0, 3.2, 3.1)]
    screen = Screen.of(read(path))
    screen.show(before)
    marks = screen.raw.annotations
    by_onset = {round(float(at), 3): k for k, at in enumerate(marks.onset)}
    marks.duration[by_onset[1.0]] = 0.4  # longer, about the same peak
    marks.onset[by_onset[2.0]] = 2.15  # away from its peak
    marks.delete(by_onset[3.0])
    marks.append([5.0, 6.0, 7.0], [0.25, 0.5, 0.25], ["eye blink", "BAD_muscle", "stimulus"])
    found = screen.labels(before)
    assert [(x.kind, round(x.onset, 6), round(x.end, 6), x.peak) for x in found] == [
        ("blink", 1.0, 1.4, 1.1),
        ("blink", 2.15, 2.35, None),
        ("blink", 5.0, 5.25, None),
        ("ignore", 6.0, 6.5, None),
    ]


def test_the_browser_draws_and_gives_the_labels_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", ":none")
    mpl.use("Agg")
    monkeypatch.setenv("MNE_BROWSER_BACKEND", "matplotlib")
    marked = (Label("blink", 1.0, 1.2, 1.1), Label("ignore", 2.0, 3.0, None))
    recording = read(
        save_fif(tmp_path / "x_raw.fif", microvolts(1500, 4), names=("Cz", "Fp1", "Pz", "AF3"), kinds=["eeg"] * 4)
    )
    drawn = []
    plot = mne.io.RawArray.plot

    def watched(*args: object, **kwargs: object) -> object:
        drawn.append(plot(*args, **kwargs))
        return drawn[-1]

    monkeypatch.setattr(mne.io.RawArray, "plot", watched)
    assert browse(recording, marked, block=False) == marked
    assert [text.get_text() for text in drawn[0].mne.ax_main.get_yticklabels()] == ["Fp1", "AF3", "Cz", "Pz"]


def test_without_a_screen_a_line_says_so(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with pytest.raises(ConfigError, match=r"^no display: .*--no-browser"):
        browse(read(path), ())
    monkeypatch.setenv("DISPLAY", ":none")
    monkeypatch.setenv("MNE_BROWSER_BACKEND", "matplotlib")
    mpl.use("Agg")
    with pytest.raises(ConfigError, match="can only draw into files here"):
        browse(read(path), ())


@pytest.mark.parametrize("suffix", [".txt", "-annot.fif"])
def test_annotations_are_those_that_mne_reads(tmp_path: Path, suffix: str) -> None:
    marked = (Label("blink", 1.0, 1.25, 1.1), Label("ignore", 2.5, 3.0, None))
    target = save_annotations(tmp_path / f"x{suffix}", marked)
    found = mne.read_annotations(target)
    np.testing.assert_allclose(found.onset, [1.0, 2.5], atol=1e-6)
    np.testing.assert_allclose(found.duration, [0.25, 0.5], atol=1e-6)
    assert list(found.description) == ["blink", "ignore"]
    with pytest.raises(ConfigError, match="exists already"):
        save_annotations(target, marked)
    with pytest.raises(ConfigError, match=r"x\.json: annotations are written as \.txt, \.fif"):
        save_annotations(tmp_path / "x.json", marked)


def test_annotations_put_into_a_file_are_labels(tmp_path: Path) -> None:
    save_annotations(tmp_path / "a.txt", (Label("blink", 1.0, 1.25, 1.1),))
    path = save_fif(tmp_path / "x_raw.fif", microvolts(1500, 4), names=NAMES)
    raw = mne.io.read_raw_fif(path, preload=True, verbose="error")
    raw.set_annotations(mne.read_annotations(tmp_path / "a.txt"))
    raw.save(path, overwrite=True, verbose="error")
    (found,) = labels_beside(path)
    assert (found.kind, found.onset) == ("blink", pytest.approx(1.0, abs=1.0 / RATE_HZ))
