"""Connect, rotate, disconnect through the API, against the sandbox."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.http import HttpResponse

from audit.models import Event
from integrations.models import Integration, PendingRevocation
from integrations.notion import me
from integrations.sandbox import Kind, Sandbox, TokenKind, demo_token
from integrations.services import verification
from integrations.services.shared import count_shared
from notionscan import rls
from notionscan.models import Attempt
from tenants.models import User
from tests.factories import World, events, log_in, the_integration, within

BASE = "/api/orgs/acme/integrations"
ACME = demo_token("Acme Atlas")
GLOBEX = demo_token("Globex Works")


def call(world: World, method: str, path: str, body: Any = None, user: User | None = None) -> HttpResponse:
    browser = world.client(user or world.admin)
    kwargs = {} if body is None else {"data": json.dumps(body), "content_type": "application/json"}
    return getattr(browser, method)(f"{BASE}{path}", **kwargs)


def connect(world: World, token: str = ACME, **more: Any) -> HttpResponse:
    return call(world, "post", "/notion/internal-connect", {"token": token, **more})


def described(world: World) -> dict[str, Any]:
    return call(world, "get", "").json()["integrations"][0]


def test_nothing_is_connected_at_first(world: World, sandbox: Sandbox) -> None:
    assert described(world) == {
        "provider": "notion",
        "connected": False,
        "status": None,
        "connectionType": None,
        "variantsAllowed": {"public": True, "internal": True},
        "workspaceId": None,
        "workspaceName": None,
        "accountId": None,
        "accountName": None,
        "connectedAt": None,
        "lastUsedAt": None,
        "error": None,
    }


def test_an_internal_token_connects(world: World, sandbox: Sandbox) -> None:
    response = connect(world)
    assert (response.status_code, response.json()) == (200, {"ok": True})
    shown = described(world)
    assert shown["connected"] is True
    assert shown["connectionType"] == "internal"
    assert shown["workspaceName"] == "Acme Atlas"
    assert shown["workspaceId"] == str(sandbox.workspace.id)
    assert events(world.acme)[-1] == ("integration.connected", "success")


def test_the_workspace_of_the_token_may_be_named(world: World, sandbox: Sandbox) -> None:
    assert connect(world, workspaceId=str(sandbox.workspace.id)).status_code == 200


def test_another_workspace_id_is_refused(world: World, sandbox: Sandbox) -> None:
    response = connect(world, workspaceId="231674b6-1f0a-4f1e-9d0b-2f6c1c2b6f3a")
    assert response.status_code == 400
    assert response.json()["code"] == "workspace_mismatch"
    assert the_integration(world.acme) is None


@pytest.mark.parametrize(
    "token",
    ["", "   ", "ntn_a\x00b", "ntn_a\nb", "ntn_" + "a" * 10_000, "ntn_ключ", "ntn_a b", "ntn_\u202eabc"],
    ids=["empty", "blank", "nul", "newline", "10kB", "non-ascii", "space", "rtl"],
)
def test_a_malformed_token_is_refused_without_a_call(world: World, sandbox: Sandbox, token: str) -> None:
    response = connect(world, token)
    assert response.status_code == 400
    assert response.json()["code"] == "invalid_request"
    assert response.json()["error"].endswith(".")
    if token.strip():
        assert token not in response.content.decode()
    assert the_integration(world.acme) is None
    assert sandbox.requests.count() == 0


@pytest.mark.parametrize(
    "body", ["{", "[]", '{"token": 5}', "{}", '{"token": "ntn_x", "extra": 1}', '{"token": null}', ""]
)
def test_a_malformed_body_is_a_400_in_our_shape(world: World, sandbox: Sandbox, body: str) -> None:
    response = world.client(world.admin).post(
        f"{BASE}/notion/internal-connect", data=body, content_type="application/json"
    )
    assert response.status_code == 400
    assert set(response.json()) == {"error", "code"}


def test_a_token_that_notion_refuses_is_a_400_and_counted(world: World, sandbox: Sandbox) -> None:
    response = connect(world, "ntn_unknown")
    assert response.status_code == 400
    assert response.json()["code"] == "token_refused"
    assert the_integration(world.acme) is None
    assert events(world.acme)[-1] == ("integration.connected", "error")


def test_the_eleventh_refused_token_in_ten_minutes_is_not_asked_for(world: World, sandbox: Sandbox) -> None:
    for _ in range(10):
        assert connect(world, "ntn_unknown").status_code == 400
    asked = sandbox.requests.count()
    response = connect(world, ACME)
    assert response.status_code == 429
    assert 0 < int(response.headers["Retry-After"]) <= 600
    assert sandbox.requests.count() == asked


def test_successful_verifications_are_not_limited(world: World, sandbox: Sandbox) -> None:
    for _ in range(12):
        assert connect(world).status_code == 200
        assert call(world, "delete", "/notion").status_code == 200
    assert not Attempt.objects.exists()


@pytest.mark.parametrize(
    ("fault", "options"),
    [
        ("internal_server_error", {}),
        ("bad_gateway_html", {}),
        ("service_unavailable", {}),
        ("html", {}),
        ("truncated", {}),
        ("truncated_unannounced", {}),
        ("reset", {}),
        ("nan", {}),
        ("deep", {}),
        ("not_an_object", {}),
        ("redirect", {"location": "http://127.0.0.1:9/"}),
        ("edge_block", {}),
    ],
)
def test_an_unusable_answer_is_a_502_and_stores_nothing(
    world: World, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, fault: str, options: dict[str, Any]
) -> None:
    sandbox.faults.add(fault, times=None, **options)
    with hurried(monkeypatch):
        response = connect(world)
    assert response.status_code == 502
    assert response.json()["error"].startswith("Notion could not be reached")
    assert the_integration(world.acme) is None
    sandbox.faults.clear()
    assert connect(world).status_code == 200


@pytest.mark.parametrize(
    ("fault", "options"), [("hang", {"seconds": 5}), ("drip", {"seconds_per_byte": 0.2})]
)
def test_a_slow_answer_is_a_502_within_the_deadline(
    world: World, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, fault: str, options: dict[str, Any]
) -> None:
    sandbox.faults.add(fault, times=None, **options)
    with hurried(monkeypatch):
        assert connect(world).status_code == 502
    sandbox.faults.clear()
    assert connect(world).status_code == 200


def test_notion_down_is_a_502_and_up_again_connects(
    world: World, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.close()
    try:
        with hurried(monkeypatch):
            assert connect(world).status_code == 502
    finally:
        sandbox.start()
    assert connect(world).status_code == 200


def test_one_passing_fault_is_not_seen(world: World, sandbox: Sandbox) -> None:
    sandbox.faults.add("bad_gateway")
    assert connect(world).status_code == 200


def test_a_second_connection_is_refused_before_anything_is_asked(world: World, sandbox: Sandbox) -> None:
    connect(world)
    asked = sandbox.requests.count()
    response = connect(world, GLOBEX)
    assert response.status_code == 409
    assert response.json()["error"] == (
        "A Notion integration already exists for this organization. "
        "Disconnect it before switching the connection type."
    )
    assert sandbox.requests.count() == asked


def test_a_way_that_is_not_allowed_is_refused(world: World, sandbox: Sandbox, settings: Any) -> None:
    settings.INTEGRATIONS_ALLOWED = frozenset({"notion_public"})
    response = connect(world)
    assert response.status_code == 400
    assert response.json()["code"] == "connection_type_not_allowed"
    assert sandbox.requests.count() == 0


def test_a_personal_token_is_accepted_and_marked(world: World, sandbox: Sandbox) -> None:
    assert connect(world, demo_token("Acme Atlas", TokenKind.PERSONAL)).status_code == 200
    integration = the_integration(world.acme)
    assert integration is not None
    assert integration.is_personal_token


def test_two_organizations_may_connect_the_same_workspace(world: World, sandbox: Sandbox) -> None:
    connect(world)
    response = world.client(world.outsider).post(
        "/api/orgs/globex/integrations/notion/internal-connect",
        data=json.dumps({"token": ACME}),
        content_type="application/json",
    )
    assert response.status_code == 200


def test_a_token_is_replaced_by_one_of_the_same_workspace(world: World, sandbox: Sandbox) -> None:
    connect(world)
    sandbox.add_token(sandbox.workspace, secret="ntn_rotated", label="rotated")
    response = call(world, "patch", "/notion/token", {"token": "ntn_rotated"})
    assert (response.status_code, response.json()) == (200, {"ok": True})
    with within(world.acme):
        integration = the_integration(world.acme)
        assert integration is not None
        assert integration.access_token.reveal().expose() == "ntn_rotated"
    assert events(world.acme)[-1] == ("integration.token_rotated", "success")


def test_a_token_of_another_workspace_does_not_replace(world: World, sandbox: Sandbox) -> None:
    connect(world)
    response = call(world, "patch", "/notion/token", {"token": GLOBEX})
    assert response.status_code == 409
    assert response.json()["code"] == "another_workspace"
    with within(world.acme):
        integration = the_integration(world.acme)
        assert integration is not None
        assert integration.access_token.reveal().expose() == ACME


def test_a_refused_token_does_not_replace(world: World, sandbox: Sandbox) -> None:
    connect(world)
    assert call(world, "patch", "/notion/token", {"token": "ntn_unknown"}).status_code == 400
    assert described(world)["connected"] is True


def test_there_is_no_token_to_replace_without_a_connection(world: World, sandbox: Sandbox) -> None:
    response = call(world, "patch", "/notion/token", {"token": ACME})
    assert response.status_code == 404


def test_an_internal_connection_ends_without_a_revocation(world: World, sandbox: Sandbox) -> None:
    connect(world)
    response = call(world, "delete", "/notion")
    assert (response.status_code, response.json()) == (200, {"ok": True, "revoked": "unsupported"})
    assert the_integration(world.acme) is None
    with within(world.acme):
        assert PendingRevocation.objects.count() == 0
    assert events(world.acme)[-1] == ("integration.disconnected", "success")


def test_a_second_disconnect_is_404(world: World, sandbox: Sandbox) -> None:
    connect(world)
    assert call(world, "delete", "/notion").status_code == 200
    response = call(world, "delete", "/notion")
    assert response.status_code == 404
    assert response.json()["code"] == "integration_not_found"


@pytest.mark.parametrize("provider", ["slack", "NOTION"])
def test_an_unknown_provider_is_404(world: World, sandbox: Sandbox, provider: str) -> None:
    assert call(world, "delete", f"/{provider}").status_code == 404
    assert call(world, "post", f"/{provider}/authorize").status_code == 404


@pytest.mark.parametrize("role", ["viewer", "editor"])
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("post", "/notion/internal-connect", {"token": ACME}),
        ("patch", "/notion/token", {"token": ACME}),
        ("delete", "/notion", None),
        ("post", "/notion/authorize", None),
    ],
)
def test_only_admins_change_connections(
    world: World, sandbox: Sandbox, role: str, method: str, path: str, body: Any
) -> None:
    response = call(world, method, path, body, user=getattr(world, role))
    assert response.status_code == 403
    assert response.json()["code"] == "forbidden"
    assert events(world.acme)[-1] == ("access.denied", "denied")
    assert sandbox.requests.count() == 0


@pytest.mark.parametrize("role", ["viewer", "editor"])
def test_every_member_reads_the_connection(world: World, sandbox: Sandbox, role: str) -> None:
    connect(world)
    shown = call(world, "get", "", user=getattr(world, role)).json()["integrations"][0]
    assert shown["workspaceName"] == "Acme Atlas"


def test_a_change_without_the_csrf_token_is_refused(world: World, sandbox: Sandbox) -> None:
    from django.test import Client

    browser = Client(enforce_csrf_checks=True)
    log_in(browser, world.admin)
    response = browser.post(
        f"{BASE}/notion/internal-connect", data=json.dumps({"token": ACME}), content_type="application/json"
    )
    assert response.status_code == 403
    assert set(response.json()) == {"error", "code"}
    assert the_integration(world.acme) is None


def count(world: World) -> Integration:
    """Count what is shared, as the queued job does."""
    found = the_integration(world.acme)
    assert found is not None
    with rls.scope(rls.job_scope(world.acme.pk)):
        count_shared(organization_id=world.acme.pk, integration_id=found.pk)
    counted = the_integration(world.acme)
    assert counted is not None
    return counted


def test_what_is_shared_is_counted_by_a_job(world: World, sandbox: Sandbox) -> None:
    connect(world)
    # Queued by the transaction of the connect, stamped with its organization.
    before = the_integration(world.acme)
    assert before is not None
    assert before.shared_counted_at is None
    integration = count(world)
    assert integration.shared_pages == len(sandbox.visible(ACME, Kind.PAGE))
    assert integration.shared_databases == len(sandbox.visible(ACME, Kind.DATA_SOURCE))
    assert not integration.shared_is_partial
    assert integration.shared_counted_at is not None


@pytest.mark.parametrize(
    ("fault", "code"),
    [("restricted_resource", "notion_capability_missing"), ("unauthorized", "notion_unauthorized")],
)
def test_a_count_that_fails_says_so(world: World, sandbox: Sandbox, fault: str, code: str) -> None:
    connect(world)
    sandbox.faults.add(fault, "POST /v1/search", times=None)
    failed = count(world)
    assert (failed.shared_error_code, failed.shared_pages) == (code, None)
    page = world.client(world.admin).get("/orgs/acme/integrations/").content.decode()
    # A connection that stopped working has more to say than that.
    assert ("Not counted." in page) is (failed.status == "connected")
    assert 'hx-trigger="load delay' not in page
    with within(world.acme):
        event = Event.objects.filter(action="notion.read").latest("sequence")
    assert (event.result, event.metadata["reason"]) == ("error", code)


def test_a_test_of_the_connection_counts_anew(world: World, sandbox: Sandbox) -> None:
    connect(world)
    count(world)
    sandbox.faults.add("restricted_resource", "POST /v1/search")
    assert count(world).shared_error_code
    page = "/orgs/acme/integrations/"
    assert "Not counted." in world.client(world.admin).get(page).content.decode()
    answer = world.client(world.admin).post(f"{page}notion/test")
    assert "Counting the pages and databases" in answer.content.decode()
    counted = count(world)
    assert (counted.shared_error_code, bool(counted.shared_pages)) == ("", True)
    assert "Not counted." not in world.client(world.admin).get(page).content.decode()


def test_events_name_the_actor_and_never_the_token(world: World, sandbox: Sandbox) -> None:
    connect(world)
    with within(world.acme):
        event = Event.objects.get(action="integration.connected")
        assert event.actor_id == world.admin.pk
        assert event.actor_label == "admin@acme.example"
        assert event.request_id
        assert ACME not in json.dumps(event.metadata)


@contextmanager
def hurried(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the door's deadline be short, so that waiting for it is."""

    def verify(*args: Any, **kwargs: Any) -> Any:
        return me.verify_token(*args, **kwargs, deadline_seconds=0.3)

    with monkeypatch.context() as patched:
        patched.setattr(verification, "verify_token", verify)
        yield
