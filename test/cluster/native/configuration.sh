#!/usr/bin/env bash
# Writes the configuration of the container runtime, the pod network, the kubelet and kube-proxy.
# Usage: configuration.sh DIRECTORY NODE_ADDRESS NODE_NAME
set -eu
directory=$1 node_address=$2 node_name=$3
mkdir -p "$directory"/{cni,log,pids,var-lib,var-log,temporary}

cat > "$directory/hosts" <<T
127.0.0.1 localhost
$node_address $node_name
T
echo "nameserver 10.96.0.10" > "$directory/resolv.conf"

# ptp and not bridge: traffic between two pods is routed, so that the policies' rules see it without br_netfilter.
cat > "$directory/cni/10-pods.conflist" <<J
{
  "cniVersion": "1.0.0",
  "name": "pods",
  "plugins": [
    {
      "type": "ptp",
      "ipMasq": true,
      "ipam": {
        "type": "host-local",
        "ranges": [[{ "subnet": "10.244.0.0/24" }]],
        "routes": [{ "dst": "0.0.0.0/0" }]
      }
    },
    { "type": "portmap", "capabilities": { "portMappings": true } }
  ]
}
J

# restrict_oom_score_adj: without CAP_SYS_RESOURCE no pod would start.
cat > "$directory/containerd.toml" <<T
version = 2
root = "$directory/containerd"
state = "/run/containerd"
temp = "$directory/temporary"
disabled_plugins = ["io.containerd.internal.v1.opt"]
[grpc]
  address = "/run/containerd/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "docker.io/kgents-test/pause:1"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "$directory/cni"
T

cat > "$directory/kubelet.yaml" <<Y
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
cgroupDriver: cgroupfs
cgroupRoot: /kgents-test
failCgroupV1: false
failSwapOn: false
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $directory/pki/ca.crt}}
authorization: {mode: Webhook}
tlsCertFile: $directory/pki/kubelet-server.crt
tlsPrivateKeyFile: $directory/pki/kubelet-server.key
containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
clusterDNS: [10.96.0.10]
clusterDomain: cluster.local
resolvConf: $directory/resolv.conf
evictionHard: {memory.available: "100Mi", nodefs.available: "1%", imagefs.available: "1%"}
# The tests' images are imported, not pulled: what is collected would not come back.
imageGCHighThresholdPercent: 100
# The defaults (5 and 10) would make a crowd of short pods wait for this client and not for the node.
kubeAPIQPS: 100
kubeAPIBurst: 200
registerNode: true
Y

# The limits of the host's connection table are not this node's to set.
cat > "$directory/proxy.yaml" <<Y
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: nftables
clientConnection: {kubeconfig: $directory/pki/proxy.conf}
hostnameOverride: $node_name
clusterCIDR: 10.244.0.0/24
conntrack: {maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
Y
