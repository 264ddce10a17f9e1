from __future__ import annotations

from pathlib import Path

import pytest

from nictate.edges.recordings import read
from nictate.signals import StreamError


@pytest.mark.parametrize(
    "name", ["x_eeg.fif", "x.edf", "x.bdf", "x.gdf", "x.vhdr", "x.set", "x.cnt", "x.xdf", "x.txt", "x"]
)
@pytest.mark.parametrize("content", [b"", b"hello world\n" * 80, bytes(5000), b"XDF:\x07", b"0       " * 32])
def test_a_foreign_file_is_named_with_a_reason_in_one_line(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(StreamError) as caught:
        read(tmp_path / name)
    assert str(caught.value).startswith(f"{name}: ")
    assert str(caught.value).removeprefix(f"{name}: ") not in ("", "cannot be read: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("name", "said"), [("nowhere.edf", "no such file"), ("folder", "is a folder")])
def test_what_is_no_file_is_refused(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(StreamError, match=f"^{name}: {said}"):
        read(tmp_path / name)


def test_a_hostile_name_stays_in_one_short_line(tmp_path: Path) -> None:
    path = tmp_path / ("a\n\x1b[31m" + "b" * 180 + "_eeg.fif")
    path.write_bytes(b"no fif")
    with pytest.raises(StreamError) as caught:
        read(path)
    message = str(caught.value)
    assert message.isprintable()
    assert len(message) < 450
    assert message.startswith("a??[31mbbb")
