"""The list of sabotages fits the code: each still takes away what it says."""

from __future__ import annotations

import pytest

from tests.sabotage.guard import ROOT, Guard
from tests.sabotage.guards import EXPLAINED, GUARDS


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.name)
def test_a_guard_stands_where_the_list_says(guard: Guard) -> None:
    assert (ROOT / guard.file).read_text().count(guard.old) == 1
    assert guard.old != guard.new
    for test in guard.tests:
        assert (ROOT / test).exists(), test


def test_each_guard_is_listed_once() -> None:
    names = [guard.name for guard in GUARDS]
    assert len(set(names)) == len(names)
    assert set(EXPLAINED) <= set(names)
