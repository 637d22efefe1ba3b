"""One PostgreSQL cluster on disk: make it, start it, see whether it answers, stop it."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from stat import S_ISDIR

from .binaries import Binaries
from .errors import EmbeddedPostgresError
from .launch import PORT, choose_user, initdb_command, raise_unless_done, run_as, server_command
from .postmaster import PidFile, find_running, is_postmaster, read_pid_file

START_SECONDS = 60.0
STOP_SECONDS = 20.0
LOG_BYTES = 1_000_000
SOCKET_PATH_BYTES = 103  # 107 on Linux, 103 on macOS


def find_cluster(data_dir: Path) -> tuple[int, Path] | None:
    """Return major version and directory of the newest finished cluster."""
    numbers = [path.name.removeprefix("postgres-") for path in data_dir.glob("postgres-*")]
    majors = [int(number) for number in numbers if number.isdecimal()]
    return (max(majors), data_dir / f"postgres-{max(majors)}") if majors else None


def create(data_dir: Path, binaries: Binaries, password: str) -> Path:
    """Run initdb. Interrupted at any point it leaves no cluster, because the last step is a rename."""
    pgdata = data_dir / f"postgres-{binaries.major}"
    unfinished = data_dir / f"postgres-{binaries.major}.new"
    password_file = data_dir / "postgres.initdb-password"
    if unfinished.exists():
        shutil.rmtree(unfinished)
    password_file.unlink(missing_ok=True)
    unfinished.mkdir(mode=0o700)
    user = choose_user(unfinished)
    try:
        password_file.touch(mode=0o600)
        password_file.write_text(password)
        if user is not None:
            os.chown(unfinished, *user)
            os.chown(password_file, *user)
        finished = run_as(
            "wait",
            user,
            [unfinished],
            initdb_command(binaries, unfinished, password_file),
            subprocess.STDOUT,
        )
        raise_unless_done(finished, "initdb")
    finally:
        password_file.unlink(missing_ok=True)
    unfinished.rename(pgdata)
    return pgdata


def start(data_dir: Path, pgdata: Path, binaries: Binaries) -> PidFile:
    """Start the server and wait until it accepts connections, recovered if it was killed before."""
    deadline = time.monotonic() + START_SECONDS
    user = choose_user(pgdata)
    socket_dir = _make_socket_dir(data_dir, user)
    log_path = data_dir / "postgres.log"
    while True:
        running = _await_other_start(pgdata, deadline)
        if running is not None:
            return running
        # PostgreSQL believes in this file as in the pid file (below); here it guards nothing.
        (socket_dir / f".s.PGSQL.{PORT}.lock").unlink(missing_ok=True)
        log = _open_log(log_path)
        try:
            log_start = os.fstat(log).st_size
            command = server_command(binaries, pgdata, socket_dir)
            launched = run_as("detach", user, [pgdata, socket_dir], command, log)
        finally:
            os.close(log)
        raise_unless_done(launched, "the server")
        running = _wait_until_ready(pgdata, int(launched.stdout), deadline)
        if running is not None:
            return running
        reason = _last_fatal(log_path, log_start)
        # After a SIGKILL of the postmaster its backends hold the shared memory until they notice.
        is_passing = "still in use" in reason or "already exists" in reason
        if not is_passing or time.monotonic() > deadline:
            raise EmbeddedPostgresError(f"PostgreSQL did not start ({reason}); see {log_path}.")
        time.sleep(0.25)


def stop(pgdata: Path) -> None:
    """Stop the server if it runs: open transactions are rolled back, committed rows are on disk."""
    pid_file = read_pid_file(pgdata)
    if pid_file is None or not is_postmaster(pid_file.pid, pgdata):
        return
    if not any(
        _ends_after(request, seconds, pid_file.pid, pgdata)
        for request, seconds in ((signal.SIGINT, STOP_SECONDS), (signal.SIGQUIT, 5.0))
    ):
        raise EmbeddedPostgresError(f"PostgreSQL does not stop; end its process {pid_file.pid} by hand.")
    if pid_file.is_ready:
        with suppress(OSError):  # no litter in the temporary directory; the next start makes it again
            pid_file.socket_dir.rmdir()


def _ends_after(request: signal.Signals, seconds: float, pid: int, pgdata: Path) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, request)
    deadline = time.monotonic() + seconds
    while is_postmaster(pid, pgdata):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True


def _make_socket_dir(data_dir: Path, user: tuple[int, int] | None) -> Path:
    """Return a directory that only the server's user enters, with a path short enough for a socket."""
    name = f"notionscan-{os.geteuid()}-{sha256(os.fsencode(data_dir)).hexdigest()[:16]}"
    runtime = os.environ.get("XDG_RUNTIME_DIR") if user is None else None  # root's is closed to the server
    parents = [Path(parent) for parent in (runtime, tempfile.gettempdir(), "/tmp") if parent]  # noqa: S108
    candidates = [data_dir / "postgres-socket", *(parent / name for parent in parents if parent.is_dir())]
    for path in candidates:
        if len(os.fsencode(path / f".s.PGSQL.{PORT}.lock")) <= SOCKET_PATH_BYTES:
            _make_private(path, user)
            return path
    raise EmbeddedPostgresError(f"{data_dir} is too long for a socket; choose a shorter NOTIONSCAN_DATA_DIR.")


