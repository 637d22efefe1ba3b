"""The pages of a report, and what can be downloaded of it."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import Any

import pytest

from integrations.sandbox import Sandbox
from notionscan import signing
from scans import seal
from scans.models import Finding, Scan
from scans.services.report import make_report
from tests.factories import World, within
from tests.scans.conftest import TOKEN, finish, start


@pytest.fixture
def scan(connected: World) -> Scan:
    """A scan of acme with its report."""
    found = finish(start(connected))
    with within(connected.acme):
        make_report(organization_id=connected.acme.pk, scan_id=found.pk)
    return found


def address(scan: Scan, ending: str = "report/") -> str:
    return f"/orgs/acme/scans/{scan.pk}/{ending}"


def test_the_report_names_score_coverage_and_what_to_do_first(connected: World, scan: Scan) -> None:
    page = connected.client(connected.viewer).get(address(scan)).content.decode()
    for words in (
        "of 100:",
        "Weakest dimension:",
        "What to do first",
        "Method, and what was not read",
        "SHA-256",
    ):
        assert words in page


@pytest.mark.parametrize("name", ["structure", "schema", "vitality", "ownership", "adoption", "exposure"])
def test_each_dimension_has_a_page(connected: World, scan: Scan, name: str) -> None:
    page = connected.client(connected.viewer).get(address(scan, f"report/{name}/"))
    assert page.status_code == 200
    assert "Measures" in page.content.decode()


def test_what_is_not_there_is_a_404(connected: World, scan: Scan) -> None:
    browser = connected.client(connected.viewer)
    assert browser.get(address(scan, "report/colours/")).status_code == 404
    later = finish(start(connected))
    assert browser.get(address(later)).status_code == 404
    assert connected.client(connected.outsider).get(address(scan)).status_code == 404


def test_the_sealed_json_is_verified(connected: World, scan: Scan) -> None:
    answer = connected.client(connected.viewer).get(address(scan, "report.json"))
    assert answer.headers["Content-Disposition"] == 'attachment; filename="acme-report-1.json"'
    told = seal.verify(answer.content.decode(), public_key=signing.public_key())
    assert told["scan"]["number"] == 1


def test_the_csv_lists_the_evidence(connected: World, scan: Scan) -> None:
    text = connected.client(connected.viewer).get(address(scan, "report.csv")).content.decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert {"rule", "severity", "finding", "title", "reason"} <= rows[0].keys()
    assert all(row["rule"] for row in rows)


def test_the_pdf_is_one(connected: World, scan: Scan) -> None:
    answer = connected.client(connected.viewer).get(address(scan, "report.pdf"))
    assert answer.headers["Content-Type"] == "application/pdf"
    assert answer.content.startswith(b"%PDF-")


HOSTILE = [
    "<script>alert(1)</script>",
    "=HYPERLINK(1)",
    "{{ 7*7 }}{% now 'Y' %}",
    "\u202egnp.exe",
    '"><img src=x onerror=alert(1)>',
    "https://evil.example/x.png",
    "javascript:alert(1)",
    "x" * 1_000_000,
]


def test_hostile_titles_are_inert_everywhere(connected: World, sandbox: Sandbox) -> None:
    titles = [each for each in HOSTILE for _ in range(2)]
    for title in titles:
        sandbox.share(TOKEN, sandbox.workspace.add_page(title))
    scan = finish(start(connected))
    with within(connected.acme):
        make_report(organization_id=connected.acme.pk, scan_id=scan.pk)
    browser = connected.client(connected.viewer)
    page = browser.get(address(scan, "report/structure/")).content.decode()
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert(1)" not in page
    assert "onerror=alert(1)&gt;" in page
    assert "<img src=x" not in page
    assert "{{ 7*7 }}" in page
    assert 'href="javascript:' not in page
    assert len(page) < 500_000, "a title of a megabyte is cut"
    assert set(re.findall(r'href="(https?://[^"/]*)', page)) == {"https://www.notion.so"}
    report = browser.get(address(scan)).content.decode()
    assert "<script>alert(1)" not in report
    text = browser.get(address(scan, "report.csv")).content.decode()
    assert "'=HYPERLINK(1)" in text
    assert json.loads(browser.get(address(scan, "report.json")).content)
    assert browser.get(address(scan, "report.pdf")).content.startswith(b"%PDF-")


def test_a_report_with_ten_thousand_findings_is_as_quick_to_read(
    connected: World, scan: Scan, django_assert_max_num_queries: Any
) -> None:
    with within(connected.acme):
        Finding.objects.bulk_create(
            Finding(
                organization=connected.acme,
                key=f"M4:{number}",
                rule="M4",
                severity="low",
                title=f"Finding {number} \u202e of many",
                status="open",
                first_number=1,
                last_number=1,
            )
            for number in range(10_000)
        )
    browser = connected.client(connected.viewer)
    with django_assert_max_num_queries(25):
        page = browser.get("/orgs/acme/findings/").content.decode()
    assert page.count("<section") == 50
    assert "More findings" in page
    with django_assert_max_num_queries(25):
        assert browser.get(address(scan)).status_code == 200
