#!/usr/bin/env bash
# Installs the programs that tests talk to or break things with, where this user may; names those that are missing.
# Debian's packages by apt-get as root; npm packages into the directory given as the first argument.
set -uo pipefail
directory=${1:?usage: install_programs.sh DIRECTORY}
npm_packages=(@modelcontextprotocol/server-everything@2026.8.31 @modelcontextprotocol/server-postgres@0.6.2)

have_postgres() { command -v postgres >/dev/null || compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null; }
have_mariadb() { command -v mariadbd >/dev/null || [ -x /usr/sbin/mariadbd ]; }
have_redis() { command -v redis-server >/dev/null; }
have_strace() { command -v strace >/dev/null; }

packages=()
have_postgres || packages+=(postgresql)
have_mariadb || packages+=(mariadb-server)
have_redis || packages+=(redis-server)
have_strace || packages+=(strace)
if ((${#packages[@]})) && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "installing ${packages[*]} ..." >&2
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${packages[@]}"; } >/dev/null 2>&1
fi
if command -v npm >/dev/null; then
  for package in "${npm_packages[@]}"; do
    name=${package%@*}
    [ -d "$directory/node_modules/$name" ] && continue
    echo "installing $package ..." >&2
    npm install --silent --no-audit --no-fund --prefix "$directory" "$package" >/dev/null 2>&1
  done
fi

missing=()
have_postgres || missing+=("PostgreSQL (Debian: postgresql)")
have_mariadb || missing+=("MariaDB (Debian: mariadb-server)")
have_redis || missing+=("Redis (Debian: redis-server)")
have_strace || missing+=("strace (Debian: strace)")
for package in "${npm_packages[@]}"; do
  [ -d "$directory/node_modules/${package%@*}" ] || missing+=("npm package $package")
done
for program in "${missing[@]}"; do
  echo "missing, tests that need it are skipped: $program" >&2
done
exit 0
