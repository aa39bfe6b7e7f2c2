#!/usr/bin/env bash
# Creates the secrets that docker-compose.yml mounts, unless they exist: passwords of the database and the artifact
# store, a certificate authority, and certificates for servers and clients, valid for a year. To renew certificates,
# remove temporal.*, store.* or client.* and run it again.
# Usage: make-secrets.sh [DIRECTORY [HOST...]], with the names and addresses under which clients reach the server
set -euo pipefail
. "$(dirname "$0")/../authority.sh"
directory=${1:-$(dirname "$0")/secrets}
shift $(($# > 0 ? 1 : 0))

umask 077
mkdir -p "$directory"
chmod 0700 "$directory"
names=DNS:temporal,DNS:localhost,IP:127.0.0.1
for host; do
  case $host in
    *[!0-9.]*) names+=,DNS:$host ;;
    *) names+=,IP:$host ;;
  esac
done

# Hexadecimal, because it passes through a shell, YAML and a URL.
[ -s "$directory/postgres-password" ] || openssl rand -hex 24 > "$directory/postgres-password"
[ -s "$directory/ca.crt" ] || make_authority "$directory" kgents-authority 3650
# The server's services are also each other's clients.
[ -s "$directory/temporal.crt" ] ||
  make_certificate "$directory" temporal /CN=temporal 365 serverAuth,clientAuth "$names"
[ -s "$directory/store.crt" ] ||
  make_certificate "$directory" store /CN=store 365 serverAuth "DNS:store,$names"
# The credentials file of AWS SDKs (AWS_SHARED_CREDENTIALS_FILE).
[ -s "$directory/store-credentials" ] ||
  printf '[default]\naws_access_key_id = kgents\naws_secret_access_key = %s\n' "$(openssl rand -hex 24)" > "$directory/store-credentials"
[ -s "$directory/client.crt" ] || make_certificate "$directory" client /CN=kgents-client 365 clientAuth

# Containers run under their own user ids, so the mounted files are world-readable; on this machine the directory's mode
# protects them. No container gets ca.key.
(cd "$directory" && chmod 0444 postgres-password ca.crt temporal.crt temporal.key client.crt client.key store.crt store.key store-credentials)
