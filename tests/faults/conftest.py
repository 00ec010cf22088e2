"""Good files for all attacks, made once for each process."""

from __future__ import annotations

import pytest

from tests.faults.commands import Workshop


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    return Workshop(tmp_path_factory.mktemp("workshop"))
