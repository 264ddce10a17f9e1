from __future__ import annotations

from pathlib import Path

import pytest
from made_files import write

from nictate.edges.recordings import Label, labels_beside, read_labels
from nictate.signals import StreamError


def test_labels(tmp_path: Path) -> None:
    tsv = write(
        tmp_path / "x_events.tsv",
        "\ufeffonset\tduration\ttrial_type\tsample\tpeak\tnote\r\n"
        "2.5\tn/a\tstimulus\t625\tn/a\t\r\n1.0\t0.25\tblink\t250\t1.1\t\"a \"\"quoted\"\" one\"\r\n\r\n"
        "3\t1\tignore\t750\tn/a\tn/a\r\n",
    )  # fmt: skip
    assert read_labels(tsv) == (
        Label("blink", 1.0, 1.25, 1.1),
        Label("stimulus", 2.5, 2.5, None),
        Label("ignore", 3.0, 4.0, None),
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1: no column onset, duration, trial_type"),
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
