"""What the door's tests share."""

from __future__ import annotations

import pytest

from tests.integrations.notion.doors import DOORS, Door, FakeTime


@pytest.fixture(params=list(DOORS))
def door(request: pytest.FixtureRequest) -> Door:
    """Ask users/me, once through the SDK's client and once through ``requests``."""
    return DOORS[request.param]


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()
