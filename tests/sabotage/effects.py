"""Audit calls of what people change, the scope of a link, newer checks of the catalogue; in forms.py."""

from __future__ import annotations

from tests.sabotage.guard import Guard

_EFFECTS = ("tests/access/test_effects.py",)
_SHARE = ("tests/scans/test_shares.py", "tests/notionscan/test_raw_sql.py")
_CATALOGUE = ("tests/notionscan/test_catalogue.py",)


def _unrecorded(name: str, file: str, action: str) -> Guard:
    """Take away the call of ``record`` that begins with the action."""
    return Guard(f"{name} is audited", file, f"record({action}", f"(lambda **_: None)({action}", _EFFECTS)


EFFECTS = [
    _unrecorded("a share", "scans/services/share.py", "\n            action=Action.SHARE_CREATED,"),
    _unrecorded("a revoked share", "scans/services/share.py", "action=Action.SHARE_REVOKED,"),
    _unrecorded(
        "a calibration",
        "scans/services/calibration.py",
        "\n                action=Action.CALIBRATION_CHANGED,",
    ),
    _unrecorded(
        "a finding's owner", "scans/services/findings.py", "\n        action=Action.FINDING_ASSIGNED,"
    ),
    _unrecorded("a schedule", "scans/services/schedule.py", "\n        action=Action.SCAN_SCHEDULED,"),
    _unrecorded("a scan's start", "scans/services/start.py", "action=Action.SCAN_STARTED,"),
    _unrecorded("a scan's end by a person", "scans/services/start.py", "action=Action.SCAN_CANCELLED,"),
    _unrecorded("a role", "tenants/services/members.py", "\n        action=Action.MEMBER_ROLE_CHANGED,"),
    _unrecorded("a removal", "tenants/services/members.py", "\n        action=Action.MEMBER_REMOVED,"),
    _unrecorded(
        "a disconnect",
        "integrations/services/disconnect.py",
        "\n        action=Action.INTEGRATION_DISCONNECTED,",
    ),
    Guard(
        "a link's scope shows that link alone",
        "scans/migrations/0004_shares.py",
        'also=[("SELECT", "id = (SELECT scope_share())")]',
        'also=[("SELECT", "(SELECT scope_share()) IS NOT NULL")]',
        _SHARE,
    ),
    Guard(
        "a link's scope shows its report alone",
        "scans/migrations/0004_shares.py",
        "USING (id IN (\n    SELECT report_id FROM scans_share WHERE id = (SELECT scope_share())\n));",
        "USING ((SELECT scope_share()) IS NOT NULL);",
        _SHARE,
    ),
    Guard(
        "a scope of one kind is not read as another",
        "notionscan/migrations/0003_signed_scope.py",
        "CASE WHEN split_part(claim, ':', 1) IN ('organization', 'job') "
        "THEN split_part(claim, ':', 3)::uuid END",
        "nullif(split_part(claim, ':', 3), '')::uuid",
        ("tests/notionscan/test_raw_sql.py",),
    ),
    Guard(
        "tables listed as nobody's are looked at",
        "notionscan/catalogue.py",
        "    _global_with_customers,\n",
        "",
        _CATALOGUE,
    ),
    Guard(
        "primary keys are looked for", "notionscan/catalogue.py", "    _primary_missing,\n", "", _CATALOGUE
    ),
    Guard(
        "rights beside the usual are looked at",
        "notionscan/catalogue.py",
        "    _other_rights,\n",
        "",
        _CATALOGUE,
    ),
]
