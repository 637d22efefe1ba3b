"""The documents speak of what is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
THREAT_MODEL = (ROOT / "docs" / "threat-model.md").read_text()
TESTS = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`(test_\w+)`", THREAT_MODEL))))
def test_a_promise_names_a_test_that_exists(name: str) -> None:
    assert f"def {name}(" in TESTS


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`(tests/[\w/.]+)`", THREAT_MODEL))))
def test_a_promise_names_a_file_that_exists(path: str) -> None:
    assert (ROOT / path).exists()


def test_every_promise_names_its_proof() -> None:
    rows = [line for line in THREAT_MODEL.splitlines() if line.startswith("| ") and line.count(" | ") == 2]
    promises = [line for line in rows if not line.startswith("| promise |")]
    assert len(promises) > 15
    for line in promises:
        assert "test" in line.rsplit(" | ", 1)[1], line
