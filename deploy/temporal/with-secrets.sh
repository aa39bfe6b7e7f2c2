#!/bin/sh
# Executes the given command with the secrets that a compose file must not contain, read from files: the database's
# password and, if CERTIFICATES names a directory, the server's certificates. The server then requires client
# certificates.
set -eu
POSTGRES_PWD=$(cat "$POSTGRES_PASSWORD_FILE")
export POSTGRES_PWD SQL_PASSWORD="$POSTGRES_PWD"
if [ -n "${CERTIFICATES:-}" ]; then
  certificate=$CERTIFICATES/temporal.crt key=$CERTIFICATES/temporal.key authority=$CERTIFICATES/ca.crt
  export TEMPORAL_TLS_REQUIRE_CLIENT_AUTH=true
  export TEMPORAL_TLS_FRONTEND_CERT="$certificate" TEMPORAL_TLS_FRONTEND_KEY="$key"
  # The server's services use this certificate among each other, both as servers and as clients.
  export TEMPORAL_TLS_SERVER_CERT="$certificate" TEMPORAL_TLS_SERVER_KEY="$key"
  export TEMPORAL_TLS_SERVER_CA_CERT="$authority"
  # The server's template has two client CA settings, and neither may be empty.
  export TEMPORAL_TLS_CLIENT1_CA_CERT="$authority" TEMPORAL_TLS_CLIENT2_CA_CERT="$authority"
  export TEMPORAL_TLS_INTERNODE_SERVER_NAME=temporal TEMPORAL_TLS_FRONTEND_SERVER_NAME=temporal
fi
exec "$@"
