"""Default, file, environment, command line: who wins, and what is said when something is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from mcp_arangodb_async.config.environment import UserDirectories, read_env_file, read_environment
from mcp_arangodb_async.config.load import WITHOUT_EFFECT, ConfigFileLoader, load_settings
from mcp_arangodb_async.config.model import SECTIONS, EmbeddedServer, RemoteServer, Settings
from mcp_arangodb_async.config.option import OptionField, options_of
from mcp_arangodb_async.errors import ConfigError

PASSWORD = "hunter2-correct-horse"


def load(
    tmp_path: Path,
    text: str | None = None,
    *,
    environ: dict[str, str] | None = None,
    overrides: dict[str, object] | None = None,
    config_file: str | None = None,
) -> Settings:
    if text is not None:
        path = tmp_path / "config" / "databases.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return load_settings(
        overrides,
        environ={} if environ is None else environ,
        cwd=tmp_path,
        config_file=config_file,
        directories=UserDirectories(config=tmp_path / "user", data=tmp_path / "data"),
    )


def test_with_nothing_configured_there_is_the_embedded_engine(tmp_path: Path) -> None:
    settings = load(tmp_path)
    assert list(settings.databases) == ["default"]
    assert settings.databases["default"].server == EmbeddedServer(directory=tmp_path / "data" / "engine")
    assert (str(settings.source), settings.default_database, settings.env_default) == ("built-in", None, None)
    assert (settings.limits.max_rows, settings.limits.max_bytes) == (1000, 262_144)
    assert settings.limits.connect_deadline == 3.0
    assert (settings.origins, settings.warnings) == ({}, ())


@pytest.mark.parametrize("prefix", ["MCP_ARANGO_", "ARANGO_"])
def test_variables_make_one_database(tmp_path: Path, prefix: str) -> None:
    name = f"{prefix}DATABASE" if prefix == "MCP_ARANGO_" else "ARANGO_DB"
    environ = {
        f"{prefix}URL": "https://db.example.com:8530/",
        name: "shop",
        f"{prefix}USERNAME": "ada",
        f"{prefix}PASSWORD": PASSWORD,
        "ARANGO_TIMEOUT_SEC": "12.5",
    }
    settings = load(tmp_path, environ=environ)
    database = settings.databases["default"]
    assert database.server == RemoteServer(urls=("https://db.example.com:8530",))
    assert (database.database, database.username, database.timeout) == ("shop", "ada", 12.5)
    assert database.password.reveal() == PASSWORD
    assert PASSWORD not in repr(settings)
    assert str(settings.source) == "environment variables"
    assert settings.env_default is None  # ARANGO_DB is a database's name here, not a key


def test_the_new_names_of_variables_win_over_the_old(tmp_path: Path) -> None:
    environ = {
        "MCP_ARANGO_URL": "http://new",
        "ARANGO_URL": "http://old",
        "ARANGO_USER": "u",
        "ARANGO_PASS": "p",
    }
    database = load(tmp_path, environ=environ).databases["default"]
    assert (database.url, database.username, database.password.reveal()) == ("http://new", "u", "p")


def test_one_old_variable_is_enough_and_the_rest_is_as_before(tmp_path: Path) -> None:
    database = load(tmp_path, environ={"ARANGO_PASSWORD": PASSWORD}).databases["default"]
    assert (database.url, database.database, database.username) == (
        "http://localhost:8529",
        "_system",
        "root",
    )
    assert load(tmp_path, environ={"ARANGO_PASSWORD": ""}).source.kind == "built-in"


def test_credentials_in_a_variables_url_are_split_off(tmp_path: Path) -> None:
    settings = load(tmp_path, environ={"ARANGO_URL": f"https://ad%20a:{PASSWORD}@host:1,https://other:2"})
    database = settings.databases["default"]
    assert database.server == RemoteServer(urls=("https://host:1", "https://other:2"))
    assert (database.username, database.password.reveal()) == ("ad a", PASSWORD)
    assert PASSWORD not in repr(settings) + str(database.password) + f"{database.password:>40}"


def test_a_file_leaves_the_variables_of_connections_aside_and_says_so(tmp_path: Path) -> None:
    text = "databases:\n  a: {url: 'embedded::memory:'}\n  b: {url: 'http://b', password_env: B}\n"
    environ = {"ARANGO_URL": "http://x", "ARANGO_DB": "b", "B": PASSWORD}
    settings = load(tmp_path, text, environ=environ)
    assert list(settings.databases) == ["a", "b"]
    assert settings.databases["b"].password.reveal() == PASSWORD
    assert settings.env_default == "b"
    assert str(settings.source) == str(tmp_path / "config" / "databases.yaml")
    path = tmp_path / "config" / "databases.yaml"
    assert settings.warnings == (f"the variable ARANGO_URL has no effect: {path} configures the databases",)
    both = load(tmp_path, environ={**environ, "MCP_DEFAULT_DATABASE": "a"})
    assert both.env_default == "a"


def test_what_is_dangling_or_unset_is_a_warning_and_not_an_error(tmp_path: Path) -> None:
    settings = load(
        tmp_path, "default_database: z\ndatabases:\n  a: {url: 'http://a', password_env: NOT_SET}\n"
    )
    assert settings.default_database == "z"
    assert settings.warnings == (
        "default_database 'z' is not configured; configured: a",
        "database 'a': the variable NOT_SET is not set; logging in without it",
    )
    assert load(tmp_path, "databases:\n").databases == {}
    settings = load(tmp_path, "http: {port: 81}\n")
    assert (settings.source.kind, settings.file) == ("built-in", tmp_path / "config" / "databases.yaml")


OPTIONS = [option for name, record in SECTIONS.items() for option in options_of(record, f"{name}.")]


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.path)
def test_each_option_is_taken_from_the_strongest_that_gives_it(tmp_path: Path, option: OptionField) -> None:
    in_file, in_variable, in_flag = _samples(option)
    section, name = option.path.split(".")

    def value(settings: Settings) -> object:
        return getattr(getattr(settings, section), name)

    text = f"{section}:\n  {name}: {in_file}\n"
    assert value(load(tmp_path)) == option.default
    from_file = load(tmp_path, text)
    assert value(from_file) != option.default
    assert str(from_file.origins[option.path]) == f"file {tmp_path / 'config' / 'databases.yaml'}:2"
    for variable in option.option.variables:
        from_variable = load(tmp_path, environ={variable: in_variable})
        assert value(from_variable) != value(from_file)
        assert str(from_variable.origins[option.path]) == f"environment {variable}"
        if option.option.flags:
            given = option.option.parse(in_flag) if option.option.parse else in_flag
            from_flag = load(tmp_path, environ={variable: in_variable}, overrides={option.path: given})
            assert value(from_flag) != value(from_variable)
            assert from_flag.origins[option.path].kind == "command line"


def _samples(option: OptionField) -> tuple[str, str, str]:
    """Values for file, variable and flag, each different from the one before."""
    match option.path:
        case "server.transport":
            return ("http", "stdio", "http")
        case "server.confirm":
            return ("always", "production", "always")
        case "log.level":
            return ("ERROR", "debug", "WARNING")
        case "log.format":
            return ("json", "text", "json")
        case "http.tokens":
            return (f"[{{principal: a, sha256: {'0' * 64}}}]", "b=t", "c=t")
        case "oauth.issuer" | "oauth.resource" | "oauth.jwks_url":
            return ("https://one.example", "https://two.example/mcp", "")
        case "oauth.algorithms":
            return ("[EdDSA]", "ES384,PS256", "")
        case "oauth.ca_file":
            return (__file__, str(Path(__file__).parent / "test_tree.py"), "")
        case "oauth.leeway":
            return ("11", "12", "")
        case "oauth.scope_claim":
            return ("scp", "roles", "")
        case "audit.directory" | "sessions.redis_username":
            return ("one", "two", "three")
        case "sessions.redis":
            return ("redis://one", "redis://two/1", "rediss://three:7000")
        case "audit.fsync":
            return ("never", "always", "")
        case "audit.segment_bytes":
            return ("20001", "20002", "")
        case "tenants.store":
            return ("postgresql://a/b", "two.db", "three.db")
        case "tenants.store_tls":
            return ("off", "verify", "auto")
        case "tenants.key_source":
            return ("keyring", "variable", "keyring")
        case "tenants.allowed_schemes":
            return ("[http]", "https,http", "http")
        case "tenants.private_networks":
            return ("[10.0.0.0/8]", "10.1.0.0/16,fd00::/8", "10.2.0.0/16")
        case "tenants.claim_roles":
            return ("{boss: tenant_admin}", "boss=end_user", "boss=uber_admin")
        case "tenants.upstreams":
            return ("{postgres: {url: 'https://a/mcp'}}", "", "")
        case "tenants.launchers":
            return ("{pg: {type: postgres, command: [pg]}}", "", "")
        case "tenants.history" | "tenants.store_connections" | "tenants.stale_seconds":
            return ("11", "12", "13")
        case _ if option.path.endswith(("_env", "_file")):
            return ("one", "two", "three")
        case _ if option.type is bool and option.default:
            return ("false", "true", "false")
        case _ if option.type is bool:
            return ("true", "false", "true")
        case _ if option.type in {int, float}:
            return ("2001", "2002", "2003")
        case _ if option.type is str:
            return ("one", "two", "three")
        case _:
            return ("[one]", "two,three", "four")


def test_every_problem_of_a_file_is_listed_with_its_line_and_key(tmp_path: Path) -> None:
    text = f"""\
