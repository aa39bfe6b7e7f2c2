#!/usr/bin/env bash
# Makes one archive with the images that the product uses by default, under their own names, and the cluster's own.
# Usage: images.sh DIRECTORY PAUSE TOOLS NODE: writes images.tar and slow-image.tar into the directory.
set -eu
directory=$1 pause=$2 tools=$3 node=$4
export PATH=$PATH:/usr/sbin:/sbin LC_ALL=C
work=$(mktemp -d "$directory/images.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir "$work/archive"

# The suite and the mirror that this machine's own packages come from.
suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
components=$(apt-get indextargets --format '$(SITE) $(RELEASE)/$(COMPONENT) $(CREATED_BY)' 2>/dev/null)
mirror=$(awk -v wanted="$suite/main" '$2 == wanted && $3 == "Packages" { print $1; exit }' <<< "$components")
[ -n "$mirror" ] || { echo "no package source on this machine has $suite/main" >&2; exit 1; }

# layer NAME ROOT
layer() { tar --sort=name --numeric-owner --owner=0 --group=0 -C "$2" -cf "$work/archive/$1.tar" .; }

# image TAG COMMAND LAYER...
manifest=
image() {
  local tag=$1 command=$2 name layers= digests= layer
  shift 2
  name=$(tr -c 'a-z0-9\n' - <<< "$tag")
  for layer in "$@"; do
    layers+=${layers:+,}\"$layer.tar\"
    digests+=${digests:+,}\"sha256:$(sha256sum "$work/archive/$layer.tar" | cut -d' ' -f1)\"
  done
  cat > "$work/archive/$name.json" <<J
{"architecture":"$(dpkg --print-architecture)","os":"linux","author":"$tag","config":{"Env":["PATH=/usr/local/bin:/usr/bin:/bin"],"Cmd":["$command"]},"rootfs":{"type":"layers","diff_ids":[$digests]}}
J
  manifest+=${manifest:+,}"{\"Config\":\"$name.json\",\"RepoTags\":[\"$tag\"],\"Layers\":[$layers]}"
}

debootstrap --variant=minbase --include=python3,libstdc++6 "$suite" "$work/debian" "$mirror" >&2
# As the official image has it.
ln -s python3 "$work/debian/usr/bin/python"
rm -rf "$work"/debian/var/{cache/apt,lib/apt/lists}/* "$work"/debian/usr/share/{doc,locale,man}/* "$work"/debian/debootstrap
layer debian "$work/debian"

mkdir -p "$work"/{busybox/{bin,tmp},node/usr/local/bin,pause,tools}
install "$(command -v busybox)" "$work/busybox/bin/busybox"
for applet in $(busybox --list); do ln -s busybox "$work/busybox/bin/$applet" 2>/dev/null || true; done
chmod 1777 "$work/busybox/tmp"
install "$node" "$work/node/usr/local/bin/node"
install "$pause" "$work/pause/pause"
install "$tools" "$work/tools/tools"
for name in busybox node pause tools; do layer $name "$work/$name"; done

image docker.io/library/python:3.13-slim sh debian
image docker.io/library/bash:5.3 bash debian
image docker.io/library/node:24-slim node debian node
image docker.io/library/busybox:1.37 sh busybox
image docker.io/kgents-test/pause:1 /pause pause
image docker.io/kgents-test/tools:1 /tools tools
echo "[$manifest]" > "$work/archive/manifest.json"
tar -C "$work/archive" -cf "$work/images.tar" .
mv "$work/archive/busybox.tar" "$directory/slow-image.tar"
mv "$work/images.tar" "$directory/images.tar"
