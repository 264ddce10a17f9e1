from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from made_files import RATE_HZ, microvolts, save_edf, save_fif, whole, write

from nictate.edges.recordings import read
from nictate.edges.recordings.bids import NOTHING_TOLD, channels_beside, table
from nictate.signals import StreamError

TABLE = "name\ttype\tunits\tstatus\nFp1\tEEG\tuV\tgood\nE2\tVEOG\tuV\tgood\nE3\tEEG\tuV\tbad\nTR\tTRIG\tuV\tn/a\n"


def made(folder: Path, channels: str) -> Path:
    x = microvolts(500, 4)
    names = ("Fp1", "E2", "E3", "TR")
    edf = folder / "sub-01_task-rest_eeg.edf"
    save_edf(edf, [(name, x[:, k], RATE_HZ, "uV") for k, name in enumerate(names)])
    write(folder / "sub-01_task-rest_channels.tsv", channels)
    return edf


def test_channels_of_other_kinds_and_bad_ones_are_not_served(tmp_path: Path) -> None:
    path = made(tmp_path, TABLE)
    recording = read(path)
    assert recording.montage.names == ("Fp1",)
    assert recording.warnings == ("told to be bad, left out: E3",)
    asked = read(path, channels=["E3", "E2"])
    assert (asked.montage.names, asked.montage.kinds) == (("E3", "E2"), ("eeg", "eog"))
    np.testing.assert_array_equal(whole(path).samples, whole(path, channels=["Fp1"]).samples)


def test_where_all_are_bad_all_are_served(tmp_path: Path) -> None:
    names = ("Fp1", "E2", "E3", "TR")
    recording = read(made(tmp_path, "name\ttype\tstatus\n" + "".join(f"{n}\tEEG\tbad\n" for n in names)))
    assert recording.montage.names == names
    assert recording.warnings == ("all EEG channels are told to be bad: taking them all the same",)


@pytest.mark.parametrize("text", ["", "name\n", "name\ttype\nFp1\n", "\x00\xff"])
def test_a_damaged_table_is_as_good_as_none(tmp_path: Path, text: str) -> None:
    recording = read(made(tmp_path, text))
    assert recording.montage.names == ("Fp1", "E2", "E3", "TR")
    assert recording.warnings[0].startswith("sub-01_task-rest_channels.tsv")


def test_only_names_of_bids_are_looked_beside(tmp_path: Path) -> None:
    for name in ("x", "x_raw"):
        write(tmp_path / f"{name}_channels.tsv", TABLE)
    assert channels_beside(tmp_path / "x.edf") is NOTHING_TOLD
    assert channels_beside(tmp_path / "x_eeg.fif.gz").bad == {"E3"}
    save_fif(tmp_path / "x_raw.fif", microvolts(300, 4))
    assert read(tmp_path / "x_raw.fif").warnings == ()


def test_rows_have_their_line_numbers(tmp_path: Path) -> None:
    tsv = write(tmp_path / "x.tsv", 'a\tb\n1\t"two\nlines"\n\n3\t4\n')
    found = table(tsv, ("a",))
    assert found.columns == ("a", "b")
    assert found.rows == ((3, {"a": "1", "b": "two\nlines"}), (5, {"a": "3", "b": "4"}))
    with pytest.raises(StreamError, match=r"^x\.tsv, line 1: no column c$"):
        table(tsv, ("a", "c"))
