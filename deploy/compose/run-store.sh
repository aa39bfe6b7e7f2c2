#!/bin/sh
# Executes the S3-compatible server, with its clients' credentials and the bucket of the workers' configuration.
set -eu
value() { sed -n "s/^$1 *= *//p" "$CREDENTIALS"; }
ROOT_ACCESS_KEY_ID=$(value aws_access_key_id)
ROOT_SECRET_ACCESS_KEY=$(value aws_secret_access_key)
export ROOT_ACCESS_KEY_ID ROOT_SECRET_ACCESS_KEY
mkdir -p "$DATA/buckets/$BUCKET" "$DATA/sidecar"
exec versitygw --port "$LISTEN" --cert "$CERTIFICATES/store.crt" --key "$CERTIFICATES/store.key" --health /health --quiet \
  posix --sidecar "$DATA/sidecar" "$DATA/buckets"
