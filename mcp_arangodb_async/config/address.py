"""Where a database server is: a URL becomes a record, or a sentence saying what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

EMBEDDED = "embedded:, embedded:///absolute/path, embedded::memory:"
POSSIBLE = f"possible are http://host:port, https://host:port, {EMBEDDED}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteServer:
    """An ArangoDB server, or the endpoints of one cluster in the order they are tried; no credentials."""

    urls: tuple[str, ...]

    @property
    def url(self) -> str:
        """The address to show."""
        return self.urls[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedServer:
    """The engine inside this process; `directory` None keeps everything in memory."""

    directory: Path | None

    @property
    def urls(self) -> tuple[str, ...]:
        """The address as the only element, so that both kinds of servers can be shown alike."""
        return (self.url,)

    @property
    def url(self) -> str:
        """The address to show."""
        return "embedded::memory:" if self.directory is None else f"embedded://{self.directory.as_posix()}"


Server = RemoteServer | EmbeddedServer


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """User name and password that stood in a URL."""

    username: str
    password: str


def split_credentials(url: str) -> tuple[str, Credentials | None]:
    """The URL without `user:password@`, and what stood there."""
    parts = _split(url)
    if parts is None or "@" not in parts.netloc:
        return url, None
    userinfo, _, host = parts.netloc.rpartition("@")
    username, _, password = userinfo.partition(":")
    bare = urlunsplit((parts.scheme, host, parts.path, parts.query, parts.fragment))
    return bare, Credentials(username=unquote(username), password=unquote(password))


def parse_server(urls: tuple[str, ...], *, embedded_directory: Path) -> Server:
    """The server that these endpoints name; raises ValueError with a sentence fit for the operator.

    `embedded_directory` is what the short form `embedded:` stands for.
    """
    match urls:
        case ():
            raise ValueError(f"is empty; {POSSIBLE}")
        case (url,) if url.startswith("embedded:"):
            return EmbeddedServer(directory=_embedded(url, embedded_directory))
        case _:
            if any(url.startswith("embedded:") for url in urls):
                raise ValueError("holds an embedded engine in a list; it has one address")
    return RemoteServer(urls=tuple(_remote(url) for url in urls))


def _embedded(url: str, directory: Path) -> Path | None:
    rest = url.removeprefix("embedded:")
    if rest == "":
        return directory
    if rest == ":memory:":
        return None
    path = rest.removeprefix("//")
    if path == rest or not (PurePosixPath(path).is_absolute() or Path(path).is_absolute()):
        raise ValueError(f"{url!r} is not an embedded address; possible are {EMBEDDED}")
    return Path(unquote(path))


def _remote(url: str) -> str:
    parts = _split(url)
    if parts is None or parts.scheme not in {"http", "https"}:
        raise ValueError(f"{shown(url)!r} is not a server's address; {POSSIBLE}")
    if "@" in parts.netloc:
        raise ValueError(
            "must not hold a user name or password; write them as username and password_env "
            f"(address without them: {shown(url)})"
        )
    if parts.query or parts.fragment:
        raise ValueError(f"{shown(url)!r} must end with the host or a path, without ? and #")
    try:
        port = parts.port
    except ValueError:
        raise ValueError(f"{shown(url)!r} has a port that is not a number from 1 to 65535") from None
    if not parts.hostname or port == 0 or any(c.isspace() or ord(c) < 33 for c in url):
        raise ValueError(f"{shown(url)!r} names no host; {POSSIBLE}")
    return urlunsplit((parts.scheme, parts.netloc.lower(), parts.path.rstrip("/"), "", ""))


def shown(url: str) -> str:
    """The URL as it may be printed: whatever stands before an @ in it is left out."""
    scheme, found, rest = url.partition("://")
    if not found:
        return url if "@" not in url else "..." + url[url.rindex("@") :]
    authority, slash, path = rest.partition("/")
    if "@" in path:  # a password holding a slash: keep nothing in front of the last @
        return f"{scheme}://{rest[rest.rindex('@') + 1 :]}"
    return f"{scheme}://{authority[authority.rfind('@') + 1 :]}{slash}{path}"


def _split(url: str) -> SplitResult | None:
    try:
        return urlsplit(url)
    except ValueError:
        return None
