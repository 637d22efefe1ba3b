"""Who may do what at which address: every route and method, with the answer for every kind of caller.

Read a row as: method, route, then one answer for each of CALLERS. An answer is a status; ``login`` is the way
to the login page (or 401 below /api/). What a row does not name is answered 405. Routes of libraries have one
policy for all their methods. The checks are in test_matrix.py; a new route is one line here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

CALLERS = (
    "anonymous",  # not logged in
    "outsider",  # an admin of another organization
    "lost",  # logged in, a member of none
    "viewer",
    "editor",
    "admin",
    "elsewhere",  # a viewer here and an admin of another organization
    "staff",  # staff and superuser, a member of none
)


# Service accounts, by maturity; the last is another organization's. Their keys open the API alone.
KEYS = ("student", "intern", "supervised", "autonomous", "foreign")


@dataclass(frozen=True)
class Row:
    method: str
    route: str
    answers: str
    body: dict[str, Any] = field(default_factory=dict)
    keys: str = "login login login login login"

    @property
    def verdicts(self) -> dict[str, str]:
        return dict(zip(CALLERS, self.answers.split(), strict=True))

    @property
    def verdicts_of_keys(self) -> dict[str, str]:
        return dict(zip(KEYS, self.keys.split(), strict=True))


# What an account may do by its maturity, and what is for people alone.
KEYS_READ = "403 200 200 200 404"
NO_KEYS = "403 403 403 403 404"
MEMBERS = "login 404 404 200 200 200 200 404"
ADMINS = "login 404 404 403 403 200 403 404"

ORG = "orgs/<slug:slug>/"
NOTION = f"{ORG}integrations/notion/"
PROVIDER = f"{ORG}integrations/<slug:provider>/"
MEMBER = f"{ORG}members/<uuid:membership_id>/"
API = "api/orgs/<slug>/integrations"
SCAN = f"{ORG}scans/<uuid:scan_id>/"
SCANS = "api/orgs/<slug>/scans"
CALIBRATION = f"{ORG}calibration/"
REPORT = ("report/", "report/<slug:name>/", "report.json", "report.csv", "report.pdf")
ACCOUNTS = f"{ORG}service-accounts/"
ACCOUNT = f"{ACCOUNTS}<uuid:account_id>/"
NO_SHARE = "login 404 404 403 403 404 403 404"
NOTHING = "login 404 404 404 404 404 404 404"
GATEWAY = "api/orgs/<slug>/notion/"
GATEWAY_READS = "login 404 404 400 400 400 400 404"
GATEWAY_WRITES = "login 404 404 403 400 400 403 404"
WRONG = {"wrong": True}
PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
TOKEN = {"token": "ntn_" + "m" * 46}
NEW_ACCOUNT = {
    "name": "Librarian",
    "maturity": "intern",
    "requests_per_minute": "60",
    "last_day": (datetime.now(UTC) + timedelta(days=30)).date().isoformat(),
}

ROWS = (
    Row("GET", "", "login 302 200 302 302 302 200 200"),
    Row("GET", ORG, MEMBERS),
    # Connections: members see the card, admins act. Nothing is connected here, hence 404 and 400.
    Row("GET", f"{ORG}integrations/", MEMBERS),
    Row("GET", f"{NOTION}shared", MEMBERS),
    Row("POST", f"{PROVIDER}authorize", ADMINS),
    Row("POST", f"{NOTION}connect", "login 404 404 403 403 400 403 404", TOKEN),
    Row("POST", f"{NOTION}token", "login 404 404 403 403 404 403 404", TOKEN),
    Row("POST", f"{PROVIDER}test", "login 404 404 403 403 404 403 404"),
    Row("POST", f"{PROVIDER}disconnect", "login 404 404 403 403 404 403 404"),
    Row("GET", "api/integrations/<slug:provider>/callback", "login 403 403 403 403 403 403 403"),
    Row("GET", API, MEMBERS, keys=KEYS_READ),
    Row("POST", f"{API}/<provider>/authorize", ADMINS, keys=NO_KEYS),
    Row("POST", f"{API}/notion/internal-connect", "login 404 404 403 403 400 403 404", TOKEN, NO_KEYS),
    Row("PATCH", f"{API}/notion/token", "login 404 404 403 403 404 403 404", TOKEN, NO_KEYS),
    Row("DELETE", f"{API}/<provider>", "login 404 404 403 403 404 403 404", keys=NO_KEYS),
    # Notion through the gateway. Nothing is connected here: 404; who may is told what is wrong with a body.
    Row("POST", f"{GATEWAY}search", GATEWAY_READS, WRONG, "403 400 400 400 404"),
    Row("GET", f"{GATEWAY}databases", NOTHING, keys="403 404 404 404 404"),
    Row("GET", f"{GATEWAY}databases/<path:database_id>", NOTHING, keys="403 404 404 404 404"),
    Row("POST", f"{GATEWAY}databases/<path:database_id>/query", GATEWAY_READS, WRONG, "403 400 400 400 404"),
    Row("POST", f"{GATEWAY}pages", GATEWAY_WRITES, WRONG, "403 403 400 400 404"),
    Row("GET", f"{GATEWAY}pages/<path:page_id>", NOTHING, keys="403 404 404 404 404"),
    Row("PATCH", f"{GATEWAY}pages/<path:page_id>", GATEWAY_WRITES, WRONG, "403 403 400 400 404"),
    Row("DELETE", f"{GATEWAY}pages/<path:page_id>", NO_SHARE, keys="403 403 403 404 404"),
    Row("GET", f"{GATEWAY}pages/<path:page_id>/blocks", NOTHING, keys="403 404 404 404 404"),
    Row("POST", f"{GATEWAY}pages/<path:page_id>/blocks", GATEWAY_WRITES, WRONG, "403 403 400 400 404"),
    # For agents: a key opens it, and no session does. Which tool each may call: TOOLS.
    Row("POST", "mcp", " ".join(["login"] * len(CALLERS)), PING, keys="200 200 200 200 200"),
    # The audit mirror is the admins'. Nothing is connected, and nothing mirrored.
    *(
        Row("POST", f"{NOTION}mirror/{act}", "login 404 404 403 403 404 403 404", {"link": "0" * 32})
        for act in ("set", "create", "retry", "stop")
    ),
    # Browsing is the members'. Nothing is connected here, so there is nothing to read.
    Row("GET", f"{ORG}browse/", MEMBERS),
    Row("GET", f"{ORG}browse/<uuid:page_id>/", NOTHING),
    Row("GET", f"{ORG}browse/databases/<uuid:database_id>/", NOTHING),
    # A person's own connections, of no organization in particular.
    Row("GET", "api/workspaces", "login 200 200 200 200 200 200 200", keys="403 200 200 200 200"),
    # Members.
    Row("GET", f"{ORG}members/", MEMBERS),
    Row(
        "POST",
        f"{ORG}members/<uuid:membership_id>/role",
        "login 404 404 403 403 302 403 404",
        {"role": "editor"},
    ),
    Row("POST", f"{ORG}members/<uuid:membership_id>/remove", "login 404 404 403 403 302 403 404"),
    # Service accounts are the admins'. There is none to change.
    Row("GET", ACCOUNTS, ADMINS),
    Row("POST", f"{ACCOUNTS}create", ADMINS, NEW_ACCOUNT),
    Row("POST", f"{ACCOUNT}maturity", "login 404 404 403 403 404 403 404", {"maturity": "intern"}),
    Row("POST", f"{ACCOUNT}confirm", "login 404 404 403 403 404 403 404"),
    Row("POST", f"{ACCOUNT}revoke", "login 404 404 403 403 404 403 404"),
    # Scans: members read, editors start and cancel, admins set the schedule. Nothing is connected: 404.
    Row("GET", f"{ORG}scans/", MEMBERS),
    Row("POST", f"{ORG}scans/start", "login 404 404 403 404 404 403 404"),
    Row("POST", f"{ORG}scans/schedule", "login 404 404 403 403 302 403 404", {"every": "daily"}),
    Row("GET", f"{SCAN}", MEMBERS),
    Row("POST", f"{SCAN}cancel", "login 404 404 403 302 302 403 404"),
    # Reports: members read. Nothing was reported on this scan.
    *(Row("GET", f"{SCAN}{ending}", NOTHING) for ending in REPORT),
    Row("GET", f"{SCANS}/<scan_id>/findings", MEMBERS, keys=KEYS_READ),
    Row("POST", f"{SCANS}/<scan_id>/shares", NO_SHARE, {"recipient": "Board"}, NO_KEYS),
    Row("DELETE", "api/orgs/<slug>/shares/<share_id>", NO_SHARE, keys=NO_KEYS),
    # Findings: members read, editors assign. There is none.
    Row("GET", f"{ORG}findings/", MEMBERS),
    Row("POST", f"{ORG}findings/<uuid:finding_id>/assign", "login 404 404 403 404 404 403 404"),
    # Shares are the admins'. There is no report to share, and no link.
    Row("GET", f"{ORG}shares/", ADMINS),
    Row("POST", f"{ORG}shares/create", "login 404 404 403 403 404 403 404", {"recipient": "Board"}),
    Row("POST", f"{ORG}shares/<uuid:share_id>/revoke", NO_SHARE),
    # Calibration: members read, editors mute and label, admins do the rest.
    Row("GET", f"{CALIBRATION}", MEMBERS),
    Row("POST", f"{CALIBRATION}preview", ADMINS),
    # What was not previewed is shown first.
    Row("POST", f"{CALIBRATION}save", "login 404 404 403 403 200 403 404", {"based_on": "0"}),
    Row("POST", f"{CALIBRATION}back", "login 404 404 403 403 404 403 404", {"number": "99"}),
    Row("POST", f"{CALIBRATION}pin", "login 404 404 403 403 400 403 404", {"object": "x", "pin": "core"}),
    Row("POST", f"{CALIBRATION}person", "login 404 404 403 403 400 403 404", {"person": "x", "is": "left"}),
    Row("POST", f"{CALIBRATION}mute", "login 404 404 403 400 400 403 404"),
    Row("POST", f"{CALIBRATION}unmute", "login 404 404 403 200 200 403 404"),
    Row("POST", f"{CALIBRATION}label", "login 404 404 403 400 400 403 404", {"label": "wrong"}),
    Row("GET", SCANS, MEMBERS, keys=KEYS_READ),
    Row("POST", SCANS, "login 404 404 403 404 404 403 404", keys="403 403 404 404 404"),
    Row("GET", f"{SCANS}/<scan_id>", MEMBERS, keys=KEYS_READ),
    # The audit log is the admins'.
    Row("GET", f"{ORG}audit/", ADMINS),
    Row("POST", f"{ORG}audit/export", ADMINS, {"format": "jsonl"}),
    Row("POST", f"{ORG}audit/checkpoint", ADMINS),
    # Everybody's.
    Row("GET", "trust", " ".join(["200"] * len(CALLERS))),
    Row("GET", "healthz", " ".join(["200"] * len(CALLERS))),
    Row("GET", "readyz", " ".join(["200"] * len(CALLERS))),
)

# The MCP server's tools, with what each of KEYS is told: the refusal's code. Nothing is connected here, so
# who may is told so, and a foreign key is told so of its own organization.
_MAY = "integration_not_found"
TOOL_READS = f"forbidden {_MAY} {_MAY} {_MAY} {_MAY}"
TOOL_WRITES = f"forbidden forbidden {_MAY} {_MAY} {_MAY}"
_ONE = {"id": "00000000-0000-4000-8000-000000000001"}
TOOLS: dict[str, tuple[str, dict[str, Any]]] = {
    "search": (TOOL_READS, {}),
    "list_databases": (TOOL_READS, {}),
    "get_database": (TOOL_READS, _ONE),
    "query_database": (TOOL_READS, _ONE),
    "get_page": (TOOL_READS, _ONE),
    "get_page_content": (TOOL_READS, _ONE),
    "create_page": (TOOL_WRITES, {"parent": {"page_id": _ONE["id"]}, "properties": {}}),
    "update_page": (TOOL_WRITES, _ONE | {"icon": None}),
    "append_blocks": (TOOL_WRITES, _ONE | {"children": [{}]}),
    "trash_page": (f"forbidden forbidden forbidden {_MAY} {_MAY}", _ONE),
}

# Libraries' routes, by one policy for all methods.
PUBLIC = {  # also before the login; nothing in them is of any organization
    # Whoever holds a link, who sees that report: tests/scans/test_shares.py.
    "r/<str:token>",
    "r/view/<uuid:share_id>/",
    "accounts/login/",
    "accounts/logout/",
    "accounts/signup/",
    "accounts/inactive/",
    "accounts/confirm-email/",
    "accounts/^confirm-email/(?P<key>[-:\\w]+)/$",
    "accounts/login/code/confirm/",
    "accounts/password/reset/",
    "accounts/password/reset/done/",
    "accounts/password/reset/key/done/",
    "accounts/^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
    "api/",
    "api/docs",
    "api/openapi.json",
}
SIGNED_IN = {  # one's own account
    "accounts/email/",
    "accounts/reauthenticate/",
    "accounts/password/change/",
    "accounts/password/set/",
}
# The staff's directory: whoever is not staff gets nothing, and staff change nothing.
STAFF_BELOW = "admin/"
