"""The secrets of a local installation: made on the first start, kept in a git-ignored file."""

from __future__ import annotations

import base64
import os
import secrets
from pathlib import Path

SECRETS_FILE = "secrets.env"


def ensure_secrets(data_dir: Path) -> Path:
    """Return the file with this installation's secrets, writing it (0600) if there is none."""
    path = data_dir / SECRETS_FILE
    if path.exists():
        return path
    data_dir.mkdir(mode=0o711, parents=True, exist_ok=True)
    content = "".join(
        f"{name}={value}\n"
        for name, value in {
            "SECRET_KEY": secrets.token_urlsafe(48),
            "FIELD_ENCRYPTION_KEYS": f"local1:{base64.b64encode(os.urandom(32)).decode()}",
        }.items()
    )
    # Written beside and linked into place: of two first starts at once, one wins and both read the same.
    draft = path.with_name(f"{SECRETS_FILE}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(content)
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return path
