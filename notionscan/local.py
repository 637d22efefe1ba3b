"""The secrets of a local installation: made on the first start, kept in a git-ignored file."""

from __future__ import annotations

import base64
import fcntl
import os
import secrets
from collections.abc import Callable
from pathlib import Path

SECRETS_FILE = "secrets.env"


def _key() -> str:
    return base64.b64encode(os.urandom(32)).decode()


_MAKERS: dict[str, Callable[[], str]] = {
    "SECRET_KEY": lambda: secrets.token_urlsafe(48),
    "FIELD_ENCRYPTION_KEYS": lambda: f"local1:{_key()}",
    "SCOPE_SIGNING_KEY": _key,
    "SIGNING_KEY": _key,
}


def ensure_secrets(data_dir: Path) -> Path:
    """Return the file with this installation's secrets (0600), adding those it does not have yet."""
    path = data_dir / SECRETS_FILE
    data_dir.mkdir(mode=0o711, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "r+") as file:
        # Of two first starts at once, the second waits here and finds everything made.
        fcntl.flock(file, fcntl.LOCK_EX)
        present = {line.partition("=")[0] for line in file.read().splitlines()}
        missing = (f"{name}={make()}\n" for name, make in _MAKERS.items() if name not in present)
        # One write, so that a start that is killed leaves no half of a key.
        os.write(file.fileno(), "".join(missing).encode())
    return path
