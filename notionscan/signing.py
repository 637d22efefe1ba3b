"""The site's Ed25519 signature, under what leaves the house: checkpoints of the audit log, and reports."""

from __future__ import annotations

import base64
import binascii

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.conf import settings


def sign(text: str) -> str:
    """Return the signature of a text, in base64."""
    return base64.b64encode(_key().sign(text.encode())).decode()


def public_key() -> str:
    """Return the key that signatures are verified with, in base64."""
    return base64.b64encode(_key().public_key().public_bytes_raw()).decode()


def is_signed(text: str, signature: str, *, by: str) -> bool:
    """Say whether the signature is of this text and made by this public key; False for what is none."""
    try:
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(by, validate=True))
        key.verify(base64.b64decode(signature, validate=True), text.encode())
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def _key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(settings.SIGNING_KEY)
