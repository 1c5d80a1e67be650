"""Files, variables and flags become `Settings`: default < file < environment < command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from mcp_arangodb_async.config.address import Credentials, parse_server, split_credentials
from mcp_arangodb_async.config.check import problems_of
from mcp_arangodb_async.config.environment import UserDirectories
from mcp_arangodb_async.config.environments import (
    EnvironmentSettings,
    environment_settings,
    problems_across,
    unset_passwords,
)
from mcp_arangodb_async.config.model import (
    SECTIONS,
    CommandLineSettings,
    ConfigFile,
    DatabaseConfig,
    DatabaseSettings,
    EmbeddedServer,
    Origin,
    Secret,
    Settings,
    Source,
)
from mcp_arangodb_async.config.option import OptionField, options_of
from mcp_arangodb_async.config.place import MAXIMUM_BYTES, Place, Problem, Tree, shown_place
from mcp_arangodb_async.errors import ConfigError

FILE_VARIABLE = "ARANGO_DATABASES_CONFIG_FILE"
DEFAULT_VARIABLE = "MCP_DEFAULT_DATABASE"
OLD_DEFAULT_VARIABLE = "ARANGO_DB"
PASSWORD_VARIABLES = ("MCP_ARANGO_PASSWORD", "ARANGO_PASSWORD", "ARANGO_PASS")
IN_WORKING_DIRECTORY = Path("config") / "databases.yaml"
IN_USER_DIRECTORY = Path("databases.yaml")
URL_VARIABLES = ("MCP_ARANGO_URL", "ARANGO_URL")
VARIABLES_URL = "http://localhost:8529"
VARIABLES_KEY = "default"

# Variables of 0.5.4 that are accepted and have no effect any more, each with the reason.
WITHOUT_EFFECT: Mapping[str, str] = {
    "ARANGO_CONNECT_RETRIES": "connections are opened when first needed and retried by the circuit breaker",
    "ARANGO_CONNECT_DELAY_SEC": "connections are opened when first needed and retried by the circuit breaker",
    "MCP_HTTP_STATELESS": "every HTTP request is served without state of its own",
}


def read_content(path: Path) -> bytes:
    """The file's bytes, not many more than a configuration file may hold; raises ConfigError."""
    try:
        with path.open("rb") as file:
            return file.read(MAXIMUM_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedFile:
    """A checked configuration file, with the line of each value."""

    path: Path
    config: ConfigFile
    tree: Tree


class ConfigFileLoader:
    """Finds, reads and checks the configuration file."""

    def __init__(
        self, *, environ: Mapping[str, str], cwd: Path, directories: UserDirectories | None = None
    ) -> None:
        self.environ = environ
        self.cwd = cwd
        self.directories = directories or UserDirectories.of_platform()

    def candidates(self, named: str | None = None) -> Sequence[Path]:
        """Where the file is looked for: only there if somebody named it, else the usual places in order."""
        chosen = named or self.environ.get(FILE_VARIABLE)
        if chosen:
            return (self.cwd / Path(chosen).expanduser(),)
        return (self.cwd / IN_WORKING_DIRECTORY, self.directories.config / IN_USER_DIRECTORY)

    def find(self, named: str | None = None) -> Path | None:
        """The file in use: `named`, else the variable's, the working directory's, the user's, else None.

        Raises ConfigError if somebody named a file that does not exist: it is never replaced silently.
        """
        candidates = self.candidates(named)
        for path in candidates:
            if path.is_file():
                return path
        if named or self.environ.get(FILE_VARIABLE):
            who = "--config-file" if named else f"the variable {FILE_VARIABLE}"
            raise ConfigError(
                f"there is no file {candidates[0]}, which {who} names",
                hint=f"leave {who} out to use the usual places, or create the file with "
                f"`maa db add KEY --url URL --config-file {candidates[0]}`",
            )
        return None

    def read(self, path: Path) -> ConfigFile:
        """The checked content; raises ConfigError with every problem, one line each."""
        return self.load(path).config

    def load(self, path: Path) -> LoadedFile:
        """The checked content with the line of each value; raises ConfigError as `read` does."""
        return self.check(path, read_content(path))

    def check(self, path: Path, content: bytes) -> LoadedFile:
        """The same for content that is not in the file yet; `path` is named in problems."""
        loaded, problems = self.inspect(path, content)
        if loaded is None:
            raise wrong([problem.text(str(path)) for problem in problems])
        return loaded

    def inspect(self, path: Path, content: bytes) -> tuple[LoadedFile | None, Sequence[Problem]]:
        """The checked content, or everything that is wrong with it in the order of lines."""
        # Here and not above: a server without a file starts without the YAML library (50 ms).
        if path.suffix.lower() == ".toml":
            from mcp_arangodb_async.config.toml import read_toml

            tree = read_toml(content)
        else:
            from mcp_arangodb_async.config.tree import read_tree

            tree = read_tree(content)
        problems = list(tree.problems)
        problems += [
            Problem(line=tree.line(place), what=what, place=place)
            for place, what in problems_across(tree.value)
        ]
        try:
            config = ConfigFile.model_validate(tree.value, context={"directory": path.parent})
            if not problems:
                return LoadedFile(path=path, config=config, tree=tree), ()
        except ValidationError as error:
            problems += [
                Problem(line=tree.line(place), what=what, place=place) for place, what in problems_of(error)
            ]
        return None, sorted(problems, key=lambda problem: problem.line)


def wrong(lines: Sequence[str]) -> ConfigError:
    """One error for all these problems."""
    count = "1 problem" if len(lines) == 1 else f"{len(lines)} problems"
    return ConfigError(f"{count} in the configuration:\n" + "\n".join(lines), problems=lines)


@dataclass(slots=True)
class _Findings:
    """What is gathered while loading: who decided what, what was wrong, what is worth a warning."""

    origins: dict[str, Origin] = field(default_factory=dict[str, Origin])
    problems: list[str] = field(default_factory=list[str])
    warnings: list[str] = field(default_factory=list[str])


def load_settings(
    overrides: Mapping[str, object] | None = None,
    *,
    environ: Mapping[str, str],
    cwd: Path,
    config_file: str | None = None,
    directories: UserDirectories | None = None,
) -> Settings:
    """What this process runs with.

    `overrides` are command line values by their dotted path, such as `http.port`; `environ` and `cwd` come
    from `environment.py` or from a test. Raises ConfigError that lists every problem.
    """
    places = directories or UserDirectories.of_platform()
    loader = ConfigFileLoader(environ=environ, cwd=cwd, directories=places)
    path = loader.find(config_file)
    found = _Findings()
    file: LoadedFile | None = None
    if path is not None:
        try:
            file = loader.load(path)
        except ConfigError as error:
            found.problems += error.problems or (error.message,)
    sections = {
        name: _section(name, record, file, environ, overrides or {}, found)
        for name, record in SECTIONS.items()
    }
    if path is not None and file is None:
        raise wrong(found.problems)
    databases, source = _databases(file, environ, places, found)
    for name, reason in WITHOUT_EFFECT.items():
        if environ.get(name):
            found.warnings.append(f"the variable {name} has no effect: {reason}")
    if found.problems:
        raise wrong(found.problems)
    default = file.config.default_database if file else None
    environments = _environments(file, environ, found)
    if file is not None and default is not None:
        found.origins["default_database"] = _origin(file, ("default_database",))
    dangling = dangling_default(default, list(databases))
    if dangling:
        found.warnings.append(dangling)
    return Settings(
        databases=databases,
        default_database=default,
        environments=environments,
        default_environment=file.config.default_environment if file else None,
        env_default=_env_default(environ, source, found),
        source=source,
        file=file.path if file else None,
        working_directory=cwd,
        data_directory=places.data,
        variables=environ,
        origins=found.origins,
        warnings=(
            *found.warnings,
            *_unset_passwords(databases),
            *unset_passwords(list(environments.values())),
        ),
        **sections,
    )


def _origin(file: LoadedFile, place: Place) -> Origin:
    return Origin(kind="file", where=f"{file.path}:{file.tree.line(place)}")


def _section(
    name: str,
    record: type[Any],
    file: LoadedFile | None,
    environ: Mapping[str, str],
    overrides: Mapping[str, object],
    found: _Findings,
) -> Any:
    """One record of options, each value from the strongest that gave one."""
    values: dict[str, object] = {}
    in_file: Mapping[str, object] = file.tree.value.get(name) or {} if file else {}
    for option in options_of(record, f"{name}."):
        key = option.path.removeprefix(f"{name}.")
        if file and key in in_file:
            values[key] = in_file[key]
            found.origins[option.path] = _origin(file, (name, key))
        variable = first_set(option, environ)
        if variable is not None:
            values[key] = _from_text(option, environ[variable])
            found.origins[option.path] = Origin(kind="environment", where=variable)
        if option.path in overrides:
            values[key] = overrides[option.path]
            flag = option.option.flags[0] if option.option.flags else option.path
            found.origins[option.path] = Origin(kind="command line", where=flag)
    directory = file.path.parent if file else Path()
    return _validated(name, record, values, found, directory) if values else record()


def load_command_line(overrides: Mapping[str, object], environ: Mapping[str, str]) -> CommandLineSettings:
    """How to talk to the person: flags, else variables."""
    found = _Findings()
    settings = _section("command_line", CommandLineSettings, None, environ, overrides, found)
    if found.problems:
        raise wrong(found.problems)
    return settings


def _validated(
    name: str, record: type[Any], values: dict[str, object], found: _Findings, directory: Path
) -> Any:
    """The record; a wrong value that a tolerant option got from its variable becomes a warning.

    Paths are relative to `directory`.
    """
    try:
        return TypeAdapter(record).validate_python(values, context={"directory": directory})
    except ValidationError as error:
        tolerant = {option.path for option in options_of(record, f"{name}.") if option.option.tolerant}
        retry = dict(values)
        for place, what in problems_of(error):
            path = ".".join([name, *(str(step) for step in place[:1])])
            origin = found.origins.get(path, Origin(kind="default"))
            if origin.kind == "environment" and path in tolerant:
                found.warnings.append(f"the variable {origin.where} {what}; the default is used")
                found.origins.pop(path)
                retry.pop(str(place[0]))
            elif origin.kind == "environment":
                found.problems.append(f"variable {origin.where}: {what}")
            else:  # one flag, or a file and variables that are right alone and wrong together
                found.problems.append(f"{origin.where or path}: {what}")
        if retry == values or found.problems:
            return record()
        return TypeAdapter(record).validate_python(retry, context={"directory": directory})


def first_set(option: OptionField, environ: Mapping[str, str]) -> str | None:
    """The variable that gives this option, if one is set; an empty one counts as not set."""
    return next((name for name in option.option.variables if environ.get(name)), None)


def _from_text(option: OptionField, text: str) -> object:
    return option.option.parse(text) if option.option.parse else text.strip()


def _databases(
    file: LoadedFile | None, environ: Mapping[str, str], places: UserDirectories, found: _Findings
) -> tuple[dict[str, DatabaseSettings], Source]:
    """The databases and where they were configured: the file, the variables, or the embedded engine."""
    embedded = places.engine
    if file is not None and "databases" in file.tree.value:
        if not file.config.databases:
            found.warnings.append(f"{file.path} configures no database")
        databases: dict[str, DatabaseSettings] = {}
        for key, config in file.config.databases.items():
            passwords = (config.password_env,) if config.password_env else ()
            tokens = (config.token_env,) if config.token_env else ()
            databases[key] = _database(
                key, config, Secret(passwords, environ), Secret(tokens, environ), embedded
            )
            for place in file.tree.lines:
                if place[:2] == ("databases", key) and len(place) > 2:
                    found.origins[shown_place(place)] = _origin(file, place)
        for name in URL_VARIABLES:
            if environ.get(name):
                found.warnings.append(
                    f"the variable {name} has no effect: {file.path} configures the databases"
                )
        return databases, Source(kind="file", path=file.path)
    from_variables = _variables_database(environ, embedded, found)
    if from_variables is not None:
        return {VARIABLES_KEY: from_variables}, Source(kind="variables")
    server = EmbeddedServer(directory=embedded)
    return {VARIABLES_KEY: DatabaseSettings(key=VARIABLES_KEY, server=server)}, Source(kind="built-in")


def _environments(
    file: LoadedFile | None, environ: Mapping[str, str], found: _Findings
) -> dict[str, EnvironmentSettings]:
    """The SQL environments of the file, those that are switched off included."""
    if file is None:
        return {}
    found.warnings += [f"{file.path}: {warning}" for warning in file.tree.warnings]
    for place in file.tree.lines:
        if (place[:1] == ("environments",) and len(place) > 2) or place == ("default_environment",):
            found.origins[shown_place(place)] = _origin(file, place)
    return {
        name: environment_settings(name, config, environ=environ, password=file.tree.passwords.get(name))
        for name, config in file.config.environments.items()
    }


def _database(
    key: str, config: DatabaseConfig, password: Secret, token: Secret, embedded: Path
) -> DatabaseSettings:
    return DatabaseSettings(
        key=key,
        server=parse_server(config.url, embedded_directory=embedded),
        database=config.database,
        username=config.username,
        password=password,
        auth=config.auth,
        token=token,
        timeout=config.timeout,
        description=config.description,
        access=config.access,
        production=config.production,
        pool=config.pool,
        tls=config.tls,
    )


def _variables_database(
    environ: Mapping[str, str], embedded: Path, found: _Findings
) -> DatabaseSettings | None:
    """The one database that variables describe; None if no such variable is set."""
    options = {option.path: option for option in options_of(DatabaseConfig)}
    used = {path: name for path, option in options.items() if (name := first_set(option, environ))}
    if not used and not any(environ.get(name) for name in PASSWORD_VARIABLES):
        return None
    values: dict[str, Any] = {"url": [VARIABLES_URL]}
    for path, name in used.items():
        section, _, inner = path.rpartition(".")
        target = values.setdefault(section, {}) if section else values
        target[inner] = _from_text(options[path], environ[name])
        found.origins[f"databases.{VARIABLES_KEY}.{path}"] = Origin(kind="environment", where=name)
    pairs = [split_credentials(url) for url in values["url"]]
    values["url"] = [url for url, _ in pairs]
    in_url = next((credentials for _, credentials in pairs if credentials), None)
    if in_url and in_url.username and "username" not in used:
        values["username"] = in_url.username
        found.origins[f"databases.{VARIABLES_KEY}.username"] = Origin(kind="environment", where=used["url"])
    try:
        config = DatabaseConfig.model_validate(values)
    except ValidationError as error:
        for place, what in problems_of(error):
            name = used.get(".".join(str(step) for step in place if isinstance(step, str)), "ARANGO_URL")
            found.problems.append(f"variable {name}: {what}")
        return None
    return _database(VARIABLES_KEY, config, _variables_password(environ, in_url), Secret.none(), embedded)


def _variables_password(environ: Mapping[str, str], in_url: Credentials | None) -> Secret:
    secret = Secret(PASSWORD_VARIABLES, environ)
    return Secret.held(in_url.password) if in_url and in_url.password and not secret.is_set else secret


def _env_default(environ: Mapping[str, str], source: Source, found: _Findings) -> str | None:
    """Level 4 of the resolution: a key. ARANGO_DB names a database, unless a file is in use, as in 0.5.4."""
    names = (DEFAULT_VARIABLE, OLD_DEFAULT_VARIABLE) if source.kind == "file" else (DEFAULT_VARIABLE,)
    for name in names:
        if environ.get(name):
            found.origins["env_default"] = Origin(kind="environment", where=name)
            return environ[name].strip()
    return None


def dangling_default(default: str | None, keys: Sequence[str]) -> str | None:
    """What is wrong with a default_database that names no configured key; None if nothing is."""
    if default is None or default in keys:
        return None
    return f"default_database {default!r} is not configured; configured: {', '.join(keys) or 'nothing'}"


def _unset_passwords(databases: Mapping[str, DatabaseSettings]) -> list[str]:
    found: list[str] = []
    for key, database in databases.items():
        secret = database.token if database.auth == "token" else database.password
        named = len(secret.variables) == 1
        if named and not secret.is_set and not isinstance(database.server, EmbeddedServer):
            found.append(
                f"database {key!r}: the variable {secret.variable} is not set; logging in without it"
            )
    return found
