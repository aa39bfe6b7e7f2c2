#!/usr/bin/env bash
# Makes the secrets that docker-compose.yml mounts, as far as they are missing: passwords of the database and the artifact store, an
# authority, and certificates of the servers and of clients for a year. To renew them, remove temporal.*, store.* or client.* and run it again.
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

# Hexadecimal: it goes through a shell, YAML and a URL without harm.
[ -s "$directory/postgres-password" ] || openssl rand -hex 24 > "$directory/postgres-password"
[ -s "$directory/ca.crt" ] || make_authority "$directory" kgents-authority 3650
# The server's parts are each other's clients, too.
[ -s "$directory/temporal.crt" ] ||
  make_certificate "$directory" temporal /CN=temporal 365 serverAuth,clientAuth "$names"
[ -s "$directory/store.crt" ] ||
  make_certificate "$directory" store /CN=store 365 serverAuth "DNS:store,$names"
# In the form that every program takes which uses Amazon's SDK (AWS_SHARED_CREDENTIALS_FILE).
[ -s "$directory/store-credentials" ] ||
  printf '[default]\naws_access_key_id = kgents\naws_secret_access_key = %s\n' "$(openssl rand -hex 24)" > "$directory/store-credentials"
[ -s "$directory/client.crt" ] || make_certificate "$directory" client /CN=kgents-client 365 clientAuth

# Containers run as users of their own, so they may all read what is mounted; on this machine the directory keeps others out. No
# container gets ca.key.
(cd "$directory" && chmod 0444 postgres-password ca.crt temporal.crt temporal.key client.crt client.key store.crt store.key store-credentials)
