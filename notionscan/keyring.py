"""The key ring: wraps each organization's data key, and seals values with that data key.

Layout: ``FIELD_ENCRYPTION_KEYS`` (the ring, first key is current) wraps one random data key per
organization; the data key seals that organization's fields. Rotating the ring re-wraps data keys only,
and destroying a data key makes everything of that organization unreadable.
"""

from __future__ import annotations

import base64
import binascii
import os
from dataclasses import dataclass
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.apps import apps
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from notionscan import rls
from notionscan.secret import Secret

_VERSION = "v1"
_NONCE_BYTES = 12
_KEY_BYTES = 32


class DecryptFailed(Exception):
    """A sealed value cannot be opened: unknown key, altered, moved from its place, or never sealed."""


@dataclass(frozen=True)
class Key:
    """An AES-256 key and the id that a ciphertext names it by."""

    id: str
    aead: AESGCM

    def seal(self, plaintext: bytes, *, associated_data: bytes) -> str:
        """Return ``v1.<key id>.<nonce>.<ciphertext and tag>``, base64url without padding."""
        nonce = os.urandom(_NONCE_BYTES)  # 96 random bits: never reused within a key's life
        sealed = self.aead.encrypt(nonce, plaintext, associated_data)
        return f"{_VERSION}.{self.id}.{_encode(nonce)}.{_encode(sealed)}"

    def open(self, ciphertext: str, *, associated_data: bytes) -> bytes:
        """Return the plaintext.

        Raises: DecryptFailed, whatever is wrong; never the raw value.
        """
        version, _, rest = ciphertext.partition(".")
        parts = rest.split(".")
        if version != _VERSION or len(parts) != 3:
            raise DecryptFailed("The stored value is not in the encrypted form.")
        key_id, nonce, sealed = parts
        if key_id != self.id:
            raise DecryptFailed(f"The stored value was sealed under another key ({key_id[:40]!r}).")
        try:
            return self.aead.decrypt(_decode(nonce), _decode(sealed), associated_data)
        except (InvalidTag, ValueError):
            raise DecryptFailed("The stored value was altered, or belongs to another place.") from None


class KeyRing:
    """The deployment's keys, by id; the first is the one that new data keys are wrapped with."""

    def __init__(self, keys: dict[str, bytes]) -> None:
        self._keys = {key_id: Key(key_id, AESGCM(raw)) for key_id, raw in keys.items()}
        self.current = next(iter(self._keys.values()))

    def wrap(self, data_key: bytes, *, organization_id: UUID) -> str:
        return self.current.seal(data_key, associated_data=_wrapping_context(organization_id))

    def unwrap(self, wrapped: str, *, organization_id: UUID) -> bytes:
        """Return an organization's data key.

        Raises: DecryptFailed if the ring no longer holds the key it was wrapped with.
        """
        key_id = wrapped_by(wrapped)
        if not key_id:
            raise DecryptFailed("The organization's data key was altered; restore it from a backup.")
        key = self._keys.get(key_id)
        if key is None:
            raise DecryptFailed(f"The key {key_id[:40]!r} is not in FIELD_ENCRYPTION_KEYS.")
        return key.open(wrapped, associated_data=_wrapping_context(organization_id))


def wrapped_by(ciphertext: str) -> str:
    """Return the id of the key that a ciphertext names."""
    parts = ciphertext.split(".")
    return parts[1] if len(parts) == 4 else ""


def parse_keys(value: str) -> dict[str, bytes]:
    """Read ``id:base64key[,id:base64key…]``.

    Raises: ImproperlyConfigured, without the value, if a key is not 32 bytes or an id is repeated.
    """
    keys: dict[str, bytes] = {}
    for entry in filter(None, (part.strip() for part in value.split(","))):
        key_id, _, encoded = entry.partition(":")
        raw = _decoded_key(encoded)
        if not key_id.isalnum() or key_id in keys or raw is None:
            raise ImproperlyConfigured(
                "FIELD_ENCRYPTION_KEYS: each entry is id:base64key, with an id of letters and digits "
                "used once, and a key of 32 bytes (make one with: openssl rand -base64 32)."
            )
        keys[key_id] = raw
    if not keys:
        raise ImproperlyConfigured("FIELD_ENCRYPTION_KEYS is empty; set at least one id:base64key.")
    return keys


def parse_key(name: str, value: str) -> bytes:
    """Read one base64 key of 32 bytes, as the setting of this name.

    Raises: ImproperlyConfigured, without the value.
    """
    raw = _decoded_key(value)
    if raw is None:
        raise ImproperlyConfigured(f"{name}: set a key of 32 bytes (make one with: openssl rand -base64 32).")
    return raw


def _decoded_key(encoded: str) -> bytes | None:
    try:
        raw = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw if len(raw) == _KEY_BYTES else None


def ring() -> KeyRing:
    return KeyRing(settings.FIELD_ENCRYPTION_KEYS)


def new_data_key(organization_id: UUID) -> str:
    """Return a fresh data key for an organization, wrapped by the current key of the ring."""
    return ring().wrap(os.urandom(_KEY_BYTES), organization_id=organization_id)


def data_key(organization_id: UUID) -> Key:
    """Return the organization's data key, unwrapped once for as long as the scope lives.

    Raises: DecryptFailed if there is none, or the ring cannot open it.
    """
    scope = rls.current()
    cache = scope.cache if scope and scope.organization_id == organization_id else {}
    name = f"data_key:{organization_id}"
    if name not in cache:
        model = apps.get_model(settings.FIELD_DATA_KEY_MODEL)
        wrapped = (
            model._default_manager.filter(organization_id=organization_id)
            .values_list("wrapped", flat=True)
            .first()
        )
        if wrapped is None:
            raise DecryptFailed("This organization has no data key here; it was destroyed or never made.")
        raw = ring().unwrap(wrapped, organization_id=organization_id)
        cache[name] = Key(_data_key_id(organization_id), AESGCM(raw))
    return cache[name]  # type: ignore[no-any-return]


def seal(secret: Secret, *, organization_id: UUID, place: str) -> str:
    """Encrypt a secret for one place (table, column and row) of one organization."""
    return data_key(organization_id).seal(
        secret.expose().encode(), associated_data=_place_context(organization_id, place)
    )


def unseal(ciphertext: str, *, organization_id: UUID, place: str) -> Secret:
    """Decrypt what ``seal`` made for the same organization and place.

    Raises: DecryptFailed.
    """
    plaintext = data_key(organization_id).open(
        ciphertext, associated_data=_place_context(organization_id, place)
    )
    return Secret(plaintext.decode())


def _data_key_id(organization_id: UUID) -> str:
    return f"org-{organization_id.hex}"


def _wrapping_context(organization_id: UUID) -> bytes:
    return f"data-key|{organization_id}".encode()


def _place_context(organization_id: UUID, place: str) -> bytes:
    return f"field|{organization_id}|{place}".encode()


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
