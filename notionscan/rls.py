"""The scope: which rows the current work may see, decided by the database and not by a filter.

Code enters a scope (``with rls.scope(rls.organization_scope(...))``); the database backend signs it and
binds it to every transaction (``notionscan.postgresql``), the database checks the signature, and each
scoped table carries a policy that names the scope. No scope, no rows.
"""

from __future__ import annotations

import contextlib
import enum
import hashlib
import hmac
import time
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.migrations.operations import CreateModel

# The variable a transaction carries its scope in, sealed by the functions of migration 0003.
SETTING = "notionscan.scope"
# A signature is used at once; this much the clocks of two machines may differ.
_SIGNATURE_SECONDS = 300


class ScopeMissing(Exception):
    """A scoped table was queried outside a transaction, where no scope can be bound."""


class Kind(enum.StrEnum):
    USER = "user"
    ORGANIZATION = "organization"
    JOB = "job"
    STAFF = "staff"
    SHARE = "share"


@dataclass(frozen=True)
class Scope:
    kind: Kind
    user_id: UUID | None = None
    organization_id: UUID | None = None
    share_id: UUID | None = None
    # What lives exactly as long as the scope, such as the organization's unwrapped data key.
    cache: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    def signed(self) -> tuple[str, bytes]:
        """Return the claim that ``scope_bind`` checks, and its HMAC-SHA256 under SCOPE_SIGNING_KEY."""
        expires = int(time.time()) + _SIGNATURE_SECONDS
        # Of a kind there is a user or a share, and the readers look at the kind.
        claim = f"{self.kind}:{self.user_id or self.share_id or ''}:{self.organization_id or ''}:{expires}"
        return claim, hmac.digest(settings.SCOPE_SIGNING_KEY, claim.encode(), hashlib.sha256)


def user_scope(user_id: UUID) -> Scope:
    """A person's own memberships and their organizations, nothing inside them."""
    return Scope(Kind.USER, user_id=user_id)


def organization_scope(organization_id: UUID, *, user_id: UUID | None = None) -> Scope:
    """All rows of one organization, on behalf of a member or of an operator (no user)."""
    return Scope(Kind.ORGANIZATION, user_id=user_id, organization_id=organization_id)


def job_scope(organization_id: UUID) -> Scope:
    """All rows of the organization that a background job was stamped with."""
    return Scope(Kind.JOB, organization_id=organization_id)


def staff_scope(user_id: UUID) -> Scope:
    """The staff directory, and no customer's table."""
    return Scope(Kind.STAFF, user_id=user_id)


def share_scope(share_id: UUID) -> Scope:
    """One shared report and its link, to read; nothing else of the organization."""
    return Scope(Kind.SHARE, share_id=share_id)


_current: ContextVar[Scope | None] = ContextVar("scope", default=None)


def current() -> Scope | None:
    return _current.get()


def enter(scope: Scope) -> None:
    """Enter a scope for the rest of the request; ``middleware.ScopeMiddleware`` leaves it."""
    _current.set(scope)


@contextlib.contextmanager
def scope(scope: Scope | None) -> Iterator[None]:
    """Run a block in a scope. Opens no transaction: the backend binds it at the next statement."""
    token = _current.set(scope)
    try:
        yield
    finally:
        _current.reset(token)


class Scoped:
    """Marks a model whose rows belong to a customer. Create its table with ``CreateScopedModel``."""

    scope_column = "organization_id"


def scoped_models() -> list[type[models.Model]]:
    """Return every managed model whose table carries a policy."""
    from django.apps import apps

    return [
        model
        for model in apps.get_models()
        if hasattr(model, "scope_column") and model._meta.managed and not model._meta.proxy
    ]


class CreateScopedModel(CreateModel):
    """Create a table together with its policy, so that it never exists without one.

    ``also`` lists further rights beyond "the organization's own rows": pairs of a command (``SELECT``
    or ``DELETE``) and an SQL condition. ``parents`` lists foreign keys into other scoped tables as
    (column, table); each is created with the organization in it, so that no row points across tenants.
    """

    serialization_expand_args = ["fields", "options", "managers"]

    def __init__(
        self,
        name: str,
        fields: Sequence[tuple[str, models.Field[Any, Any]]],
        options: dict[str, Any] | None = None,
        bases: Any = None,
        managers: Any = None,
        *,
        scope_column: str = "organization_id",
        also: Sequence[tuple[str, str]] = (),
        parents: Sequence[tuple[str, str]] = (),
    ) -> None:
        super().__init__(name, list(fields), options, bases, managers)
        self.scope_column = scope_column
        self.also = also
        self.parents = parents

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        super().database_forwards(app_label, schema_editor, from_state, to_state)
        model = to_state.apps.get_model(app_label, self.name)
        if not self.allow_migrate_model(schema_editor.connection.alias, model):
            return
        table = model._meta.db_table
        for statement in policy_statements(table, self.scope_column, self.also, self.parents):
            schema_editor.execute(statement)

    def describe(self) -> str:
        return f"Create model {self.name} with its row security"


def policy_statements(
    table: str,
    scope_column: str,
    also: Sequence[tuple[str, str]] = (),
    parents: Sequence[tuple[str, str]] = (),
) -> Iterator[str]:
    """Yield the SQL that fences a table: enabled, forced, and one policy for each right."""
    # (SELECT …) makes the function an init plan: evaluated once per statement and usable by an index.
    own = f'"{scope_column}" = (SELECT scope_organization())'
    yield f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY'
    yield f'ALTER TABLE "{table}" FORCE ROW LEVEL SECURITY'
    yield f'CREATE POLICY tenant ON "{table}" USING ({own}) WITH CHECK ({own})'
    for number, (command, condition) in enumerate(also, start=1):
        yield f'CREATE POLICY also_{number} ON "{table}" FOR {command} USING ({condition})'
    # FORCE binds the owner too, so our SECURITY DEFINER functions could see nothing. Inside one, called by
    # the app's role, the current user is the owner and the session's is not; on the owner's own
    # connection both are the same, and there are no rows.
    yield (
        f'CREATE POLICY definer ON "{table}" FOR SELECT TO CURRENT_USER '
        "USING ((SELECT current_user <> session_user))"
    )
    for column, parent in parents:
        yield (
            f'ALTER TABLE "{table}" ADD FOREIGN KEY ("{scope_column}", "{column}") '
            f'REFERENCES "{parent}" (organization_id, id) ON DELETE CASCADE'
        )
