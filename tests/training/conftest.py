from __future__ import annotations

import pytest
from made_models import Exported, export


@pytest.fixture(autouse=True)
def few_who_look_about(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """To choose thresholds takes less time without them; what they are for is tested in test_gaze and test_choose."""
    if request.path.stem not in ("test_gaze", "test_choose"):
        monkeypatch.setattr("nictate.training.gaze.TO_CHOOSE_BY", ())


@pytest.fixture(scope="session")
def exported() -> Exported:
    return export()
