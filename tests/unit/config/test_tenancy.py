"""The section `tenants:`: what may stand in it, and every mistake of a file at once, with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from mcp_arangodb_async.config.environment import UserDirectories
from mcp_arangodb_async.config.load import load_settings
from mcp_arangodb_async.config.model import Settings
from mcp_arangodb_async.config.schema import file_schema
from mcp_arangodb_async.config.tenancy import UrlPolicy
from mcp_arangodb_async.errors import ConfigError

SECRET = "hunter2-correct-horse"


def load(directory: Path, text: str, **variables: str) -> Settings:
    path = directory / "databases.yaml"
    path.write_text(text, encoding="utf-8")
    return load_settings(
        environ=variables,
        cwd=directory,
        config_file=str(path),
        directories=UserDirectories(config=directory, data=directory),
    )


def test_without_the_section_tenants_are_off(tmp_path: Path) -> None:
    tenants = load(tmp_path, "").tenants
    assert (tenants.enabled, tenants.store, dict(tenants.upstreams)) == (False, None, {})
    assert tenants.url_policy == UrlPolicy(schemes=("https",), private_networks=())


def test_a_whole_section_is_read(tmp_path: Path) -> None:
    text = """\
tenants:
  enabled: true
  store: postgresql://db.internal:5433/tenants
  store_password_env: STORE_PASSWORD
  key_source: file
  key_file: keys/master.key
  allowed_schemes: [https, http]
  private_networks: [10.1.2.3/16, "fd00::/8"]
  claim_roles: {realm-admin: tenant_admin}
  upstreams:
    postgres:
      url: https://pg.internal/mcp
      headers_env: {Authorization: PG_TOKEN}
      tools: {postgres_query: pg_execute_query}
      allow_tools: [pg_execute_query]
      tenant_argument: tenant_id
    wiki: {transport: stdio, command: [wiki-mcp, --stdio], env: {LANG: C}, env_from: {WIKI_TOKEN: TOKEN}}
  launchers:
    pg:
      type: postgres
      command: [mcp-server-postgres, "postgresql://{username}@{host}/{database}"]
      env: {PGPASSWORD: "{password}"}
"""
    settings = load(tmp_path, text, STORE_PASSWORD=SECRET)
    tenants = settings.tenants
    assert tenants.key_file == str(tmp_path / "keys" / "master.key")
    assert tenants.url_policy.private_networks == ("10.1.0.0/16", "fd00::/8")
    assert tenants.upstreams["wiki"].command == ("wiki-mcp", "--stdio")
    assert tenants.launchers["pg"].env == {"PGPASSWORD": "{password}"}
    assert settings.secret(tenants.store_password_env).reveal() == SECRET
    assert SECRET not in repr(settings)
    assert tenants.secret_variables == (
        "MCP_TENANTS_MASTER_KEY", "STORE_PASSWORD", "PG_TOKEN", "TOKEN",
    )  # fmt: skip
    assert SECRET in [reveal() for reveal in settings.secrets]
    assert settings.secret(None).reveal() == ""


def test_a_file_of_a_store_is_relative_to_the_configuration_file(tmp_path: Path) -> None:
    assert load(tmp_path, "tenants: {store: my.db}").tenants.store == str(tmp_path / "my.db")


def test_every_mistake_is_listed_with_its_line_and_key(tmp_path: Path) -> None:
    text = f"""\
