"""The guides of the manual work as written."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.guides import run, steps_of
from tests.sql_servers import PASSWORDS, SqlServer, free_port
from tests.upstreams.programs import node, npm_server

MANUAL = Path(__file__).parent.parent / "docs" / "manual"


@pytest.mark.server
@pytest.mark.timeout(240)
def test_a_newcomer_gets_from_two_files_to_three_servers(
    postgresql: SqlServer, mariadb: SqlServer, tmp_path: Path
) -> None:
    guide = MANUAL / "sql-environments.md"
    found = re.search(r"^```sql\n(.*?)^```\n", guide.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert found
    dev, staging, prod = (server.create_database(found[1]) for server in (postgresql, mariadb, postgresql))
    postgresql.run("UPDATE product SET price = 1.75 WHERE id = 1", prod)
    addresses = {
        "postgresql://app@127.0.0.1:5432/shop": postgresql.url(dev),
        "port: 3306\n    user: app\n    database: shop": (
            f"port: {mariadb.port}\n    user: writer\n    database: {staging}"
        ),
        "postgresql://reader@127.0.0.1:5433/shop": postgresql.url(prod, "reader"),
        "change-me-dev": PASSWORDS["SQL_WRITER_PASSWORD"],
        "change-me-staging": PASSWORDS["SQL_WRITER_PASSWORD"],
        "change-me-prod": PASSWORDS["SQL_READER_PASSWORD"],
    }
    run(steps_of(guide, replace=addresses), tmp_path)


@pytest.mark.server
@pytest.mark.timeout(640)
def test_a_newcomer_gets_two_tenants_with_a_database_each_behind_one_gateway(
    own_postgresql: SqlServer, tmp_path: Path
) -> None:
    here = {
        "5432": str(own_postgresql.port),
        "127.0.0.1:8000": f"127.0.0.1:{(port := free_port())}",
        "--port 8000": f"--port {port}",
        "- node\n": f"- {node()}\n",
        "node_modules/@modelcontextprotocol/server-postgres/dist/index.js": npm_server("server-postgres"),
    }
    administrator = {"PGUSER": own_postgresql.admin, "PGPASSWORD": PASSWORDS["SQL_ADMIN_PASSWORD"]}
    # Twenty programs start, one after the other: on a busy machine that takes minutes.
    run(steps_of(MANUAL / "tenants.md", replace=here), tmp_path, administrator, seconds=600)
