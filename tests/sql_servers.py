"""PostgreSQL, MariaDB and SQLite for tests: real servers, started once per session and stopped for certain.

    def test_x(postgresql: SqlServer, mariadb: SqlServer, tmp_path: Path) -> None:
        one = postgresql.create_database("CREATE TABLE t (id int)")   # its name
        url = postgresql.url(one)                                     # without a password
        other = sqlite_file(tmp_path / "dev.sqlite", "CREATE TABLE t (id int)")

The session's servers are shared: a test makes a database of its own and leaves the server alone. A test that
stops, kills or pauses one takes `own_postgresql` or `own_mariadb`, a copy of its own. Each server runs on a
free port of 127.0.0.1, in a directory of its own, under the user its packages made where the tester is root.
Passwords come from the variables `PASSWORDS` names. TLS is on; plain connections are let in as well.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

import pytest

# Users of every server: an administrator, one who may change data, one who may only read.
ADMIN = {"postgresql": "postgres", "mariadb": "root"}
PASSWORDS: Mapping[str, str] = {
    "SQL_ADMIN_PASSWORD": "admin-correct-horse",
    "SQL_WRITER_PASSWORD": "writer-battery-staple",
    "SQL_READER_PASSWORD": "reader-paper-clip",
}
CERTIFICATE = Path(__file__).parent / "unit" / "connections" / "tls"
START_SECONDS = 30.0
STOP_SECONDS = 20.0
_numbers = itertools.count(1)


class SqlServer(ABC):
    """A server that tests may use, and may stop, kill, pause and start again if it is their own."""

    kind: Literal["postgresql", "mariadb"]
    owner: str  # the user it runs as where the tester is root
    stop_signal: signal.Signals

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def admin(self) -> str:
        """The administrator's name; the password is `SQL_ADMIN_PASSWORD`."""
        return ADMIN[self.kind]

    @property
    def data(self) -> Path:
        """The data directory."""
        return self.directory / "data"

    @property
    def running(self) -> bool:
        """Whether the server's process is there."""
        return self._process is not None and self._process.poll() is None

    def url(self, database: str, user: str = "writer") -> str:
        """The address of a database as a configuration has it: never with a password."""
        return f"{self.kind}://{user}@127.0.0.1:{self.port}/{database}"

    def create_database(self, script: str = "", *, name: str | None = None) -> str:
        """A new database that `writer` may change and `reader` may read, filled by the script; its name."""
        name = name or f"db{next(_numbers)}"
        self.make(name)
        if script:
            self.run(script, name)
        return name

    def start(self) -> None:
        """Start it, on the port it had before if there is one, and wait until it answers."""
        for _ in range(3):
            self.port = self.port or free_port()
            with (self.directory / "log").open("ab") as log:
                self._process = subprocess.Popen(
                    self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
                )
            if self._answers():
                return
            self.kill()
        raise RuntimeError(
            f"{self.kind} did not start: {(self.directory / 'log').read_text(errors='replace')[-2000:]}"
        )

    def stop(self) -> None:
        """End it in order; by force if that takes too long."""
        if self._process is None:
            return
        self.resume()
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(self.stop_signal)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
        self._process = None

    def kill(self) -> None:
        """End it at once, as a crash would."""
        self._signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait(STOP_SECONDS)
        self._process = None

    def pause(self) -> None:
        """Stop it from answering without closing a connection."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a paused server go on."""
        self._signal(signal.SIGCONT)

    def remove(self) -> None:
        """Stop it and delete its files."""
        self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def copy(self) -> SqlServer:
        """A server of its own with the files of this one, which must not run; not started."""
        assert not self.running
        other = type(self)(new_directory(self.owner))
        subprocess.run(["cp", "-a", str(self.data), str(other.data)], check=True)
        return other

    @abstractmethod
    def create(self) -> None:
        """Make the data directory."""

    @abstractmethod
    def prepare(self) -> None:
        """Make the users, in a server that has just started for the first time."""

    @abstractmethod
    def command(self) -> list[str]:
        """The program and its arguments."""

    @abstractmethod
    def make(self, database: str) -> None:
        """Create an empty database and grant what its users may do."""

    @abstractmethod
    def run(self, script: str, database: str) -> str:
        """Run a script of statements as administrator; what it prints."""

    def _answers(self) -> bool:
        ends = time.monotonic() + START_SECONDS
        while time.monotonic() < ends and self.running:
            with contextlib.suppress(OSError, subprocess.CalledProcessError):
                self.run("SELECT 1", "postgres" if self.kind == "postgresql" else "mysql")
                return True
            time.sleep(0.02)
        return False

    def _signal(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        for process in family(self._process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, number)


class PostgresqlServer(SqlServer):
    """PostgreSQL; `reader` and `writer` log in with SCRAM."""

    kind = "postgresql"
    owner = "postgres"
    stop_signal = signal.SIGINT

    def create(self) -> None:
        secret = self.directory / "password"
        secret.write_text(PASSWORDS["SQL_ADMIN_PASSWORD"], encoding="utf-8")
        secret.chmod(0o644)
        subprocess.run(
            [
                *as_user(self.owner), postgresql_program("initdb"), "-D", str(self.data), "-U", "postgres",
                "--auth-local=trust", "--auth-host=scram-sha-256", f"--pwfile={secret}",
                "-E", "UTF8", "--locale=C.UTF-8", "-N",
            ],
            check=True, capture_output=True, cwd="/",
        )  # fmt: skip
        for name in ("server.pem", "server.key"):
            shutil.copyfile(CERTIFICATE / name, self.data / name)
            (self.data / name).chmod(0o600)
            give(self.data / name, self.owner)

    def prepare(self) -> None:
        writer, reader = PASSWORDS["SQL_WRITER_PASSWORD"], PASSWORDS["SQL_READER_PASSWORD"]
        self.run(
            f"CREATE ROLE writer LOGIN PASSWORD '{writer}'; CREATE ROLE reader LOGIN PASSWORD '{reader}';",
            "postgres",
        )

    def command(self) -> list[str]:
        options = {
            "listen_addresses": "127.0.0.1", "unix_socket_directories": str(self.directory), "fsync": "off",
            "full_page_writes": "off", "max_connections": "200", "ssl": "on",
            "ssl_cert_file": "server.pem", "ssl_key_file": "server.key", "shared_buffers": "16MB",
        }  # fmt: skip
        words = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        return [
            *as_user(self.owner, dies_with="INT"), postgresql_program("postgres"),
            "-D", str(self.data), "-p", str(self.port), *words,
        ]  # fmt: skip

    def make(self, database: str) -> None:
        self.run(f"CREATE DATABASE {database} OWNER writer", "postgres")
        self.run(
            "GRANT CREATE, USAGE ON SCHEMA public TO writer; GRANT USAGE ON SCHEMA public TO reader;"
            " ALTER DEFAULT PRIVILEGES FOR ROLE postgres, writer GRANT SELECT ON TABLES TO reader;"
            " ALTER DEFAULT PRIVILEGES FOR ROLE postgres GRANT ALL ON TABLES TO writer;"
            " ALTER DEFAULT PRIVILEGES FOR ROLE postgres GRANT ALL ON SEQUENCES TO writer;",
            database,
        )

    def run(self, script: str, database: str) -> str:
        return client(
            [
                postgresql_program("psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1",
                "-h", str(self.directory), "-p", str(self.port), "-U", "postgres", "-d", database,
            ],
            script,
        )  # fmt: skip


class MariadbServer(SqlServer):
    """MariaDB."""

    kind = "mariadb"
    owner = "mysql"
    stop_signal = signal.SIGTERM

    def create(self) -> None:
        user = ["--user=mysql"] if os.getuid() == 0 else []
        subprocess.run(
            [
                program("mariadb-install-db"), "--no-defaults", *user, f"--datadir={self.data}",
                "--auth-root-authentication-method=normal", "--skip-test-db", "--innodb-log-file-size=8M",
            ],
            check=True, capture_output=True, cwd="/",
        )  # fmt: skip
        for name in ("server.pem", "server.key"):
            shutil.copyfile(CERTIFICATE / name, self.data / name)
            (self.data / name).chmod(0o600)
            give(self.data / name, self.owner)

    def prepare(self) -> None:
        admin = PASSWORDS["SQL_ADMIN_PASSWORD"]
        writer, reader = PASSWORDS["SQL_WRITER_PASSWORD"], PASSWORDS["SQL_READER_PASSWORD"]
        self.run(
            f"CREATE OR REPLACE USER root@127.0.0.1 IDENTIFIED BY '{admin}';"
            "GRANT ALL PRIVILEGES ON *.* TO root@127.0.0.1 WITH GRANT OPTION;"
            f"CREATE USER writer@127.0.0.1 IDENTIFIED BY '{writer}';"
            f"CREATE USER reader@127.0.0.1 IDENTIFIED BY '{reader}';",
            "mysql",
        )

    def command(self) -> list[str]:
        return [
            *as_user(self.owner, dies_with="TERM"), program("mariadbd"), "--no-defaults",
            f"--datadir={self.data}", f"--tmpdir={self.directory}", f"--port={self.port}",
            "--bind-address=127.0.0.1",  # a server that starts deletes what others have in its tmpdir
            f"--socket={self.directory}/socket", f"--pid-file={self.directory}/pid",
            f"--ssl-cert={self.data}/server.pem", f"--ssl-key={self.data}/server.key",
            "--innodb-log-file-size=8M", "--innodb-flush-log-at-trx-commit=2",
            "--innodb-buffer-pool-size=32M", "--skip-log-bin", "--character-set-server=utf8mb4",
            "--performance-schema=off", "--skip-name-resolve",
        ]  # fmt: skip

    def make(self, database: str) -> None:
        self.run(
            f"CREATE DATABASE {database}; GRANT ALL ON {database}.* TO writer@127.0.0.1;"
            f"GRANT SELECT, SHOW VIEW ON {database}.* TO reader@127.0.0.1;",
            "mysql",
        )

    def run(self, script: str, database: str) -> str:
        return client(
            [
                program("mariadb"), "--no-defaults", "--batch", "--skip-column-names",
                "--default-character-set=utf8mb4", f"--socket={self.directory}/socket",
                "-u", "root", database,
            ],
            script,
        )  # fmt: skip


def sqlite_file(path: Path, script: str = "") -> Path:
    """A SQLite file made by the script; its path."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.executescript(script or "VACUUM")
    return path


def client(command: Sequence[str], script: str) -> str:
    """What a command line client answers to a script; CalledProcessError if it refuses it."""
    done = subprocess.run(
        command, input=script, capture_output=True, encoding="utf-8", timeout=60, check=False, cwd="/"
    )
    if done.returncode:
        error = subprocess.CalledProcessError(done.returncode, command[0], done.stdout, done.stderr)
        error.add_note(done.stderr)
        raise error
    return done.stdout


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def family(pid: int) -> list[int]:
    """A process and all that it started: PostgreSQL's have process groups of their own."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, ValueError, IndexError):
                parent = int((entry / "stat").read_text(errors="replace").rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(entry.name))
    found = [pid]
    for process in found:
        found += children.get(process, ())
    return found


def as_user(owner: str, *, dies_with: str | None = None) -> list[str]:
    """What stands before a command that runs as its own user, and ends when the tester's process does."""
    dies = [f"--pdeathsig={dies_with}"] if dies_with else []
    if shutil.which("setpriv") is None:
        return []
    if os.getuid() == 0:
        return ["setpriv", f"--reuid={owner}", f"--regid={owner}", "--clear-groups", *dies]
    return ["setpriv", *dies] if dies else []


def give(path: Path, owner: str) -> None:
    """Make it the server's user's own, where that is another one."""
    if os.getuid() == 0:
        shutil.chown(path, owner, owner)


def new_directory(owner: str) -> Path:
    """An empty directory that the server's user can enter; pytest's own are closed to others."""
    directory = Path(tempfile.mkdtemp(prefix="maa-"))
    give(directory, owner)
    return directory


def postgresql_program(name: str) -> str:
    """The path of one of PostgreSQL's programs; skips the test where it is missing."""
    found = shutil.which(name) or max(
        (str(path) for path in Path("/usr/lib/postgresql").glob(f"*/bin/{name}")), default=None
    )
    return found or skip(f"PostgreSQL's {name}")


def program(name: str) -> str:
    """The path of a program; skips the test where it is missing."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    return found or skip(name)


def skip(name: str) -> str:
    """Skip the test for want of a program."""
    pytest.skip(f"no {name}")


def ready(server: SqlServer) -> SqlServer:
    """The server with its users made, running."""
    try:
        server.create()
        server.start()
        server.prepare()
    except BaseException:
        server.remove()
        raise
    return server


@pytest.fixture(scope="session")
def postgresql() -> Iterator[SqlServer]:
    """PostgreSQL for this test process."""
    postgresql_program("initdb")
    server = ready(PostgresqlServer(new_directory("postgres")))
    yield server
    server.remove()


@pytest.fixture(scope="session")
def mariadb() -> Iterator[SqlServer]:
    """MariaDB for this test process."""
    program("mariadbd")
    server = ready(MariadbServer(new_directory("mysql")))
    yield server
    server.remove()


@pytest.fixture(scope="session")
def postgresql_template() -> Iterator[SqlServer]:
    """A stopped PostgreSQL to be copied."""
    postgresql_program("initdb")
    server = ready(PostgresqlServer(new_directory("postgres")))
    server.stop()
    yield server
    server.remove()


@pytest.fixture(scope="session")
def mariadb_template() -> Iterator[SqlServer]:
    """A stopped MariaDB to be copied."""
    program("mariadbd")
    server = ready(MariadbServer(new_directory("mysql")))
    server.stop()
    yield server
    server.remove()


@pytest.fixture
def own_postgresql(postgresql_template: SqlServer) -> Iterator[SqlServer]:
    """A PostgreSQL of the test's own, which it may kill, pause and restart."""
    server = postgresql_template.copy()
    server.start()
    yield server
    server.remove()


@pytest.fixture
def own_mariadb(mariadb_template: SqlServer) -> Iterator[SqlServer]:
    """A MariaDB of the test's own, which it may kill, pause and restart."""
    server = mariadb_template.copy()
    server.start()
    yield server
    server.remove()
