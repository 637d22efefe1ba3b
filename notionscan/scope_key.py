"""Put the scope's keys where only the owner's functions read them. Called by ``manage.py migrate``."""

from __future__ import annotations

import os

from django.conf import settings
from django.db import connections

# RFC 2104: HMAC-SHA256 pads its key to a block of 64 bytes and masks it in two ways.
_BLOCK_BYTES = 64
_INNER, _OUTER = 0x36, 0x5C

_INSTALL = """
INSERT INTO notionscan_scopekey (claim_inner, claim_outer, seal_inner, seal_outer) VALUES (%s, %s, %s, %s)
ON CONFLICT (single) DO UPDATE SET claim_inner = EXCLUDED.claim_inner, claim_outer = EXCLUDED.claim_outer
"""


def install(alias: str) -> None:
    """Make SCOPE_SIGNING_KEY the one that the database believes; the seal's key is made once, here.

    The seal's key never leaves the database, and stays, so that transactions under way keep their scope.
    """
    keys = [*_pads(settings.SCOPE_SIGNING_KEY), *_pads(os.urandom(32))]
    with connections[alias].cursor() as cursor:
        cursor.execute(_INSTALL, keys)


def _pads(key: bytes) -> tuple[bytes, bytes]:
    padded = key.ljust(_BLOCK_BYTES, b"\0")
    return bytes(byte ^ _INNER for byte in padded), bytes(byte ^ _OUTER for byte in padded)
