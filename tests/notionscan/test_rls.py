"""The scope: bound to every transaction, left by none."""

from __future__ import annotations

import threading

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.utils import ProgrammingError
from django.utils import timezone

from integrations.models import RateBudget
from notionscan import rls
from tenants.models import Membership, Organization
from tests import database
from tests.factories import World, make_organization, make_world, within
from tests.integrations.test_budget import make_budget


def _slugs() -> set[str]:
    with transaction.atomic():
        return set(Organization.objects.values_list("slug", flat=True))


def test_no_scope_shows_no_rows(world: World) -> None:
    assert _slugs() == set()


def test_an_organization_scope_shows_that_organization_alone(world: World) -> None:
    with rls.scope(rls.organization_scope(world.acme.pk)):
        assert _slugs() == {"acme"}
        assert {m.organization_id for m in Membership.objects.all()} == {world.acme.pk}


def test_a_user_scope_shows_own_memberships_and_their_organizations(world: World) -> None:
    with rls.scope(rls.user_scope(world.viewer.pk)):
        assert _slugs() == {"acme"}
        assert [m.user_id for m in Membership.objects.all()] == [world.viewer.pk]


def test_a_user_scope_cannot_change_its_own_membership(world: World) -> None:
    with rls.scope(rls.user_scope(world.viewer.pk)):
        assert Membership.objects.update(role="admin") == 0


def test_a_staff_scope_shows_no_customers_row(world: World) -> None:
    with rls.scope(rls.staff_scope(world.admin.pk)):
        assert _slugs() == set()


def test_a_row_of_another_organization_cannot_be_written(world: World) -> None:
    with (
        rls.scope(rls.organization_scope(world.acme.pk)),
        pytest.raises(ProgrammingError, match="row-level security"),
        transaction.atomic(),
    ):
        Membership.objects.create(organization=world.globex, user=world.admin, role="admin")


def test_a_scope_entered_inside_a_transaction_is_bound(world: World) -> None:
    with transaction.atomic():
        assert _slugs() == set()
        with rls.scope(rls.organization_scope(world.globex.pk)):
            assert _slugs() == {"globex"}
        assert _slugs() == set()


def test_a_rolled_back_savepoint_does_not_bring_another_scope_back(world: World) -> None:
    with rls.scope(rls.organization_scope(world.acme.pk)), transaction.atomic():
        assert _slugs() == {"acme"}
        try:
            with transaction.atomic(), rls.scope(rls.organization_scope(world.globex.pk)):
                assert _slugs() == {"globex"}
                raise ValueError
        except ValueError:
            pass
        assert _slugs() == {"acme"}


def test_a_failed_statement_leaves_the_outer_scope(world: World) -> None:
    from django.db.utils import DataError

    with rls.scope(rls.organization_scope(world.acme.pk)), transaction.atomic():
        try:
            with (
                transaction.atomic(),
                rls.scope(rls.organization_scope(world.globex.pk)),
                connection.cursor() as cursor,
            ):
                cursor.execute("SELECT 1 / 0")
        except DataError:
            pass
        assert _slugs() == {"acme"}


def test_a_scoped_table_outside_a_transaction_raises(committed: None) -> None:
    with pytest.raises(rls.ScopeMissing, match="tenants_organization"):
        Organization.objects.count()


def test_nothing_of_a_scope_stays_on_the_connection(committed: None) -> None:
    acme = make_organization("acme", "Acme")
    with rls.scope(rls.organization_scope(acme.pk)):
        assert _slugs() == {"acme"}
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('notionscan.scope', true)")
        assert not cursor.fetchone()[0]
    assert _slugs() == set()


def test_threads_keep_their_scopes_apart(committed: None) -> None:
    world = make_world()
    seen: dict[str, list[set[str]]] = {"acme": [], "globex": []}

    def look(organization: Organization) -> None:
        for _ in range(50):
            with rls.scope(rls.organization_scope(organization.pk)):
                seen[organization.slug].append(_slugs())
        connection.close()

    threads = [threading.Thread(target=look, args=[o]) for o in (world.acme, world.globex)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == {"acme": [{"acme"}] * 50, "globex": [{"globex"}] * 50}


def test_the_app_role_owns_nothing_and_cannot_bypass(world: World) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb FROM pg_roles "
            "WHERE rolname = current_user"
        )
        assert cursor.fetchone() == (False, False, False, False)
        cursor.execute("SELECT count(*) FROM pg_tables WHERE tableowner = current_user")
        assert cursor.fetchone() == (0,)


def test_every_scoped_table_is_forced_and_has_a_policy(db: None) -> None:
    tables = {model._meta.db_table for model in rls.scoped_models()}
    with database.superuser() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_class c JOIN pg_policy p ON p.polrelid = c.oid "
            "WHERE c.relrowsecurity AND c.relforcerowsecurity AND p.polname = 'tenant'"
        )
        assert {row[0] for row in cursor} == tables


def test_every_table_with_an_organization_is_scoped(db: None) -> None:
    with database.superuser() as cursor:
        cursor.execute(
            "SELECT DISTINCT table_name FROM information_schema.columns JOIN pg_tables "
            "ON tablename = table_name WHERE table_schema = 'public' AND column_name = 'organization_id'"
        )
        tables = {row[0] for row in cursor}
    assert tables <= {model._meta.db_table for model in rls.scoped_models()}


def test_the_owner_too_sees_no_rows_without_a_scope(committed: None) -> None:
    make_world()
    with database.superuser() as cursor:
        cursor.execute("SELECT count(*) FROM tenants_membership")
        assert cursor.fetchone() == (0,)


def test_a_row_cannot_point_into_another_organization(committed: None) -> None:
    world = make_world()
    theirs = make_budget(world.globex).integration_id
    with pytest.raises(IntegrityError, match="foreign key"), within(world.acme):
        RateBudget.objects.create(
            organization=world.acme, integration_id=theirs, window_started_at=timezone.now(), limit=1
        )


def test_the_app_role_makes_no_temporary_table(db: None) -> None:
    with (
        pytest.raises(ProgrammingError, match="permission denied to create temporary tables"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("CREATE TEMP TABLE tenants_datakey AS SELECT 1 AS id")


def test_a_temporary_table_is_not_taken_for_ours(committed: None) -> None:
    world = make_world()
    name = connection.settings_dict["NAME"]
    app = connection.get_connection_params()["user"]
    with database.superuser() as owner:
        owner.execute(f'GRANT TEMPORARY ON DATABASE "{name}" TO "{app}"')
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("CREATE TEMP TABLE tenants_datakey AS SELECT 1 AS id")
        with within(world.acme), connection.cursor() as cursor:
            cursor.execute("SELECT organization_id FROM tenants_datakey")
            assert cursor.fetchall() == [(world.acme.pk,)]
    finally:
        connection.close()
        with database.superuser() as owner:
            owner.execute(f'REVOKE TEMPORARY ON DATABASE "{name}" FROM "{app}"')


def test_a_job_that_is_paused_does_not_keep_its_locks(world: World) -> None:
    with rls.scope(rls.job_scope(world.acme.pk)), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SHOW idle_in_transaction_session_timeout")
        assert cursor.fetchone() == ("1min",)
