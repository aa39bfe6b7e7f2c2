#!/usr/bin/env bash
# Creates a node's certificates and kubeconfigs: on the first node the cluster's CA and all certificates that it signs,
# on the second node those of its kubelet.
# Usage: certificates.sh, in the node's directory, with the environment that node.ts sets.
set -eu
. "$(dirname "$0")/../../../deploy/authority.sh"
mkdir pki

# certificate NAME SUBJECT [ALTERNATIVE_NAMES]: a server certificate if there are names, else a client certificate.
certificate() {
  local usage=clientAuth
  [ $# -lt 3 ] || usage=serverAuth
  make_certificate pki "$1" "$2" 365 "$usage" "${3:-}"
}

# kubeconfig FILE CERTIFICATE: everything is inline, so the file can be copied alone.
kubeconfig() {
  cat > "$1.part" <<Y
apiVersion: v1
kind: Config
clusters: [{name: kgents-test, cluster: {server: "https://$SERVER_ADDRESS:6443", certificate-authority-data: $(base64 -w0 < pki/ca.crt)}}]
users: [{name: $2, user: {client-certificate-data: $(base64 -w0 < "pki/$2.crt"), client-key-data: $(base64 -w0 < "pki/$2.key")}}]
contexts: [{name: kgents-test, context: {cluster: kgents-test, user: $2}}]
current-context: kgents-test
Y
  chmod 600 "$1.part"
  mv "$1.part" "$1"
}

if [ "$ROLE" = first ]; then
  make_authority pki kgents-test-authority 365
  # Service account tokens are RS256. Tests sign their own tokens with this key.
  openssl genrsa -out pki/service-accounts.key 2048 2>/dev/null
  certificate apiserver /CN=kube-apiserver \
    "IP:$NODE_ADDRESS,IP:127.0.0.1,IP:10.96.0.1,DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local"
  certificate apiserver-kubelet /O=system:masters/CN=apiserver-kubelet
  certificate admin /O=system:masters/CN=admin
  certificate controller-manager /CN=system:kube-controller-manager
  certificate scheduler /CN=system:kube-scheduler
  certificate proxy /CN=system:kube-proxy
  certificate enforce-policies /O=system:masters/CN=enforce-policies
  for user in controller-manager scheduler proxy enforce-policies; do kubeconfig pki/$user.conf $user; done
  kubeconfig "$KUBECONFIG" admin
else
  cp "$(dirname "$KUBECONFIG")"/pki/{ca.crt,ca.key,proxy.conf,enforce-policies.conf} pki
fi
certificate kubelet-server "/O=system:nodes/CN=system:node:$NODE_NAME" "IP:$NODE_ADDRESS,DNS:$NODE_NAME"
certificate kubelet "/O=system:nodes/CN=system:node:$NODE_NAME"
kubeconfig pki/kubelet.conf kubelet
