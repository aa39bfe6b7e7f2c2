#!/usr/bin/env bash
# A node's first process, in namespaces of its own: when it dies, the kernel ends all its processes.
# Usage: node.sh, by unshare, with the environment that node.ts sets and its gateway's network namespace as file
# descriptor 9.
set -eu
here=$(dirname "$(readlink -f "$0")")
export PATH=$PATH:/usr/sbin:/sbin
cd "$DIRECTORY"

start() { "$here/component.sh" "$1" 9<&- & }
# Tries every 100 ms, for half a minute.
wait_until() {
  for _ in $(seq 300); do "$@" > /dev/null 2>&1 && return; sleep 0.1; done
  echo "gave up waiting for: $*" >&2
  exit 1
}
node_is_ready() { "$PROGRAMS/kube" kubectl get node "$NODE_NAME" | grep -q ' Ready'; }
at_gateway() { nsenter --net=/proc/self/fd/9 "$@"; }

# The kubelet counts the processors in these files. The cgroup of its pods is created beforehand: the kubelet exits if
# it cannot assign four processors to a new cgroup, but continues if it cannot assign them to an existing one (cgroup
# v1).
report_four_processors() {
  local processor hierarchy
  mkdir -p processors/node0
  cp /sys/devices/system/node/node0/meminfo processors/node0
  for processor in $(seq 0 3); do
    mkdir -p processors/node0/cpu$processor/topology
    echo $processor > processors/node0/cpu$processor/topology/core_id
    echo 0 > processors/node0/cpu$processor/topology/physical_package_id
  done
  echo 0-3 > processors/online
  mount --bind processors/online /sys/devices/system/cpu/online
  mount --bind processors /sys/devices/system/node
  for hierarchy in $hierarchies; do
    # The new cgroup inherits its parent's processors and memory nodes.
    [ ! -e "$hierarchy/$CONTROL_GROUP/cpuset.cpus" ] || echo 1 > "$hierarchy/$CONTROL_GROUP/cgroup.clone_children"
    mkdir -p "$hierarchy/$CONTROL_GROUP/kubepods"
  done
}

"$here/configuration.sh"
"$here/certificates.sh"
# One hierarchy with all controllers (v2), or several (v1).
hierarchies=/sys/fs/cgroup
[ -e $hierarchies/cgroup.procs ] || hierarchies=/sys/fs/cgroup/*
for hierarchy in $hierarchies; do mkdir -p "$hierarchy/$CONTROL_GROUP"; done
mount --make-rprivate /
# Cells of concurrent tests request more processors than a small machine has, but they are mostly idle.
[ "$(nproc)" -ge 4 ] || [ -e /sys/fs/cgroup/cgroup.procs ] || report_four_processors
mount -t tmpfs tmpfs /run
mount --bind hosts /etc/hosts
# The kubelet, the pod network and the runtime cannot be configured not to use these paths.
mount --bind var-log /var/log
mount --bind var-lib /var/lib
hostname "$NODE_NAME"

ip link set lo up
ip link add kg1 type veth peer name "$GATEWAY_INTERFACE" netns /proc/self/fd/9
at_gateway ip address add "$GATEWAY_ADDRESS/30" dev "$GATEWAY_INTERFACE"
at_gateway ip link set "$GATEWAY_INTERFACE" up
ip address add "$NODE_ADDRESS/30" dev kg1
ip link set kg1 up
ip route add default via "$GATEWAY_ADDRESS"
sysctl -qw net.ipv4.ip_forward=1
# Pods of all nodes see each other's own addresses. Everything else behind the gateway sees only this node's address.
nft -f - <<N
table ip kgents_node {
  chain postrouting {
    type nat hook postrouting priority srcnat
    oifname kg1 ip daddr != 10.244.0.0/16 masquerade
  }
}
N

start containerd
{ wait_until ctr version; ctr -n k8s.io images import "$IMAGES/images.tar"; touch imported; } > log/import 2>&1 &
if [ "$ROLE" = first ]; then
  ip address add 169.254.169.254/32 dev lo
  start etcd
  start apiserver
  start listen-host
  start listen-metadata
  start registry
  wait_until "$PROGRAMS/kube" kubectl get --raw /readyz
  start controller-manager
  start scheduler
else
  at_gateway ip route add "$POD_ADDRESSES" via "$NODE_ADDRESS"
fi
start proxy
start enforce-policies
wait_until test -e imported
start kubelet
wait_until node_is_ready
wait_until busybox wget -q -O - http://127.0.0.1:10256/healthz
wait_until nft list table inet kgents_policies
if [ "$ROLE" = first ]; then
  "$PROGRAMS/kube" kubectl apply -f "$here/names.yaml"
  wait_until "$PROGRAMS/kube" kubectl get serviceaccount default
fi
touch up
wait
