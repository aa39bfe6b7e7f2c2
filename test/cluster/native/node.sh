#!/usr/bin/env bash
# The node's first process, in namespaces of its own: when it dies, the kernel ends all of it.
# Usage: node.sh, by unshare, with the environment that node.ts sets and the host's network namespace as file descriptor 9.
set -eu
here=$(dirname "$(readlink -f "$0")")
export PATH=$PATH:/usr/sbin:/sbin KUBECONFIG=$DIRECTORY/kubeconfig
cd "$DIRECTORY"

start() { "$here/component.sh" "$1" 9<&- & }
# 100 ms apart, for half a minute.
wait_until() {
  for _ in $(seq 300); do "$@" > /dev/null 2>&1 && return; sleep 0.1; done
  echo "gave up waiting for: $*" >&2
  exit 1
}
node_is_ready() { "$PROGRAMS/kube" kubectl get node "$NODE_NAME" | grep -q ' Ready'; }

for hierarchy in /sys/fs/cgroup /sys/fs/cgroup/*; do [ ! -e $hierarchy/cgroup.procs ] || mkdir -p $hierarchy/kgents-test; done
mount --make-rprivate /
mount -t tmpfs tmpfs /run
mount --bind hosts /etc/hosts
# Paths that the kubelet, the pod network and the runtime cannot be told to leave alone.
mount --bind var-log /var/log
mount --bind var-lib /var/lib
hostname "$NODE_NAME"
ip link set lo up
wait_until ip link show kg1
ip address add "$NODE_ADDRESS/30" dev kg1
ip address add 169.254.169.254/32 dev lo
ip link set kg1 up
ip route add default via "$HOST_ADDRESS"
sysctl -qw net.ipv4.ip_forward=1

start containerd
start etcd
start apiserver
start listen-host
start listen-metadata
start registry
{ wait_until ctr version; ctr -n k8s.io images import "$IMAGES/images.tar"; touch imported; } > log/import 2>&1 &
wait_until "$PROGRAMS/kube" kubectl get --raw /readyz
start controller-manager
start scheduler
start proxy
start enforce-policies
wait_until test -e imported
start kubelet
wait_until node_is_ready
"$PROGRAMS/kube" kubectl apply -f "$here/names.yaml"
wait_until "$PROGRAMS/kube" kubectl get serviceaccount default
touch up
wait
