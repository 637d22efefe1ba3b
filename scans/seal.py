"""A report as a file that anybody can verify: its content, and the seal over its canonical JSON."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from notionscan import signing
from scans.analysis import canonical_json
from scans.models import Report

_FIELDS = {"report", "seal"}


class SealBroken(Exception):
    """The file is no report, or not as it was sealed."""


def document(report: Report) -> dict[str, Any]:
    """Return the report as JSON to hand out."""
    return {
        "report": json.loads(report.content),
        "seal": {
            "algorithm": "Ed25519 over the canonical JSON of the report",
            "publicKey": signing.public_key(),
            "sha256": report.sha256,
            "signature": report.signature,
        },
    }


def verify(text: str, *, public_key: str) -> dict[str, Any]:
    """Return what the report says of itself: its organization, scan, calibration and engine.

    The key is the reader's, and never the one that the file names.
    Raises: SealBroken.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or set(found) != _FIELDS or not isinstance(found["seal"], dict):
        raise SealBroken("The file is not a report as its page gives them as JSON.")
    content = canonical_json(found["report"])
    if found["seal"].get("sha256") != hashlib.sha256(content.encode()).hexdigest():
        raise SealBroken("The report was altered: its content is not what its SHA-256 says.")
    if not signing.is_signed(content, str(found["seal"].get("signature")), by=public_key):
        raise SealBroken("The report was not signed by this public key.")
    return dict(found["report"])
