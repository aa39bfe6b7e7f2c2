#!/bin/sh
# Creates both databases of Temporal, or brings their schemas to the version of temporal-sql-tool; on one that is there already it
# changes nothing. The SQL_* variables say where PostgreSQL is.
set -eu
for database in temporal temporal_visibility; do
  schema=postgresql/v12/${database#temporal_}
  temporal-sql-tool --db "$database" create
  temporal-sql-tool --db "$database" setup-schema --version 0.0
  temporal-sql-tool --db "$database" update-schema --schema-name "$schema"
done