default_database: 5
databases:
  production:
    url: https://u:{PASSWORD}@arango.example.com:8529
    databse: x
    password: {PASSWORD}
    timeout: -1
    access: raed
    pool: {{max_connections: 0, idl: 1}}
    tls: {{ca_file: nowhere.pem}}
  b/c: {{url: [embedded:, http://x]}}
  d: {{url: "http://a:99999", password_env: "{PASSWORD}!", username: 12}}
  e: 5
  f: {{url: embedded:data, database: a/b}}
  g: {{database: x}}
http: {{port: true, host: 5, tokens: "{PASSWORD}"}}
nonsense: 1
"""
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text, environ={"MCP_MAX_ROWS": "many"})
    path = tmp_path / "config" / "databases.yaml"
    assert PASSWORD not in str(caught.value)
    places = [problem.removeprefix(f"{path}:").split(": ")[:2] for problem in caught.value.problems]
    assert [f"{line} {key}" for line, key in places] == [
        "1 default_database",
        "4 databases.production.url",
        "5 databases.production.databse",
        "6 databases.production.password",
        "7 databases.production.timeout",
        "8 databases.production.access",
        "9 databases.production.pool.max_connections",
        "9 databases.production.pool.idl",
        "10 databases.production.tls.ca_file",
        "11 databases.b/c",
        "11 databases.b/c.url",
        "12 databases.d.url",
        "12 databases.d.username",
        "12 databases.d.password_env",
        "13 databases.e",
        "14 databases.f.url",
        "14 databases.f.database",
        "15 databases.g.url",
        "16 http.host",
        "16 http.port",
        "16 http.tokens",
        "17 nonsense",
        "variable MCP_MAX_ROWS must be a whole number, not 'many'",
    ]
    assert "unknown key; did you mean 'database'?" in str(caught.value)


def test_wrong_variables_and_flags_are_listed_together(tmp_path: Path) -> None:
    environ = {"ARANGO_TIMEOUT_SEC": "soon", "ARANGO_URL": f"ftp://u:{PASSWORD}@h", "MCP_MAX_ROWS": "0"}
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, environ=environ, overrides={"http.port": "70000"})
    assert [problem.split(":")[0] for problem in caught.value.problems] == [
        "--port",
        "variable MCP_MAX_ROWS",
        "variable ARANGO_URL",
        "variable ARANGO_TIMEOUT_SEC",
    ]
    assert caught.value.problems[0] == "--port: must be at most 65535, not '70000'"
    assert PASSWORD not in str(caught.value)


def test_words_that_the_old_release_shrugged_off_are_warnings(tmp_path: Path) -> None:
    environ = {
        "MCP_TRANSPORT": "sse",
        "LOG_LEVEL": "chatty",
        "MCP_HTTP_PORT": "81",
        **dict.fromkeys(WITHOUT_EFFECT, "1"),
    }
    settings = load(tmp_path, environ=environ)
    assert (settings.server.transport, settings.log.level, settings.http.port) == ("stdio", "INFO", 81)
    assert settings.warnings[0] == (
        "the variable MCP_TRANSPORT must be stdio or http, not 'sse'; the default is used"
    )
    assert len(settings.warnings) == 2 + len(WITHOUT_EFFECT)


def test_the_file_is_found_where_it_was_named_or_in_the_usual_places(tmp_path: Path) -> None:
    directories = UserDirectories(config=tmp_path / "user", data=tmp_path / "data")
    loader = ConfigFileLoader(environ={}, cwd=tmp_path, directories=directories)
    assert loader.find() is None
    user = tmp_path / "user" / "databases.yaml"
    user.parent.mkdir()
    user.write_text("", encoding="utf-8")
    assert loader.find() == user
    here = tmp_path / "config" / "databases.yaml"
    here.parent.mkdir()
    here.write_text("", encoding="utf-8")
    assert loader.find() == here
    other = tmp_path / "other.yaml"
    other.write_text("", encoding="utf-8")
    named = ConfigFileLoader(
        environ={"ARANGO_DATABASES_CONFIG_FILE": "other.yaml"}, cwd=tmp_path, directories=directories
    )
    assert named.find() == other
    assert named.find("config/databases.yaml") == here


@pytest.mark.parametrize("how", ["flag", "variable"])
def test_a_named_file_that_does_not_exist_is_an_error(tmp_path: Path, how: str) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "databases.yaml").write_text("", encoding="utf-8")
    environ = {"ARANGO_DATABASES_CONFIG_FILE": "nope.yaml"} if how == "variable" else {}
    with pytest.raises(ConfigError, match=r"there is no file .*nope\.yaml, which") as caught:
        load(tmp_path, environ=environ, config_file="nope.yaml" if how == "flag" else None)
    assert "db add" in str(caught.value.hint)


def test_a_ca_file_is_found_beside_the_configuration_file(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "ca.pem").write_text("x", encoding="utf-8")
    settings = load(tmp_path, "databases: {a: {url: 'https://a', tls: {ca_file: ca.pem, verify: false}}}\n")
    tls = settings.databases["a"].tls
    assert (tls.ca_file, tls.verify) == (str(tmp_path / "config" / "ca.pem"), False)


def test_the_dot_env_file_stands_behind_the_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("MAA_TEST_A=file\nMAA_TEST_B='fi le'\n", encoding="utf-8")
    monkeypatch.setenv("MAA_TEST_A", "process")
    environ = read_environment(tmp_path)
    assert (environ["MAA_TEST_A"], environ["MAA_TEST_B"]) == ("process", "fi le")
    named = read_env_file(tmp_path / ".env")
    assert (named["MAA_TEST_A"], named["MAA_TEST_B"]) == ("file", "fi le")
    with pytest.raises(ConfigError, match="there is no file"):
        read_env_file(tmp_path / "nope.env")
    (tmp_path / ".env").write_bytes(b"A=1\nB=\xff\n")
    with pytest.raises(ConfigError, match=r"\.env:2: is not UTF-8 text"):
        read_environment(tmp_path)


def test_a_password_is_read_when_it_is_needed(tmp_path: Path) -> None:
    environ: dict[str, str] = {}
    settings = load(tmp_path, "databases: {a: {url: 'http://a', password_env: P}}\n", environ=environ)
    secret = settings.databases["a"].password
    assert (secret.is_set, secret.reveal(), repr(secret)) == (False, "", "Secret(P, not set)")
    environ["P"] = PASSWORD
    assert (secret.is_set, secret.reveal(), repr(secret)) == (True, PASSWORD, "Secret(P, set)")
