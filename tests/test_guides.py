"""The guides of the manual work as written."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.guides import run, steps_of
from tests.sql_servers import PASSWORDS, SqlServer

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
