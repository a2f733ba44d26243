#!/usr/bin/env bash
# Makes the database's roles, each with what it needs: who migrates, each service, who may only look. It runs by itself
# when the data directory is made, and may be run again at any time: it takes in passwords that were changed. What roles
# may do within the schemas is granted by `tailwarden migrate`.
set -euo pipefail

: "${POSTGRES_USER:=postgres}" "${POSTGRES_DB:=tailwarden}" "${SECRETS:=/run/secrets}"
export SECRETS
ask=(psql --no-psqlrc --no-password --quiet --set=ON_ERROR_STOP=1 --username="$POSTGRES_USER" --dbname="$POSTGRES_DB")

for role in owner registry cases monitor notifier reader; do
  if [ ! -s "$SECRETS/postgres_$role" ]; then
    echo "roles.sh: there is no password in $SECRETS/postgres_$role" >&2
    exit 1
  fi
  # The password is read by psql itself, so that no process list ever shows it.
  ROLE="$role" "${ask[@]}" <<'SQL'
\getenv role ROLE
\set name tailwarden_:role
\set password `cat "$SECRETS/postgres_$ROLE"`
SELECT format('CREATE ROLE %I', :'name') WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'name') \gexec
ALTER ROLE :"name" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS CONNECTION LIMIT 30 PASSWORD :'password';
SQL
done

"${ask[@]}" <<'SQL'
\getenv database POSTGRES_DB
ALTER DATABASE :"database" OWNER TO tailwarden_owner;
REVOKE ALL ON DATABASE :"database" FROM PUBLIC;
GRANT CONNECT ON DATABASE :"database"
    TO tailwarden_registry, tailwarden_cases, tailwarden_monitor, tailwarden_notifier, tailwarden_reader;
-- The monitor stages readings in a temporary table; read models are proved in temporary ones beside the live.
GRANT TEMPORARY ON DATABASE :"database"
    TO tailwarden_registry, tailwarden_cases, tailwarden_monitor, tailwarden_notifier;
REVOKE CONNECT ON DATABASE postgres, template1 FROM PUBLIC;
-- Functions of extensions live in public; nothing of ours does.
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
-- A dashboard only looks, and a bad query of one must not hold up the rest.
ALTER ROLE tailwarden_reader SET default_transaction_read_only = on;
ALTER ROLE tailwarden_reader SET statement_timeout = '30s';
ALTER ROLE tailwarden_reader SET search_path = dashboard, public;
SQL
