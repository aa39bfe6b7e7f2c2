#!/bin/sh
# Creates both of Temporal's databases, or upgrades their schemas to the version of temporal-sql-tool. Changes nothing
# if they are up to date. The SQL_* variables define the connection to PostgreSQL.
set -eu
for database in temporal temporal_visibility; do
  schema=postgresql/v12/${database#temporal_}
  temporal-sql-tool --db "$database" create
  temporal-sql-tool --db "$database" setup-schema --version 0.0
  temporal-sql-tool --db "$database" update-schema --schema-name "$schema"
done
