#!/usr/bin/env bash
# A second node of the cluster. It exists while this script's standard input is open, and leaves nothing behind. Prints
# `up` when it is ready. On `lose` it cuts the node's power and prints `lost`; on `import ARCHIVE` it imports the images
# and prints `imported`.
# Usage: second-node.sh, in the first node's process and network namespaces and the host's mounts, with the environment
# that second-node.ts sets.
set -eu
here=$(dirname "$(readlink -f "$0")")
export PATH=$PATH:/usr/sbin:/sbin
# The reader may have exited.
trap : PIPE

kubectl() { "$PROGRAMS/kube" kubectl --request-timeout=10s "$@" >&2; }

remove_files() {
  for hierarchy in /sys/fs/cgroup /sys/fs/cgroup/*; do
    [ ! -d "$hierarchy/$CONTROL_GROUP" ] || find "$hierarchy/$CONTROL_GROUP" -depth -type d -exec rmdir {} + || return
  done
  rm -rf "$DIRECTORY"
}

remove_all() {
  # A cgroup stays busy for a moment after its last process was killed.
  for _ in $(seq 50); do remove_files 2>/dev/null && break; sleep 0.1; done
  remove_files
  # Delete the node first, so no more pods are scheduled to it.
  kubectl delete node "$NODE_NAME" --ignore-not-found
  kubectl delete pods --all-namespaces --field-selector "spec.nodeName=$NODE_NAME" --force --grace-period=0 --timeout=20s
}

first_process() { cat "/proc/$holder/task/$holder/children"; }

import() {
  nsenter --mount --target $(first_process) ctr -n k8s.io images import "$1" >&2
}

lose() {
  [ -n "$holder" ] || return 0
  # Cut the link before killing the processes: a node without power closes no connection.
  ip link delete "$GATEWAY_INTERFACE" || :
  # The first process ends only after all others.
  kill -KILL $(first_process) || :
  wait "$holder" || :
  holder=
}

# Only one at a time. First remove what an earlier node could not remove itself.
exec 8> "$DIRECTORY.lock"
flock 8
remove_all
mkdir -p "$DIRECTORY/log"
unshare --net --mount --pid --uts --ipc --fork --mount-proc --kill-child "$here/node.sh" \
  8<&- 9< /proc/self/ns/net < /dev/null > "$DIRECTORY/log/node" 2>&1 &
holder=$!
until [ -e "$DIRECTORY/up" ]; do
  if ! kill -0 $holder 2>/dev/null; then
    tail -n 5 "$DIRECTORY"/log/* >&2
    remove_all
    exit 1
  fi
  sleep 0.05
done
(echo up) || :
while read -r command argument; do
  case $command in
    lose) lose && (echo lost) || : ;;
    import) import "$argument" && (echo imported) || (echo failed) || : ;;
  esac
done
lose
remove_all
