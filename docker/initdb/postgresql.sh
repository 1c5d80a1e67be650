#!/bin/sh
# The logins of the server: `app` owns what it makes, `reader` reads whatever app makes.
set -eu
psql -v ON_ERROR_STOP=1 -U postgres -d shop -v app="$APP_PASSWORD" -v reader="$READER_PASSWORD" <<'SQL'
CREATE ROLE app LOGIN PASSWORD :'app';
CREATE ROLE reader LOGIN PASSWORD :'reader';
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT CREATE, USAGE ON SCHEMA public TO app;
GRANT USAGE ON SCHEMA public TO reader;
ALTER DEFAULT PRIVILEGES FOR ROLE app IN SCHEMA public GRANT SELECT ON TABLES TO reader;
SQL
