"""What the tests of the shared machinery share."""

from __future__ import annotations

import pytest

from tests.integrations.notion.doors import FakeTime


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()
