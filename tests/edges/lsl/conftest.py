from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from live_streams import Reader

from nictate.edges.lsl import source


@pytest.fixture(autouse=True)
def _one_stream_answers_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Most tests have only one; see ALL_ANSWER_S."""
    monkeypatch.setattr(source, "RESOLVE_S", 0.3)


@pytest.fixture
def source_id(request: pytest.FixtureRequest) -> str:
    return str(request.node.nodeid)


@pytest.fixture
def reader(source_id: str) -> Iterator[Callable[..., Reader]]:
    made: list[Reader] = []

    def make(**options: object) -> Reader:
        made.append(Reader(source_id, **options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for one in made:
        one.source.close()
