from __future__ import annotations

import pytest
from made_models import Exported, export


@pytest.fixture(scope="session")
def exported() -> Exported:
    return export()