tenants:
  enabled: maybe
  store: postgresql://u:{SECRET}@h/db
  store_password_env: "{SECRET}"
  owner_username: ""
  store_tls: sometimes
  store_connections: 0
  key_source: file
  key_variable: "{SECRET}"
  allowed_schemes: [ftp]
  private_networks: [10.0.0.0/99, nonsense]
  rate: 0
  claim_roles: {{boss: emperor}}
  upstreams:
    Postgres: {{url: "https://a/mcp"}}
    a__b: {{url: "https://a/mcp"}}
    one: {{url: "https://u:{SECRET}@a/mcp"}}
    two: {{transport: stdio}}
    three: {{url: "https://a/mcp", command: [x]}}
    four: {{transport: sse}}
    five: {{transport: stdio, command: [x], url: "https://a/mcp"}}
    six: {{url: "https://a/mcp", headers_env: {{Host: X, "a b": Y, Authorization: "{SECRET}"}}}}
    seven: {{url: "https://a/mcp", headers: {{Authorization: "{SECRET}"}}}}
    eight: {{url: "https://a/mcp", tools: {{x: "a b"}}, timeout: 0}}
  launchers:
    pg: {{type: postgres, command: [pg, "--password={{password}}"]}}
    empty: {{type: postgres, command: []}}
    odd: {{type: oracle, command: [x], shell: true}}
  nonsense: 1
"""
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)
    path = tmp_path / "databases.yaml"
    problems = [problem.removeprefix(f"{path}:") for problem in caught.value.problems]
    assert SECRET not in "\n".join(problems)
    keys = [problem.split(": ")[1].removeprefix("tenants.") for problem in problems]
    assert sorted(set(keys)) == sorted(
        {
            "enabled", "store", "store_password_env", "owner_username", "store_tls", "store_connections",
            "key_file", "key_variable", "allowed_schemes[0]", "private_networks[0]", "private_networks[1]",
            "rate", "claim_roles.boss", "upstreams.Postgres", "upstreams.a__b", "upstreams.one.url",
            "upstreams.two.command", "upstreams.three.command", "upstreams.four.url", "upstreams.five.url",
            "upstreams.six.headers_env.Host", "upstreams.six.headers_env.a b",
            "upstreams.six.headers_env.Authorization", "upstreams.seven.headers",
            "upstreams.eight.tools.x", "upstreams.eight.timeout", "launchers.pg.command",
            "launchers.empty.command", "launchers.odd.type", "launchers.odd.shell", "nonsense",
        }
    )  # fmt: skip
    text = "\n".join(problems)
    for part in (
        "upstreams.two.command: is missing: a server reached by stdio is started by this command",
        "upstreams.three.command: belongs to transport: stdio, not http",
        "upstreams.four.url: is missing: the address of a server reached by sse",
        "launchers.pg.command: must not hold {password}: others can read the arguments of a process",
        "must not hold a user name or password; write store_username and store_password_env",
        "upstreams.seven.headers: unknown key; did you mean 'headers_env'?",
        "launchers.odd.shell: unknown key; possible are type, command, env, env_from",
        "private_networks[1]: 'nonsense' is not a network such as 10.0.0.0/8",
    ):
        assert part in text, part


@pytest.mark.parametrize(
    ("store", "what"),
    [
        ("mysql://h/db", "must be the path of a SQLite file, or postgresql://host:port/database"),
        ("postgresql://h", "names no database"),
    ],
)
def test_a_store_that_is_none_is_refused(tmp_path: Path, store: str, what: str) -> None:
    with pytest.raises(ConfigError, match=what):
        load(tmp_path, f"tenants: {{store: '{store}'}}")


def test_variables_alone_and_with_a_file_are_checked_together(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="key_file: is missing: key_source is file"):
        load(tmp_path, "", MCP_TENANTS_KEY_SOURCE="file")
    with pytest.raises(ConfigError, match="variable MCP_TENANTS_RATE: must be a whole number"):
        load(tmp_path, "", MCP_TENANTS_RATE="many")
    both = load(tmp_path, "tenants: {key_file: k}", MCP_TENANTS_KEY_SOURCE="file", MCP_TENANTS_ENABLED="true")
    assert (both.tenants.enabled, both.tenants.key_file) == (True, str(tmp_path / "k"))


def test_the_schema_describes_what_is_inside(tmp_path: Path) -> None:
    definitions = file_schema()["$defs"]
    assert definitions["TenancySettings"]["properties"]["upstreams"]["description"]
    assert "command" in definitions["GlobalUpstream"]["properties"]
    assert definitions["Launcher"]["additionalProperties"] is False
