#!/usr/bin/env bash
# Writes the configuration of the container runtime, the pod network, the kubelet and kube-proxy.
# Usage: configuration.sh, in the node's directory, with the environment that node.ts sets.
set -eu
mkdir cni pids var-lib var-log temporary

cat > hosts <<T
127.0.0.1 localhost
$NODE_ADDRESS $NODE_NAME
T
echo "nameserver 10.96.0.10" > resolv.conf

# ptp, not bridge: traffic between pods is then routed, so the policies' rules apply to it without br_netfilter.
cat > cni/10-pods.conflist <<J
{
  "cniVersion": "1.0.0",
  "name": "pods",
  "plugins": [
    {
      "type": "ptp",
      "ipam": {
        "type": "host-local",
        "ranges": [[{ "subnet": "$POD_ADDRESSES" }]],
        "routes": [{ "dst": "0.0.0.0/0" }]
      }
    },
    { "type": "portmap", "capabilities": { "portMappings": true } }
  ]
}
J

# restrict_oom_score_adj: without CAP_SYS_RESOURCE no pod would start otherwise.
cat > containerd.toml <<T
version = 2
root = "$DIRECTORY/containerd"
state = "/run/containerd"
temp = "$DIRECTORY/temporary"
disabled_plugins = ["io.containerd.internal.v1.opt"]
[grpc]
  address = "/run/containerd/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "docker.io/kgents-test/pause:1"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "$DIRECTORY/cni"
T

cat > kubelet.yaml <<Y
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
cgroupDriver: cgroupfs
cgroupRoot: /$CONTROL_GROUP
failCgroupV1: false
failSwapOn: false
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $DIRECTORY/pki/ca.crt}}
authorization: {mode: Webhook}
tlsCertFile: $DIRECTORY/pki/kubelet-server.crt
tlsPrivateKeyFile: $DIRECTORY/pki/kubelet-server.key
containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
clusterDNS: [10.96.0.10]
clusterDomain: cluster.local
resolvConf: $DIRECTORY/resolv.conf
evictionHard: {memory.available: "100Mi", nodefs.available: "1%", imagefs.available: "1%"}
# The tests' images are imported, not pulled, so an image that is collected would be lost.
imageGCHighThresholdPercent: 100
# With the defaults (5 and 10), this client would limit the start rate of many short pods, not the node.
kubeAPIQPS: 100
kubeAPIBurst: 200
registerNode: true
Y
# Only pods that tolerate the taint are scheduled to the second node. Its image list is not reported.
[ "$ROLE" = first ] || cat >> kubelet.yaml <<Y
registerWithTaints: [{key: kgents.test/second, effect: NoSchedule}]
nodeStatusMaxImages: 0
Y

# The limits of the host's connection table must not be changed by this node.
cat > proxy.yaml <<Y
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: nftables
clientConnection: {kubeconfig: $DIRECTORY/pki/proxy.conf}
hostnameOverride: $NODE_NAME
clusterCIDR: 10.244.0.0/16
conntrack: {maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
Y
