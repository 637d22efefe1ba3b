"""What a client needs to connect: the socket, and one password per role, made once per data directory."""

import json
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypedDict
from urllib.parse import quote

from .errors import EmbeddedPostgresError

Role = Literal["owner", "app", "worker"]

DATABASE = "notionscan"
SUPERUSER = "postgres"
USERNAMES: dict[Role, str] = {
    "owner": "notionscan_owner",
    "app": "notionscan_app",
    "worker": "notionscan_worker",
}


class Connection(TypedDict):
    """libpq's keywords, so that `psycopg.connect(**connection)` type-checks."""

    host: str
    port: int
    user: str
    password: str
    dbname: str


@dataclass(frozen=True)
class Server:
    """A running server; it accepts connections on a unix socket only.

    Units: socket_dir is what libpq calls the host.
    """

    socket_dir: Path
    port: int
    passwords: dict[str, str] = field(repr=False)

    def connection(self, role: Role, database: str = DATABASE) -> Connection:
        """Return libpq keywords for this role: `psycopg.connect(**server.connection("app"))`."""
        return self._keywords(USERNAMES[role], database)

    def superuser_connection(self, database: str = SUPERUSER) -> Connection:
        """Return libpq keywords for the bootstrap superuser; row security does not bind it."""
        return self._keywords(SUPERUSER, database)

    def url(self, role: Role, database: str = DATABASE) -> str:
        """Return the same as a libpq URL; the socket directory is its percent-encoded host."""
        host, password = quote(str(self.socket_dir), safe=""), quote(self.passwords[USERNAMES[role]], safe="")
        return f"postgresql://{USERNAMES[role]}:{password}@{host}:{self.port}/{quote(database, safe='')}"

    def _keywords(self, username: str, database: str) -> Connection:
        return {
            "host": str(self.socket_dir),
            "port": self.port,
            "user": username,
            "password": self.passwords[username],
            "dbname": database,
        }


def load_passwords(data_dir: Path) -> dict[str, str] | None:
    """Return the passwords by user name, or None on the first run."""
    path = _password_file(data_dir)
    try:
        stored = json.loads(path.read_text())
        return {name: str(stored[name]) for name in (SUPERUSER, *USERNAMES.values())}
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        raise EmbeddedPostgresError(
            f"{path} cannot be read; restore it, or move {data_dir} away to start with an empty database."
        ) from None


def create_passwords(data_dir: Path) -> dict[str, str]:
    """Make and store the passwords, on disk before any server knows them."""
    passwords = {name: secrets.token_urlsafe(32) for name in (SUPERUSER, *USERNAMES.values())}
    write_private(_password_file(data_dir), json.dumps(passwords, indent=1))
    return passwords


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner reads, whole or not at all."""
    temporary = path.with_name(path.name + ".new")
    temporary.unlink(missing_ok=True)
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)


def _password_file(data_dir: Path) -> Path:
    return data_dir / "postgres.passwords.json"