def _make_private(path: Path, user: tuple[int, int] | None) -> None:
    allowed = {os.geteuid()} if user is None else {0, user[0]}
    path.mkdir(mode=0o700, exist_ok=True)
    found = path.lstat()  # not stat: in /tmp another user may have put a link there first
    if not S_ISDIR(found.st_mode) or found.st_uid not in allowed or found.st_mode & 0o077:
        raise EmbeddedPostgresError(
            f"{path} is not a private directory of this user; remove it and try again."
        )
    if user is not None and found.st_uid != user[0]:
        os.chown(path, *user, follow_symlinks=False)


def _await_other_start(pgdata: Path, deadline: float) -> PidFile | None:
    """Wait for a server that is on its way up or down; remove the pid file if it names a stranger."""
    while (pid_file := read_pid_file(pgdata)) is not None and is_postmaster(pid_file.pid, pgdata):
        if find_running(pgdata) is not None:
            return pid_file
        if time.monotonic() > deadline:
            raise EmbeddedPostgresError(
                f"PostgreSQL (process {pid_file.pid}) runs on {pgdata} but does not answer; "
                f"stop it and try again."
            )
        time.sleep(0.02)
    # PostgreSQL itself believes in any living process with that id: after a reboot that may be anybody,
    # and a killed server that nobody has waited for (a container without init) lives on as a zombie. It
    # still refuses to start while backends of the killed one hold the shared memory, which it finds by
    # the directory's inode.
    if pid_file is not None and _is_alive(pid_file.pid):
        (pgdata / "postmaster.pid").unlink(missing_ok=True)
    return None


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _wait_until_ready(pgdata: Path, pid: int, deadline: float) -> PidFile | None:
    """Return where the server listens, or None if the process ended."""
    while is_postmaster(pid, pgdata):
        running = find_running(pgdata)
        if running is not None:
            return running
        if time.monotonic() > deadline:
            raise EmbeddedPostgresError(
                f"PostgreSQL (process {pid}) has not become ready in {START_SECONDS:.0f} s; "
                f"it may be recovering, so try again."
            )
        time.sleep(0.005)
    return None


def _open_log(path: Path) -> int:
    if path.exists() and path.stat().st_size > LOG_BYTES:
        path.replace(path.with_name(path.name + ".old"))
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


def _last_fatal(log_path: Path, offset: int) -> str:
    with log_path.open("rb") as log:
        log.seek(offset)
        lines = log.read().decode(errors="replace").splitlines()
    fatal = [line for line in lines if "FATAL:" in line or "PANIC:" in line]
    return (fatal or lines or ["it said nothing"])[-1].rpartition("FATAL:  ")[2]
