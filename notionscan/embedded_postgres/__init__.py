"""PostgreSQL without set-up: one server per data directory, shared by all processes that use the directory.

For development, demos and tests, when `DATABASE_URL` is unset. Call `ensure_running` before opening a
connection: it starts the server when it must and costs next to nothing when it need not. The last process
that used it stops it at exit. A process that is killed leaves it running; the next one's exit cleans up.
"""

import atexit
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg

from . import cluster, users
from .binaries import choose_binaries
from .errors import EmbeddedPostgresError
from .postmaster import find_running, still_listens
from .roles import create_roles_and_database
from .server import DATABASE, SUPERUSER, Connection, Role, Server, create_passwords, load_passwords

__all__ = ["DATABASE", "Connection", "EmbeddedPostgresError", "Role", "Server", "ensure_running", "stop"]


@dataclass(frozen=True)
class _Known:
    pgdata: Path
    server: Server


_known: dict[Path, _Known] = {}
_mutex = threading.Lock()


def ensure_running(data_dir: Path) -> Server:
    """Return the running server of this data directory, made and started if need be.

    Safe to call from any process and thread, before each new connection.
    Raises: EmbeddedPostgresError.
    """
    data_dir = Path(os.path.realpath(data_dir))
    known = _known.get(data_dir)
    if known is not None and still_listens(known.pgdata, known.server.socket_dir):
        return known.server
    with _mutex, _one_sentence(data_dir):
        _known[data_dir] = _find_or_start(data_dir)
        return _known[data_dir].server


def stop(data_dir: Path) -> None:
    """Stop the server of this data directory for all its users; the next ensure_running starts it again.

    Raises: EmbeddedPostgresError.
    """
    data_dir = Path(os.path.realpath(data_dir))
    if data_dir.is_dir():
        with _one_sentence(data_dir), users.starting(data_dir):
            _stop_cluster(data_dir)


@contextmanager
def _one_sentence(data_dir: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, psycopg.Error) as error:
        raise EmbeddedPostgresError(
            f"The embedded database under {data_dir} cannot be used ({str(error).partition(chr(10))[0]}); "
            f"correct that, choose another NOTIONSCAN_DATA_DIR, or set DATABASE_URL."
        ) from error


def _find_or_start(data_dir: Path) -> _Known:
    # Root's server runs as another user, who must get through; each file and directory below closes itself.
    data_dir.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
    users.hold(data_dir)  # before looking, so that whoever is about to stop the server has finished
    with users.starting(data_dir):
        existing = cluster.find_cluster(data_dir)
        passwords = load_passwords(data_dir)
        if passwords is None and existing is not None:
            raise EmbeddedPostgresError(
                f"The passwords of the database under {data_dir} are missing; restore "
                f"postgres.passwords.json, or move {data_dir} away to start with an empty database."
            )
        passwords = passwords or create_passwords(data_dir)
        running = find_running(existing[1]) if existing else None
        if existing is None or running is None:
            binaries = choose_binaries(existing and existing[0])
            pgdata = existing[1] if existing else cluster.create(data_dir, binaries, passwords[SUPERUSER])
            running = cluster.start(data_dir, pgdata, binaries)
        else:
            pgdata = existing[1]
        server = Server(running.socket_dir, running.port, passwords)
        _set_up_once(pgdata, server)
        return _Known(pgdata, server)


def _set_up_once(pgdata: Path, server: Server) -> None:
    """Create the roles, unless that was done; the mark is a file because asking costs a connection."""
    mark = pgdata / "notionscan-roles-created"
    if not mark.exists():
        create_roles_and_database(server)
        mark.touch(mode=0o600)


def _stop_cluster(data_dir: Path) -> None:
    existing = cluster.find_cluster(data_dir)
    if existing is not None:
        cluster.stop(existing[1])


def _stop_if_last() -> None:
    for data_dir in users.held_directories():
        # Nobody is left to read an error, and the next user starts anew.
        with suppress(EmbeddedPostgresError, OSError):
            if users.leave(data_dir):
                _stop_cluster(data_dir)


def _after_fork_in_child() -> None:
    global _mutex
    _mutex = threading.Lock()  # a thread of the parent may have held it
    users.after_fork_in_child()
    for data_dir in _known.keys() - set(users.held_directories()):
        del _known[data_dir]


atexit.register(_stop_if_last)
os.register_at_fork(
    before=users.before_fork,
    after_in_parent=users.after_fork_in_parent,
    after_in_child=_after_fork_in_child,
)
