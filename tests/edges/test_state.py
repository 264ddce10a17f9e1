"""The state file: what is written is read, and what is not a state is refused."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from nictate.edges.state import LARGEST_BYTES, read_state, write_state
from nictate.kept import State
from nictate.signals import ConfigError

ARRAYS = st.one_of(
    hnp.arrays(np.float64, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)),
    hnp.arrays(np.int64, hnp.array_shapes(max_dims=2, max_side=3)),
    hnp.arrays(np.bool_, 3),
    hnp.arrays("U8", 2, elements=st.text("aFp1µ☃", max_size=8)),
)


@given(state=st.dictionaries(st.text("abcdefgh_123", min_size=1), ARRAYS, max_size=4))
def test_what_is_written_is_read_to_the_bit(tmp_path_factory: pytest.TempPathFactory, state: State) -> None:
    path = tmp_path_factory.mktemp("state") / "state.npz"
    write_state(path, state)
    again = read_state(path)
    assert again is not None
    assert again.keys() == state.keys()
    for name, array in state.items():
        assert again[name].dtype == array.dtype
        assert again[name].shape == array.shape
        assert again[name].tobytes() == array.tobytes()


def test_before_the_first_time_there_is_none(tmp_path: Path) -> None:
    assert read_state(tmp_path / "state.npz") is None


def test_the_file_has_the_name_that_was_asked_for_and_nothing_lies_beside_it(tmp_path: Path) -> None:
    write_state(tmp_path / "mine", {"a": np.arange(3)})
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_what_was_there_stays_when_writing_fails(tmp_path: Path) -> None:
    path = tmp_path / "state.npz"
    write_state(path, {"a": np.arange(3)})
    with pytest.raises(ValueError, match="allow_pickle"):
        write_state(path, {"a": np.array([object()])})
    state = read_state(path)
    assert state is not None
    assert state["a"].tolist() == [0, 1, 2]
    assert [file.name for file in tmp_path.iterdir()] == ["state.npz"]


def pickled() -> bytes:
    file = io.BytesIO()
    np.savez(file, a=np.array([{"a": 1}], dtype=object), allow_pickle=True)
    return file.getvalue()


def lone_array() -> bytes:
    file = io.BytesIO()
    np.save(file, np.arange(3))
    return file.getvalue()


def torn() -> bytes:
    file = io.BytesIO()
    np.savez(file, a=np.arange(1000))
    return file.getvalue()[:500]


def dates() -> bytes:
    file = io.BytesIO()
    np.savez(file, when=np.array(["2020-01-01"], dtype="M8[D]"))
    return file.getvalue()


def not_arrays() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.npy", b"no array")
    return file.getvalue()


@pytest.mark.parametrize("content", [b"", b"text", pickled(), lone_array(), torn(), dates(), not_arrays()])
def test_what_is_no_state_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "state.npz"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        read_state(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        read_state(tmp_path)


def test_a_file_that_unpacks_to_more_than_any_state_is_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "bomb.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("a.npy", "w", force_zip64=True) as a:
        piece = bytes(2**24)
        for _ in range(LARGEST_BYTES // len(piece) + 1):
            a.write(piece)
    with pytest.raises(ConfigError, match="larger"):
        read_state(path)
