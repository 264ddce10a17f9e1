from __future__ import annotations

from pathlib import Path

import pytest
from made_files import one_of_each

from nictate.edges.recordings import recording


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return one_of_each(tmp_path_factory.mktemp("made"))


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """So small that a file of seconds is read in many goes."""
    monkeypatch.setattr(recording, "PIECE_VALUES", 300)
