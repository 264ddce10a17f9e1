from __future__ import annotations

from pathlib import Path

import mne
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_files import KINDS, MANY, NAMES, microvolts, raw_of, write

from nictate.edges.recordings import Label, labels_beside, read_labels, write_labels
from nictate.edges.recordings.labels import PROPOSED, read_table
from nictate.edges.recordings.marked import AFTER_PEAK_S, BEFORE_PEAK_S
from nictate.signals import ConfigError, StreamError


def test_labels(tmp_path: Path) -> None:
    tsv = write(
        tmp_path / "x_events.tsv",
        "\ufeffonset\tduration\ttrial_type\tsample\tpeak\tnote\r\n"
        "2.5\tn/a\tstimulus\t625\tn/a\t\r\n1.0\t0.25\tblink\t250\t1.1\t\"a \"\"quoted\"\" one\"\r\n\r\n"
        "3\t1\tignore\t750\tn/a\tn/a\r\n",
    )  # fmt: skip
    assert read_labels(tsv) == (
        Label("blink", 1.0, 1.25, 1.1, 'a "quoted" one'),
        Label("stimulus", 2.5, 2.5, None),
        Label("ignore", 3.0, 4.0, None),
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1: no column onset, duration"),
        ("onset\tduration\n1\t2\n", "line 1: no column trial_type"),
        (
            "onset\tduration\ttrial_type\n1\t2\tblink\nx\t2\tblink\n",
            "line 3: onset is not a number of seconds: x",
        ),
        ("onset\tduration\ttrial_type\nn/a\t2\tblink\n", "line 2: an onset is needed"),
        ("onset\tduration\ttrial_type\ninf\t2\tblink\n", "line 2: onset is not a number"),
        ("onset\tduration\ttrial_type\n1\t-2\tblink\n", "line 2: a duration of -2 s"),
        ("onset\tduration\ttrial_type\n1\t2\n", "line 2: 2 fields under 3 columns"),
        (
            'onset\tduration\ttrial_type\n1\t2\t"blink\n2\t2\tblink\n',
            "cannot be read: unexpected end of data",
        ),
    ],
)
def test_ill_formed_labels_are_named_with_line_and_reason(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(StreamError, match=rf"^x_events\.tsv(, |: ){said}"):
        read_labels(write(tmp_path / "x_events.tsv", text))


def test_labels_that_are_no_text_or_not_there(tmp_path: Path) -> None:
    (tmp_path / "x_events.tsv").write_bytes(b"onset\tduration\ttrial_type\n\xff\xfe\n")
    for name in ("x_events.tsv", "y_events.tsv"):
        with pytest.raises(StreamError, match=rf"^{name}: cannot be read"):
            read_labels(tmp_path / name)


def test_labels_beside_a_recording(tmp_path: Path, made: dict[str, Path]) -> None:
    write(tmp_path / "x_events.tsv", "onset\tduration\ttrial_type\n1\t2\tblink\n")
    for name in ("x_eeg.fif", "x.edf", "x.xdf"):
        assert labels_beside(tmp_path / name) == (Label("blink", 1.0, 3.0, None),)
    assert labels_beside(made["edf"]) == labels_beside(made["xdf"]) == ()
    with pytest.raises(StreamError, match=r"^gone\.edf: no such file"):
        labels_beside(tmp_path / "gone.edf")


def test_whatever_says_blink_is_one(tmp_path: Path) -> None:
    tsv = write(
        tmp_path / "x_events.tsv",
        "onset\tduration\ttrial_type\tvalue\n"
        "1\t0.2\tBlink\t1\n2\t0.2\tn/a\teye_blink\n3\t0.2\tBAD_blink\tn/a\n4\t0.2\tSTATUS\tEye Blinks\n"
        "5\t0.2\tignore\tblink\n6\t0.2\tblinker\t2\nn/a\tn/a\tresponse\t3\n",
    )
    found = read_labels(tsv)
    assert [(label.kind, label.onset) for label in found] == [
        *(("blink", float(k)) for k in (1, 2, 3, 4)),
        ("ignore", 5.0),
        ("blinker", 6.0),
    ]


def test_a_blink_of_a_moment_gets_a_span_around_it(tmp_path: Path) -> None:
    tsv = write(
        tmp_path / "x_events.tsv",
        "onset\tduration\tvalue\tpeak\n3\t0\tblink\tn/a\n5\tn/a\tblink\t5.1\n0.01\t0\tblink\tn/a\n",
    )
    assert read_labels(tsv) == (
        Label("blink", 0.0, 0.01 + AFTER_PEAK_S, None),
        Label("blink", 3.0 - BEFORE_PEAK_S, 3.0 + AFTER_PEAK_S, None),
        Label("blink", 5.1 - BEFORE_PEAK_S, 5.1 + AFTER_PEAK_S, 5.1),
    )


@pytest.mark.parametrize(
    ("text", "about"),
    [
        ("onset\tduration\ttrial_type\n1\t0\tstimulus\n", False),
        ("onset\tduration\ttrial_type\n", False),
        ("onset\tduration\ttrial_type\tpeak\n", True),
        ("onset\tduration\ttrial_type\n1\t1\tignore\n", True),
        ("onset\tduration\tvalue\n1\t1\tblink\n", True),
        ("onset\tduration\tvalue\n1\t1\tignore\n", False),
    ],
)
def test_events_of_a_task_say_nothing_of_blinks(tmp_path: Path, text: str, about: bool) -> None:
    assert read_table(write(tmp_path / "x_events.tsv", text)).about_blinks == about


labels = st.builds(
    lambda kind, onset, span, peak, note: Label(
        kind, onset, onset + span, None if peak is None else onset + peak * span, note
    ),
    st.sampled_from(["blink", "ignore"]),
    st.integers(0, 1000).map(float),
    st.integers(1, 40).map(lambda k: k / 8),
    st.sampled_from([None, 0.5]),
    st.sampled_from(["", PROPOSED, "half, doubtful"]),
)


@MANY
@given(marked=st.lists(labels, max_size=10))
def test_labels_that_are_written_come_back(tmp_path: Path, marked: list[Label]) -> None:
    path = write_labels(tmp_path / "x_events.tsv", marked, overwrite=True)
    assert sorted(read_labels(path), key=repr) == sorted(marked, key=repr)
    assert read_table(path).about_blinks
    assert not read_table(path).by_detector
    with pytest.raises(ConfigError, match="exists already"):
        write_labels(path, marked)


def test_what_is_annotated_within(tmp_path: Path) -> None:
    raw = raw_of(microvolts(2000, 2), NAMES[:2], KINDS[:2])
    words = ["blink", "Eye Blink", "BAD_blink", "BAD_muscle", "stimulus", "BAD boundary", "bad"]
    raw.set_annotations(mne.Annotations([1, 2, 3, 4, 5, 6, 7], [0.25, 0, 0.25, 0.5, 0.1, 0.2, 0.0], words))
    raw.save(tmp_path / "x_raw.fif", verbose="error")
    found = labels_beside(tmp_path / "x_raw.fif")
    assert [(label.kind, round(label.onset, 6), round(label.end, 6)) for label in found] == [
        ("blink", 1.0, 1.25),
        ("blink", round(2.0 - BEFORE_PEAK_S, 6), round(2.0 + AFTER_PEAK_S, 6)),
        ("blink", 3.0, 3.25),
        ("ignore", 4.0, 4.5),
    ]
