"""The scope over every kind of connection: kept open, from psycopg's pool, and through pgbouncer.

Each keeps connections to the server alive between requests, where a scope of the last request must not be
found by the next; after success, an exception, a timeout, and a client that went away.
"""

from __future__ import annotations

import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import DatabaseError, InterfaceError, connection, connections, transaction

from notionscan import rls
from notionscan.postgresql.base import DatabaseWrapper
from tenants.models import Membership, Organization
from tests import database
from tests.factories import World, make_world

THREADS, REQUESTS = 4, 60
PGBOUNCER = shutil.which("pgbouncer")


@contextmanager
def kept_open(tmp_path: Path) -> Iterator[dict[str, Any]]:
    yield {"CONN_MAX_AGE": None}


@contextmanager
def from_a_pool(tmp_path: Path) -> Iterator[dict[str, Any]]:
    yield {"CONN_MAX_AGE": 0, "OPTIONS": {"pool": {"min_size": 1, "max_size": THREADS // 2, "timeout": 10}}}
    # All threads share it.
    DatabaseWrapper._connection_pools.pop("default").close()


@contextmanager
def through_pgbouncer(tmp_path: Path) -> Iterator[dict[str, Any]]:
    if PGBOUNCER is None:
        pytest.skip("pgbouncer is not installed here (Debian: apt install pgbouncer).")
    server = psycopg.conninfo.conninfo_to_dict(database.url("default"))
    port = free_port()
    config = tmp_path / "pgbouncer.ini"
    users = tmp_path / "users.txt"
    users.write_text(f'"{server["user"]}" "{server["password"]}"\n')
    config.write_text(
        f"[databases]\n{server['dbname']} = host={server['host']} port={server['port']}\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
        f"auth_type = scram-sha-256\nauth_file = {users}\npool_mode = transaction\n"
        f"default_pool_size = {THREADS // 2}\nlogfile = {tmp_path / 'pgbouncer.log'}\n"
    )
    # It refuses to run as root, and the embedded server's socket is its own user's alone.
    user = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
    if user is not None:
        for path in (tmp_path, config, users):
            os.chown(path, user.pw_uid, user.pw_gid)
        for parent in tmp_path.parents[:3]:
            parent.chmod(parent.stat().st_mode | 0o011)
    process = subprocess.Popen(
        [PGBOUNCER, "-q", str(config)],
        user=user.pw_uid if user else None,
        group=user.pw_gid if user else None,
        extra_groups=[] if user else None,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(port, process)
        yield {
            "EMBEDDED_ROLE": None,
            "HOST": "127.0.0.1",
            "PORT": port,
            "USER": server["user"],
            "PASSWORD": server["password"],
            "CONN_MAX_AGE": 0,
        }
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(10)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(100):
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert process.poll() is None, "pgbouncer ended"
        threading.Event().wait(0.05)
    raise AssertionError("pgbouncer does not answer")


@pytest.mark.parametrize("mode", [kept_open, from_a_pool, through_pgbouncer], ids=lambda mode: mode.__name__)
def test_every_request_sees_its_own_scope_and_leaves_none(
    committed: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, mode: Any
) -> None:
    world = make_world()
    wrong: list[str] = []
    with mode(tmp_path) as changes:
        monkeypatch.setitem(connections.settings, "default", connections.settings["default"] | changes)
        threads = [
            threading.Thread(target=serve, args=(world, seed, wrong), name=f"web-{seed}")
            for seed in range(THREADS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
    assert not wrong, wrong[:5]


def serve(world: World, seed: int, wrong: list[str]) -> None:
    """Serve requests of both organizations and of nobody, as a web thread would."""
    dice = random.Random(seed)
    done = 0
    try:
        for _ in range(REQUESTS):
            organization = dice.choice([world.acme, world.globex, None])
            scope = rls.organization_scope(organization.pk) if organization else None
            with rls.scope(scope):
                dice.choice([succeed, fail, time_out, go_away])(organization, wrong)
            if connection.settings_dict["CONN_MAX_AGE"] == 0:
                connection.close()
            done += 1
    except BaseException as problem:
        wrong.append(f"{problem!r}")
        raise
    finally:
        connection.close()
    if done != REQUESTS:
        wrong.append(f"only {done} requests")


def look(organization: Organization | None, wrong: list[str]) -> None:
    seen = {member.organization_id for member in Membership.objects.all()}
    if seen != ({organization.pk} if organization else set()):
        wrong.append(f"{organization} saw {seen}")


def succeed(organization: Organization | None, wrong: list[str]) -> None:
    with transaction.atomic():
        look(organization, wrong)


def fail(organization: Organization | None, wrong: list[str]) -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        look(organization, wrong)
        raise ZeroDivisionError


def time_out(organization: Organization | None, wrong: list[str]) -> None:
    # pgbouncer sometimes passes the cancellation of a client that went away on to the next one.
    with pytest.raises(DatabaseError, match="canceling statement"), transaction.atomic():
        look(organization, wrong)
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = 1")
            cursor.execute("SELECT pg_sleep(5)")


def go_away(organization: Organization | None, wrong: list[str]) -> None:
    with pytest.raises((DatabaseError, InterfaceError)), transaction.atomic():
        look(organization, wrong)
        with socket.socket(fileno=os.dup(connection.connection.fileno())) as wire:
            wire.shutdown(socket.SHUT_RDWR)
        look(organization, wrong)
    connection.close()
