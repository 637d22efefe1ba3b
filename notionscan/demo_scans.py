"""What the first demo organization has been through: connected, scanned twice, and its report shared.

Runs beside ``make run`` and asks the worker for the scans, so that nobody waits for it. The sandbox forgets
what was changed in it when it ends, so the changes are made again at each start.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

from django.conf import settings
from django.db import transaction

from integrations import selectors as integrations
from integrations.errors import IntegrationError
from integrations.notion.errors import NotionError
from integrations.providers import NOTION
from integrations.sandbox import demo_token
from integrations.sandbox.people import make_people
from integrations.services.connect import connect_internal
from notionscan import demo, rls
from notionscan.secret import Secret
from scans.models import Report, Scan, Share
from scans.services import share
from scans.services.start import start_scan
from tenants import selectors
from tenants.models import Membership, Organization, User
from tenants.roles import Role

# Of everybody in the company many only read; these come after those who write.
_WRITERS, _READERS = 24, 45
# Fewer than a fifth of all documents, which would be a bulk edit.
_TOUCHED, _TRASHED, _NOTES = 18, 6, 22


def tell(stop: threading.Event) -> str:
    """Do what is missing of the story, and return what to print of it; nothing where it was told before."""
    acme = demo.ORGANIZATIONS[0]
    organization_id = selectors.organization_id(acme.slug)
    if organization_id is None:
        return ""
    with rls.scope(rls.organization_scope(organization_id)):
        with transaction.atomic():
            organization = Organization.objects.get(pk=organization_id)
            admins = Membership.objects.filter(organization=organization, role=Role.ADMIN)
            admin = admins.select_related("user").order_by("created_at").first()
        try:
            return _tell(organization, admin.user, lambda: not stop.wait(0.3)) if admin else ""
        except (IntegrationError, NotionError, URLError, OSError) as failure:
            return f"{acme.name} could not be scanned for the demo: {failure}"


def _tell(organization: Organization, admin: User, goes_on: Callable[[], bool]) -> str:
    """``goes_on`` waits a moment, and says whether to wait any longer."""
    _before(organization)
    if not _was_scanned(organization) and not _is_known(organization):
        connect_internal(organization=organization, actor=admin, token=Secret(demo_token(organization.name)))
    if not _is_connected(organization):
        return ""
    first = _report(organization, admin, 1, goes_on)
    if first is None:
        return ""
    _between(organization, first)
    second = _report(organization, admin, 2, goes_on)
    if second is None or _was_shared(organization):
        return ""
    made = share.create_share(
        organization=organization, actor=admin, report=second, recipient="The board of directors"
    )
    return "\n".join(
        [
            f"{organization.name} was connected and scanned twice. Its report, as the board may read it:",
            f"  {share.address(made.token)}",
            "",
        ]
    )


def _report(
    organization: Organization, admin: User, number: int, goes_on: Callable[[], bool]
) -> Report | None:
    """Return the report on the first or second scan, which is started if it was not."""
    while True:
        with transaction.atomic():
            found = Report.objects.select_related("scan").filter(organization=organization)
            made = found.filter(scan__number=number).order_by("-created_at").first()
            scans = Scan.objects.filter(organization=organization)
            is_started = scans.filter(number__gte=number).exists()
        if made:
            return made
        if not is_started:
            start_scan(organization=organization, actor=admin, full=True)
        elif not goes_on():
            return None


# What is in the sandbox ----------------------------------------------------------------------------------


def _before(organization: Organization) -> None:
    """People who only read, and one page that should not be public."""
    domain = f"{organization.slug}.example"
    for person in make_people(members=_WRITERS + _READERS, domain=domain)[_WRITERS : _WRITERS + _READERS]:
        _change(organization, "add_user", name=person.name, email=person.email)
    _change(organization, "publish", id=_new_page(organization, "Salary bands 2026"))


def _between(organization: Organization, first: Report) -> None:
    """What the company did about the first report, and what went wrong meanwhile."""
    findings = {each["key"]: each for each in first.analysis["findings"]}
    for row in _evidence(findings, "V1")[:_TOUCHED]:
        _change(organization, "edit", id=row["id"])
    for row in _evidence(findings, "T5")[-_TRASHED:]:
        _change(organization, "trash", id=row["id"])
    for key, finding in findings.items():
        if key.startswith("X1:"):
            _change(organization, "publish", id=finding["evidence"][0]["id"], public=False)
    for _ in range(2):
        _new_page(organization, "")
    for week in range(1, _NOTES + 1):
        _new_page(organization, f"Notes of week {week}")


def _evidence(findings: dict[str, Any], key: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = findings[key]["evidence"] if key in findings else []
    # Databases are left alone: with one, all of its rows would go.
    return [row for row in found if row["kind"] == "page"]


def _new_page(organization: Organization, title: str) -> str:
    """Add a page at the root, and share it as people do."""
    page = str(_change(organization, "add_page", title=title)["result"])
    _ask("share", {"token": demo_token(organization.name), "id": page})
    return page


def _change(organization: Organization, verb: str, **values: Any) -> dict[str, Any]:
    workspace = "-".join(organization.name.lower().split())
    return _ask("change", {"workspace": workspace, "do": verb, **values})


def _ask(switch: str, body: dict[str, Any]) -> dict[str, Any]:
    request = Request(  # noqa: S310  # the sandbox on loopback
        f"{settings.NOTION_API_BASE_URL}/_sandbox/{switch}",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urlopen(request, timeout=10) as answer:  # noqa: S310
        told: dict[str, Any] = json.loads(answer.read())
    return told


# What is in the database ---------------------------------------------------------------------------------


@transaction.atomic
def _was_scanned(organization: Organization) -> bool:
    return Scan.objects.filter(organization=organization).exists()


@transaction.atomic
def _is_known(organization: Organization) -> bool:
    return integrations.integration(organization, NOTION) is not None


@transaction.atomic
def _is_connected(organization: Organization) -> bool:
    return integrations.is_connected(organization, NOTION)


@transaction.atomic
def _was_shared(organization: Organization) -> bool:
    return Share.objects.filter(organization=organization).exists()
