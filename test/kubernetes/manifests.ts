/** Manifests for the tests of the cluster itself. */

const hardenedContainer = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ["ALL"] },
};

const hardenedPod = {
  automountServiceAccountToken: false,
  securityContext: { runAsNonRoot: true, runAsUser: 65534, seccompProfile: { type: "RuntimeDefault" } },
};

const resources = { requests: { cpu: "10m", memory: "16Mi" }, limits: { cpu: "500m", memory: "128Mi" } };

export const restrictedNamespace = (name: string) => ({
  apiVersion: "v1",
  kind: "Namespace",
  metadata: { name, labels: { "pod-security.kubernetes.io/enforce": "restricted" } },
});

export const hardenedJob = (name: string, image: string, command: readonly string[]) => ({
  apiVersion: "batch/v1",
  kind: "Job",
  metadata: { name },
  spec: {
    backoffLimit: 0,
    template: {
      metadata: { labels: { app: name } },
      spec: {
        ...hardenedPod,
        restartPolicy: "Never",
        containers: [{ name: "main", image, command, resources, securityContext: hardenedContainer }],
      },
    },
  },
});

/** A pod to exec in, which listens on port 8000. */
export const clientPod = (name: string) => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, labels: { app: name } },
  spec: {
    ...hardenedPod,
    terminationGracePeriodSeconds: 0,
    containers: [
      {
        name: "main",
        image: "python:3.13-slim",
        command: ["python3", "-c", listening],
        resources,
        securityContext: hardenedContainer,
      },
    ],
  },
});

const listening = `
import socket
server = socket.create_server(("", 8000))
while True: server.accept()[0].close()
`;

/** Denies a pod all traffic, or all but DNS and public addresses. */
export const isolatingPolicy = (app: string, { allowPublic = false } = {}) => ({
  apiVersion: "networking.k8s.io/v1",
  kind: "NetworkPolicy",
  metadata: { name: `isolate-${app}` },
  spec: {
    podSelector: { matchLabels: { app } },
    policyTypes: ["Ingress", "Egress"],
    egress: allowPublic ? [dnsOnly, publicOnly] : [],
  },
});

const dnsOnly = {
  to: [
    {
      namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "kube-system" } },
      podSelector: { matchLabels: { "k8s-app": "kube-dns" } },
    },
  ],
  ports: [{ protocol: "UDP", port: 53 }],
};

const privateRanges = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10"];
const publicOnly = { to: [{ ipBlock: { cidr: "0.0.0.0/0", except: privateRanges } }] };

export const resourceQuota = (hard: Readonly<Record<string, string>>, scopes: readonly string[] = []) => ({
  apiVersion: "v1",
  kind: "ResourceQuota",
  metadata: { name: "test" },
  spec: { hard, scopes },
});

export const limitRange = (max: Readonly<Record<string, string>>) => ({
  apiVersion: "v1",
  kind: "LimitRange",
  metadata: { name: "test" },
  spec: { limits: [{ type: "Container", max }] },
});

const groups = { jobs: "batch", pods: "", deployments: "apps" };

/**
 * Rejects the creation of objects in one namespace, or warns of it: a list of a policy and its binding, which are
 * cluster-scoped.
 */
export function denyByPolicy(namespace: string, resource: keyof typeof groups, action: "Deny" | "Warn" = "Deny") {
  const name = `${namespace}-${resource}`;
  const metadata = { name, labels: { "kgents-test": "true" } };
  const apiVersion = "admissionregistration.k8s.io/v1";
  const rule = {
    ...{ apiGroups: [groups[resource]], apiVersions: ["*"], operations: ["CREATE"] },
    resources: [resource],
  };
  const policy = {
    ...{ apiVersion, kind: "ValidatingAdmissionPolicy", metadata },
    spec: {
      matchConstraints: { resourceRules: [rule] },
      validations: [{ expression: "false", message: "the tests do not want it" }],
    },
  };
  const binding = {
    ...{ apiVersion, kind: "ValidatingAdmissionPolicyBinding", metadata },
    spec: {
      policyName: name,
      validationActions: [action],
      matchResources: { namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": namespace } } },
    },
  };
  return { apiVersion: "v1", kind: "List", items: [policy, binding] };
}

/** Grants a service account a worker's permissions in a namespace. */
export function roleFor(namespace: string, serviceAccount: string) {
  const apiVersion = "rbac.authorization.k8s.io/v1";
  const metadata = { name: serviceAccount, namespace };
  const role = {
    ...{ apiVersion, kind: "Role", metadata },
    rules: [
      { apiGroups: ["batch"], resources: ["jobs"], verbs: ["create", "get", "list", "delete"] },
      { apiGroups: [""], resources: ["pods"], verbs: ["get", "list", "watch", "delete"] },
      { apiGroups: [""], resources: ["pods/exec"], verbs: ["get", "create"] },
      { apiGroups: [""], resources: ["events"], verbs: ["list"] },
      { apiGroups: [""], resources: ["namespaces"], verbs: ["get"] },
    ],
  };
  const binding = {
    ...{ apiVersion, kind: "RoleBinding", metadata },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: serviceAccount },
    subjects: [{ kind: "ServiceAccount", name: serviceAccount, namespace }],
  };
  return { apiVersion: "v1", kind: "List", items: [role, binding] };
}
