"""Whether a server of a cluster is there: its pid file, its socket, its process."""

import errno
import os
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path

from psycopg import pq

from .server import SUPERUSER


@dataclass(frozen=True)
class PidFile:
    """The lines of postmaster.pid that matter; port and socket_dir hold once the server is ready."""

    pid: int
    port: int
    socket_dir: Path
    is_ready: bool


def read_pid_file(pgdata: Path) -> PidFile | None:
    try:
        lines = (pgdata / "postmaster.pid").read_text().splitlines()
        if len(lines) < 8:  # the server writes it line by line
            return PidFile(int(lines[0]), 0, Path(), is_ready=False)
        return PidFile(int(lines[0]), int(lines[3]), Path(lines[4]), lines[7].strip() == "ready")
    except (FileNotFoundError, IndexError, ValueError):
        return None


def find_running(pgdata: Path) -> PidFile | None:
    """Return the socket and port if a server of this cluster accepts connections.

    The socket decides, not the process id, which another process may have by now: only the user of this
    cluster can have made a socket in that directory. Unlike a connect, a ping tells "ready" from "starting
    up" and from "recovering after a crash".
    """
    pid_file = read_pid_file(pgdata)
    if pid_file is None or not pid_file.is_ready:
        return None
    # Nobody logs in: that the server asks for a password is the answer.
    conninfo = f"host='{_quoted(pid_file.socket_dir)}' port={pid_file.port} user={SUPERUSER} dbname=postgres"
    answer = pq.PGconn.ping(f"{conninfo} connect_timeout=5".encode())
    return pid_file if answer == pq.Ping.OK else None


def still_listens(pgdata: Path, socket_dir: Path) -> bool:
    """Say in 0.05 ms, and without costing the server a process, whether what listened there still does.

    A datagram socket cannot connect to a stream socket: the kernel answers EPROTOTYPE while a process holds
    it and ECONNREFUSED once that is dead. A real connection costs the server a fork, a ping 0.9 ms.
    """
    pid_file = read_pid_file(pgdata)
    if pid_file is None or not pid_file.is_ready or pid_file.socket_dir != socket_dir:
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as probe:
        return probe.connect_ex(str(socket_dir / f".s.PGSQL.{pid_file.port}")) == errno.EPROTOTYPE


def is_postmaster(pid: int, pgdata: Path) -> bool:
    """Say whether this process is a server of this cluster, not a zombie and not a stranger with a reused id.

    By its arguments, which everyone may read; /proc/<pid>/cwd is closed to root in a container without
    CAP_SYS_PTRACE. Backends overwrite theirs, so an orphaned one does not pass for its postmaster.
    """
    try:
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes()
        return b"\0-D\0" + os.fsencode(pgdata) + b"\0" in arguments
    except OSError:
        if Path("/proc/self/cmdline").exists():
            return False
    listed = subprocess.run(  # noqa: S603
        ["/bin/ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return f" -D {pgdata} " in listed.stdout


def _quoted(path: Path) -> str:
    return str(path).replace("\\", "\\\\").replace("'", "\\'")
