#!/usr/bin/env bash
# Executes one component of a node. Runs in the node's namespaces, and writes its process id to pids/.
# Usage: component.sh NAME, with the environment that node.ts sets.
set -eu
name=$1
cd "$DIRECTORY"
exec >> "log/$name" 2>&1 < /dev/null
echo $$ > "pids/$name"
# Memory is cheaper here than computing time: the heaps of these Go programs may grow to five times what is in use.
export GOGC=400
kube=$PROGRAMS/kube tools=$PROGRAMS/tools
case $name in
  etcd)
    exec "$kube" etcd --data-dir etcd --listen-client-urls http://127.0.0.1:2379 \
      --advertise-client-urls http://127.0.0.1:2379 --listen-peer-urls http://127.0.0.1:2380 --unsafe-no-fsync ;;
  apiserver)
    exec "$kube" apiserver --etcd-servers=http://127.0.0.1:2379 --secure-port=6443 --advertise-address="$NODE_ADDRESS" \
      --tls-cert-file=pki/apiserver.crt --tls-private-key-file=pki/apiserver.key --client-ca-file=pki/ca.crt \
      --service-account-key-file=pki/service-accounts.key --service-account-signing-key-file=pki/service-accounts.key \
      --service-account-issuer=https://kubernetes.default.svc.cluster.local \
      --kubelet-certificate-authority=pki/ca.crt --kubelet-preferred-address-types=InternalIP \
      --kubelet-client-certificate=pki/apiserver-kubelet.crt --kubelet-client-key=pki/apiserver-kubelet.key \
      --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction \
      --service-cluster-ip-range=10.96.0.0/16 --shutdown-delay-duration=0s ;;
  controller-manager)
    exec "$kube" controller-manager --kubeconfig=pki/controller-manager.conf --leader-elect=false \
      --authentication-kubeconfig=pki/controller-manager.conf --authorization-kubeconfig=pki/controller-manager.conf \
      --service-account-private-key-file=pki/service-accounts.key --use-service-account-credentials=true \
      --root-ca-file=pki/ca.crt --cluster-signing-cert-file=pki/ca.crt --cluster-signing-key-file=pki/ca.key \
      --kube-api-qps=100 --kube-api-burst=200 ;;
  scheduler)
    exec "$kube" scheduler --kubeconfig=pki/scheduler.conf --leader-elect=false \
      --authentication-kubeconfig=pki/scheduler.conf --authorization-kubeconfig=pki/scheduler.conf ;;
  kubelet)
    exec "$kube" kubelet --config=kubelet.yaml --kubeconfig=pki/kubelet.conf --hostname-override="$NODE_NAME" \
      --node-ip="$NODE_ADDRESS" --root-dir="$DIRECTORY/kubelet" --cert-dir=pki ;;
  proxy) exec "$kube" proxy --config=proxy.yaml ;;
  containerd) exec containerd -c containerd.toml ;;
  enforce-policies) exec "$kube" enforce-policies pki/enforce-policies.conf "$POD_ADDRESSES" ;;
  registry) exec "$tools" registry 127.0.0.1:5000 "$IMAGES/slow-image.tar" 200000 ;;
  # In the host's network but this node's process namespace, so it ends with the node.
  listen-host) exec nsenter --net=/proc/1/fd/9 "$tools" listen host "$GATEWAY_ADDRESS:8099" requests ;;
  listen-metadata) exec "$tools" listen metadata 169.254.169.254:80 requests ;;
  *) echo "no such component: $name"; exit 2 ;;
esac
