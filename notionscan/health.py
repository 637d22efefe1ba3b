"""Is the process up, and can it serve?"""

from __future__ import annotations

from uuid import UUID

from django.contrib.auth.decorators import login_not_required
from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.utils import Error
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from notionscan import rls

_NOBODY = UUID(int=0)

# Whoever owns a table can switch its row security off.
_CAN_BYPASS = """
SELECT rolsuper OR rolbypassrls
       OR EXISTS (SELECT FROM pg_class
                  WHERE relnamespace = 'public'::regnamespace AND pg_has_role(relowner, 'MEMBER'))
FROM pg_roles WHERE rolname = current_user
"""


@require_safe
@login_not_required
def healthz(request: HttpRequest) -> JsonResponse:
    """Say that the process answers."""
    return JsonResponse({"status": "ok"})


@require_safe
@login_not_required
def readyz(request: HttpRequest) -> JsonResponse:
    """Say whether the database is reached, migrated, and unable to be read past its row security."""
    problem = _problem()
    return JsonResponse(
        {"status": "not ready", "problem": problem} if problem else {"status": "ok"},
        status=503 if problem else 200,
    )


def _problem() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute(_CAN_BYPASS)
            if cursor.fetchone()[0]:
                return (
                    "DATABASE_URL names a role that bypasses row security, or can end it; use the app role."
                )
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            return "Migrations are missing; run manage.py migrate."
        if not _scope_is_believed():
            return "The database does not know this SCOPE_SIGNING_KEY; run manage.py migrate with it."
    except Error:
        return "The database cannot be reached."
    return ""


def _scope_is_believed() -> bool:
    with rls.scope(rls.staff_scope(_NOBODY)), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT scope_kind()")
        return bool(cursor.fetchone()[0] == rls.Kind.STAFF)
