"""Encrypted fields: opened in their place alone, and closed whenever anything is wrong."""

from __future__ import annotations

import base64
import pickle

import pytest
from django.core.exceptions import FieldError, ImproperlyConfigured
from django.db import connection

from integrations.models import Integration
from notionscan.keyring import DecryptFailed, KeyRing, data_key, parse_keys
from notionscan.secret import Secret
from tenants.models import DataKey, Organization
from tests.factories import World, within

TOKEN = "ntn_canary_of_the_fields"


def _integration(organization: Organization, **fields: object) -> Integration:
    integration = Integration(
        organization=organization,
        provider="notion",
        connection_type="internal",
        workspace_id=organization.pk,
        account_id=organization.pk,
        connected_by_label="someone",
    )
    integration.access_token = Secret(TOKEN)
    for name, value in fields.items():
        setattr(integration, name, value)
    integration.save()
    return integration


def _stored(integration: Integration, column: str = "access_token") -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {column} FROM integrations_integration WHERE id = %s", [integration.pk])
        return str(cursor.fetchone()[0])


def _store(integration: Integration, value: str, column: str = "access_token") -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE integrations_integration SET {column} = %s WHERE id = %s", [value, integration.pk]
        )


def test_a_token_is_stored_encrypted_and_revealed(world: World) -> None:
    with within(world.acme):
        integration = _integration(world.acme)
        stored = _stored(integration)
        assert stored.startswith("v1.")
        assert TOKEN not in stored
        assert Integration.objects.get().access_token.reveal().expose() == TOKEN


def test_two_encryptions_of_one_token_differ(world: World) -> None:
    with within(world.acme):
        integration = _integration(world.acme)
        first = _stored(integration)
        integration.access_token = Secret(TOKEN)
        integration.save()
        assert _stored(integration) != first


def test_a_ciphertext_in_another_column_does_not_open(world: World) -> None:
    with within(world.acme):
        integration = _integration(world.acme)
        _store(integration, _stored(integration), "refresh_token")
        with pytest.raises(DecryptFailed):
            Integration.objects.get().refresh_token.reveal()


def test_a_ciphertext_in_another_row_does_not_open(world: World) -> None:
    with within(world.acme):
        first = _integration(world.acme)
        second = _integration(world.acme, provider="another")
        _store(second, _stored(first))
        with pytest.raises(DecryptFailed):
            Integration.objects.get(pk=second.pk).access_token.reveal()


def test_a_ciphertext_in_another_organization_does_not_open(world: World) -> None:
    with within(world.acme):
        stolen = _stored(_integration(world.acme))
    with within(world.globex):
        integration = _integration(world.globex)
        _store(integration, stolen)
        with pytest.raises(DecryptFailed):
            Integration.objects.get().access_token.reveal()


@pytest.mark.parametrize(
    "alter",
    [
        lambda text: TOKEN,
        lambda text: "",
        lambda text: text[:-2] + ("AA" if text[-2:] != "AA" else "BB"),
        lambda text: text.rpartition(".")[0] + ".AAAA",
        lambda text: text.replace("v1.", "v2.", 1),
        lambda text: ".".join(["v1", "unknown", *text.split(".")[2:]]),
        lambda text: "v1...",
        lambda text: text + "!",
    ],
    ids=["plaintext", "empty", "flipped", "no-tag", "version", "key-id", "dots", "not-base64"],
)
def test_whatever_was_altered_fails_closed(world: World, alter: object) -> None:
    with within(world.acme):
        integration = _integration(world.acme)
        _store(integration, alter(_stored(integration)))  # type: ignore[operator]
        with pytest.raises(DecryptFailed) as failure:
            Integration.objects.get().access_token.reveal()
        assert TOKEN not in str(failure.value)


def test_a_ring_without_the_key_fails_closed(world: World, settings: object) -> None:
    settings.FIELD_ENCRYPTION_KEYS = {"other": b"o" * 32}  # type: ignore[attr-defined]
    with within(world.acme), pytest.raises(DecryptFailed, match="test1"):
        _integration(world.acme)


def test_another_organizations_data_key_does_not_open(world: World) -> None:
    with within(world.globex):
        foreign = DataKey.objects.get().wrapped
    with within(world.acme):
        DataKey.objects.update(wrapped=foreign)
        with pytest.raises(DecryptFailed, match="another place"):
            data_key(world.acme.pk)


def test_a_new_ring_key_still_opens_what_the_old_one_wrapped(world: World, settings: object) -> None:
    with within(world.acme):
        _integration(world.acme)
    old = settings.FIELD_ENCRYPTION_KEYS  # type: ignore[attr-defined]
    settings.FIELD_ENCRYPTION_KEYS = {"new": b"n" * 32} | old  # type: ignore[attr-defined]
    with within(world.acme):
        assert Integration.objects.get().access_token.reveal().expose() == TOKEN


def test_update_bulk_update_and_filters_are_refused(world: World) -> None:
    with within(world.acme):
        integration = _integration(world.acme)
        for value in (TOKEN, "v1.looks.like.it", Secret(TOKEN)):
            with pytest.raises(FieldError):
                Integration.objects.update(access_token=value)
        with pytest.raises(FieldError):
            Integration.objects.filter(access_token=TOKEN)
        integration.access_token = Secret("ntn_fresh")
        with pytest.raises((FieldError, TypeError)):
            Integration.objects.bulk_update([integration], ["access_token"])


def test_plain_text_cannot_be_assigned(world: World) -> None:
    with pytest.raises(TypeError, match="takes a Secret"):
        Integration(access_token=TOKEN)


def test_a_sealed_value_cannot_be_assigned_to_another_row(world: World) -> None:
    with within(world.acme):
        integration = _integration(world.acme)
        with pytest.raises(TypeError, match="bound to its row"):
            Integration().access_token = integration.access_token


def test_a_row_read_again_and_a_deferred_field_reveal(world: World) -> None:
    with within(world.acme):
        integration = _integration(world.acme)
        integration.refresh_from_db()
        assert integration.access_token.reveal().expose() == TOKEN
        deferred = Integration.objects.defer("access_token").get()
        assert deferred.access_token.reveal().expose() == TOKEN


def test_the_data_key_is_unwrapped_once_in_a_scope(
    world: World, django_assert_num_queries: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    with within(world.acme):
        _integration(world.acme)
    unwrapped = []
    unwrap = KeyRing.unwrap
    monkeypatch.setattr(
        KeyRing, "unwrap", lambda *args, **kwargs: unwrapped.append(1) or unwrap(*args, **kwargs)
    )
    with within(world.acme):
        for _ in range(5):
            Integration.objects.get().access_token.reveal()
    assert len(unwrapped) == 1


def test_a_secret_shows_nothing() -> None:
    secret = Secret(TOKEN)
    for shown in (repr(secret), str(secret), f"{secret}", f"{secret:>20}", "%s" % secret, repr([secret])):
        assert TOKEN not in shown
        assert "***" in shown
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    with pytest.raises(TypeError):
        hash(secret)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "a",
        "a:",
        "a:c2hvcnQ=",
        "a b:" + base64.b64encode(b"k" * 32).decode(),
        ",".join(["a:" + base64.b64encode(b"k" * 32).decode()] * 2),
    ],
)
def test_a_malformed_key_ring_stops_the_process(value: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="FIELD_ENCRYPTION_KEYS") as failure:
        parse_keys(value)
    assert "c2hvcnQ" not in str(failure.value)
