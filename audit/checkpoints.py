"""Signed checkpoints: the customer's own proof, against which even a log that was written anew shows."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django.utils import timezone

from audit.chain import Link, canonical
from audit.models import ChainHead
from notionscan import signing

_FIELDS = {"organization", "sequence", "hash", "at", "publicKey", "signature"}
_LONGEST_CHARACTERS = 2_000


class CheckpointRefused(Exception):
    """The file is no checkpoint of this log."""


def make(organization_id: UUID) -> dict[str, Any]:
    """Sign where an organization's chain ends now, in the open transaction."""
    head = ChainHead.objects.get(organization_id=organization_id)
    checkpoint = {
        "organization": str(organization_id),
        "sequence": head.sequence,
        "hash": head.hash,
        "at": timezone.now().isoformat(timespec="seconds"),
        "publicKey": signing.public_key(),
    }
    return checkpoint | {"signature": signing.sign(canonical(checkpoint))}


def read(text: str, organization_id: UUID) -> Link:
    """Return the link that a checkpoint vouches for.

    Raises: CheckpointRefused if it is none, was altered, signed by another key, or is another
    organization's.
    """
    checkpoint = _parsed(text)
    signature = checkpoint.pop("signature")
    # Our own key and not the one the file names, which anybody can make.
    if not signing.is_signed(canonical(checkpoint), str(signature), by=signing.public_key()):
        raise CheckpointRefused("The checkpoint was not signed by this site's SIGNING_KEY, or was altered.")
    if checkpoint["organization"] != str(organization_id):
        raise CheckpointRefused("The checkpoint is another organization's.")
    return Link(int(checkpoint["sequence"]), str(checkpoint["hash"]))


def _parsed(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text[:_LONGEST_CHARACTERS])
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or set(found) != _FIELDS:
        raise CheckpointRefused("The file is not a checkpoint as the audit page gives them.")
    return found
