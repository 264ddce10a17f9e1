from __future__ import annotations

import functools
from collections.abc import Iterator

import pytest
from made_models import Exported, export

from nictate.training import analysis, choose, gaze
from nictate.training.curve import sweep


@pytest.fixture(scope="module", autouse=True)
def few_thresholds_and_few_who_look_about(request: pytest.FixtureRequest) -> Iterator[None]:
    """What takes most of the time of a small training; what the many are for is tested where they are left."""
    with pytest.MonkeyPatch.context() as patch:
        if request.path.stem not in ("test_gaze", "test_choose"):
            patch.setattr(gaze, "TO_CHOOSE_BY", (1,))
            patch.setattr(choose, "CONFIRMS", (0.4, 0.7))
            patch.setattr(choose, "STARTS", (0.5, 0.8))
        if request.path.stem != "test_analysis":
            patch.setattr(analysis, "sweep", functools.partial(sweep, thresholds=(0.3, 0.5, 0.7)))
        yield


@pytest.fixture(scope="session")
def exported() -> Exported:
    return export()
