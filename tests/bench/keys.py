"""Figure: rotating the key ring of ten thousand organizations with a token each."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from io import StringIO

from django.conf import settings
from django.core.management import call_command
from django.test.utils import override_settings

from integrations.models import Integration
from notionscan import keyring
from tests import database
from tests.bench import world
from tests.bench.figure import Figure
from tests.factories import within

_TOKENS = 10_000
_CHECKED = 20
_TARGET_SECONDS = 60


def measure() -> Iterator[Figure]:
    _fill(_TOKENS)
    checked = [world.make_place(f"rotated-{number}").organization for number in range(_CHECKED)]
    for organization in checked:
        world.connect(organization)
    ring = {"newer": b"r" * 32} | settings.FIELD_ENCRYPTION_KEYS
    with override_settings(FIELD_ENCRYPTION_KEYS=ring):
        started = time.perf_counter()
        call_command("rotate_encryption_keys", stdout=StringIO())
        seconds = time.perf_counter() - started
        for organization in checked:
            with within(organization):
                Integration.objects.get().access_token.reveal()
    yield Figure(
        name=f"rotate_encryption_keys with {_TOKENS:,} tokens",
        values={"seconds": round(seconds, 1), "per_second": round(_TOKENS / seconds)},
        target=f"at most {_TARGET_SECONDS} s",
        met=seconds <= _TARGET_SECONDS,
        how=(
            "The command itself, one organization in a committed and audited transaction after another; "
            f"{_CHECKED} tokens are opened under the new ring afterwards."
        ),
    )


def _fill(count: int) -> None:
    """Make organizations with a data key each, as only the owner can in bulk."""
    ids = [uuid.uuid4() for _ in range(count)]
    with database.superuser() as owner:
        for table in ("tenants_organization", "tenants_datakey"):
            owner.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
        with owner.copy("COPY tenants_organization (id, slug, name, created_at) FROM STDIN") as copy:
            for number, each in enumerate(ids):
                copy.write_row((each, f"filled-{number}", "Filled", "2026-01-01"))
        with owner.copy("COPY tenants_datakey (organization_id, wrapped, created_at) FROM STDIN") as copy:
            for each in ids:
                copy.write_row((each, keyring.new_data_key(each), "2026-01-01"))
        for table in ("tenants_organization", "tenants_datakey"):
            owner.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
