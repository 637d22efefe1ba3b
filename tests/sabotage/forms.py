"""What one organization's row could do to all others: the guards of its form, and those of effects.py."""

from __future__ import annotations

from tests.sabotage.effects import EFFECTS
from tests.sabotage.guard import Guard

_AUDIT = ("tests/audit/test_event_form.py", "tests/audit/test_chain.py")
_JOBS = ("tests/notionscan/test_job_form.py",)
_CHAIN_SQL = "audit/migrations/0004_event_form.py"
_JOB_SQL = "notionscan/migrations/0006_job_form.py"

FORMS = [
    Guard(
        "an event's date is one of today's",
        _CHAIN_SQL,
        "NOT BETWEEN now() - interval '1 day' AND now() + interval '1 day'",
        "IS NULL",
        _AUDIT,
    ),
    Guard(
        "an event is not nested too deep", _CHAIN_SQL, "OR jsonb_path_exists(told, '$.**{20}')", "", _AUDIT
    ),
    Guard("an event's numbers are small", _CHAIN_SQL, "(@ > 1e18 || @ < -1e18)", "(@ != @)", _AUDIT),
    Guard(
        "an event is short",
        _CHAIN_SQL,
        "octet_length(content) > 32000",
        "false",
        _AUDIT,
    ),
    Guard(
        "an event's metadata is an object",
        _CHAIN_SQL,
        "jsonb_typeof(told -> 'metadata') IS DISTINCT FROM 'object'",
        "false",
        _AUDIT,
    ),
    Guard(
        "an event that cannot be read is named",
        "audit/chain.py",
        "_UNREADABLE = (DataError, ValueError, RecursionError)",
        "_UNREADABLE = (ZeroDivisionError,)",
        _AUDIT,
    ),
    Guard(
        "a job carries ids alone",
        _JOB_SQL,
        "jsonb_typeof(id) <> 'string'\n            OR id #>> '{}' !~ "
        "'^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'",
        "false",
        _JOBS,
    ),
    Guard("a job has a task's name", _JOB_SQL, "task !~ '^[a-z]{1,40}[.][a-z_]{1,40}$' OR", "", _JOBS),
    Guard(
        "a rotation goes on past a row that is not to be had",
        "tenants/management/commands/rotate_encryption_keys.py",
        "            except DatabaseError:",
        "            except ZeroDivisionError:",
        ("tests/tenants/test_keys.py",),
    ),
    Guard(
        "the server's access log holds the hash of a share's token",
        "notionscan/wsgi.py",
        "environ[name] = without_keys(environ[name])",
        "pass",
        ("tests/notionscan/test_share_tokens_in_logs.py",),
    ),
    *EFFECTS,
]
