"""What the demo organization has been through when a newcomer looks at it."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from integrations.models import RateBudget
from integrations.sandbox import Sandbox
from notionscan import demo, demo_scans
from scans.models import Finding, Report, Scan, Share
from tenants import selectors
from tenants.models import Organization
from tests.factories import run_jobs, within


@pytest.fixture
def demo_notion(settings: Any) -> Iterator[Sandbox]:
    """As ``manage.py sandbox`` serves it."""
    with Sandbox(pages=600, seed=1) as sandbox:
        settings.NOTION_API_BASE_URL = sandbox.url
        yield sandbox


class Worker(threading.Event):
    """Works on what is queued whenever somebody would wait for it."""

    def wait(self, timeout: float | None = None) -> bool:
        run_jobs()
        organization_id = selectors.organization_id("acme")
        assert organization_id
        with within(Organization(pk=organization_id)):
            Scan.objects.update(leased_until=None)
            RateBudget.objects.update(blocked_until=None, used=0)
        return False


def test_the_demo_has_two_scans_a_trend_findings_everywhere_and_a_link(
    committed: None, demo_notion: Sandbox
) -> None:
    demo.ensure()
    told = demo_scans.tell(Worker())
    while run_jobs():
        pass
    acme = Organization(pk=selectors.organization_id("acme"))
    with within(acme):
        first, second = Report.objects.order_by("scan__number")
        states = set(Finding.objects.values_list("status", flat=True))
    assert first.overall == 59, "something sensitive is public"
    assert second.overall > first.overall + 3
    for report in (first, second):
        dimensions = {each["dimension"] for each in report.analysis["findings"]}
        assert {"structure", "schema", "vitality", "ownership", "adoption", "exposure"} <= dimensions
    assert {"new", "open", "resolved"} <= states
    link = re.search(r"http://testserver(/r/\w+)", told)
    assert link
    assert Client().get(link[1], follow=True).status_code == 200


def test_what_was_told_once_is_not_told_again(committed: None, demo_notion: Sandbox) -> None:
    demo.ensure()
    demo_scans.tell(Worker())
    demo_notion.reset()
    assert demo_scans.tell(Worker()) == ""
    acme = Organization(pk=selectors.organization_id("acme"))
    with within(acme):
        assert (Scan.objects.count(), Share.objects.count()) == (2, 1)
    # What was changed is changed again, so that a third scan goes on from the second.
    assert len(demo_notion.workspace.people) > 60


def test_without_the_sandbox_the_demo_says_so(committed: None, settings: Any) -> None:
    settings.NOTION_API_BASE_URL = "http://127.0.0.1:9"
    demo.ensure()
    assert demo_scans.tell(Worker()).startswith("Acme Atlas could not be scanned for the demo:")
