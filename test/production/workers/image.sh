#!/usr/bin/env bash
# Builds the repository's Dockerfile without a container engine or registry. buildah runs its commands in a chroot. The
# base image is the test cluster's own, made from Debian's packages and the npm package `node`, under the name in the
# Dockerfile.
# Usage: image.sh REPOSITORY NODE_IMAGES TAG ARCHIVE
set -euo pipefail
repository=$1 node_images=$2 tag=$3 archive=$4
work=$(mktemp -d "$(dirname "$archive")/image.XXXXXX")
export BUILDAH_ISOLATION=chroot
build() { buildah --root "$work/storage" --runroot "$work/run" "$@" >&2; }
clean_up() {
  build rm --all || true
  rm -rf "$work"
}
trap clean_up EXIT

node_version=$(sed -n 's/^ARG NODE_VERSION=//p' "$repository/Dockerfile")
npm=$(dirname "$(dirname "$(readlink -f "$(command -v npm)")")")
build pull --quiet "docker-archive:$node_images:docker.io/library/node:24-slim"
base=$(buildah --root "$work/storage" --runroot "$work/run" from --pull-never docker.io/library/node:24-slim)
build copy --quiet "$base" "$npm" /usr/local/lib/node_modules/npm
build run "$base" -- ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm
# One layer: the archive has no history, and buildah requires a history entry for each layer.
build commit --quiet --squash --rm "$base" "docker.io/library/node:$node_version-bookworm-slim"

# Packages come from this machine's configured registry.
{
  echo "registry=$(npm config get registry)"
  [ -z "${NODE_EXTRA_CA_CERTS:-}" ] || echo cafile=/run/authorities.crt
} > "$work/npmrc"
volumes=(--volume "$work/npmrc:/root/.npmrc:ro" --volume "$(npm config get cache):/root/.npm")
[ -z "${NODE_EXTRA_CA_CERTS:-}" ] || volumes+=(--volume "$NODE_EXTRA_CA_CERTS:/run/authorities.crt:ro")
build build --quiet --pull-never --layers=false "${volumes[@]}" --tag "docker.io/library/$tag" "$repository"
build push --quiet "docker.io/library/$tag" "docker-archive:$archive:docker.io/library/$tag"
