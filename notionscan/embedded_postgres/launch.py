"""Run initdb and postgres: with which settings, and as whom."""

import json
import os
import pwd
import subprocess
import sys
from pathlib import Path

from .binaries import Binaries
from .errors import EmbeddedPostgresError
from .run_as import REFUSED
from .server import SUPERUSER

PORT = 5432  # part of the socket's name only; nothing listens on TCP
UNPRIVILEGED_USERS = ("nobody", "daemon")

SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "port": str(PORT),
    "max_connections": "200",
    "shared_buffers": "128MB",
    "fsync": "on",
    "synchronous_commit": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    # Secrets must not reach the log. A message quotes values ("invalid input syntax for type uuid: …")
    # and its DETAIL the failing row, so errors of statements are left out altogether ("log" is above
    # "error" here); the program that sent the statement is told anyway.
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_statement": "none",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
}


def initdb_command(binaries: Binaries, pgdata: Path, password_file: Path) -> list[str]:
    command = [str(binaries.directory / "initdb"), "-D", str(pgdata), "-U", SUPERUSER]
    command += ["--pwfile", str(password_file), "--auth=scram-sha-256", "-E", "UTF8", "--no-locale"]
    if binaries.major >= 17:  # upper() and ILIKE know letters beyond ASCII, the same on every machine
        command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    return command


def server_command(binaries: Binaries, pgdata: Path, socket_dir: Path) -> list[str]:
    command = [str(binaries.directory / "postgres"), "-D", str(pgdata)]
    settings = SETTINGS | {"unix_socket_directories": '"{}"'.format(str(socket_dir).replace('"', '""'))}
    for name, value in settings.items():
        command += ["-c", f"{name}={value}"]
    return command


def run_as(
    mode: str, user: tuple[int, int] | None, reach: list[Path], command: list[str], stderr: int
) -> subprocess.CompletedProcess[str]:
    script = Path(__file__).with_name("run_as.py")
    reach_all = [str(path) for path in (Path(command[0]), *reach)]
    kept = ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH")  # no PG… variable of the user's reaches the server
    return subprocess.run(  # noqa: S603
        [sys.executable, "-I", "-S", script, mode, json.dumps(user), json.dumps(reach_all), *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        check=False,
        env={name: os.environ[name] for name in kept if name in os.environ} | {"LC_ALL": "C"},
    )


def raise_unless_done(finished: subprocess.CompletedProcess[str], what: str) -> None:
    if finished.returncode == 0:
        return
    said = finished.stdout.strip().splitlines()
    if finished.returncode == REFUSED and said:
        raise EmbeddedPostgresError(said[-1])
    reason = next(
        (line for line in said if "error:" in line or "FATAL:" in line), (said or ["no output"])[-1]
    )
    raise EmbeddedPostgresError(
        f"PostgreSQL could not be set up: {what} failed ({reason}); correct that or set DATABASE_URL."
    )


def choose_user(pgdata: Path) -> tuple[int, int] | None:
    """Return whom root becomes for the server, or None for a normal user, who stays."""
    owner = pgdata.stat()
    if os.geteuid() != 0:
        if owner.st_uid != os.geteuid():
            raise EmbeddedPostgresError(
                f"{pgdata} belongs to another user; run as that user or choose another NOTIONSCAN_DATA_DIR."
            )
        return None
    if owner.st_uid != 0:
        return owner.st_uid, owner.st_gid
    for name in UNPRIVILEGED_USERS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return entry.pw_uid, entry.pw_gid
    raise EmbeddedPostgresError(
        "PostgreSQL refuses to run as root and there is no user `nobody`; "
        "run as a normal user or set DATABASE_URL."
    )
