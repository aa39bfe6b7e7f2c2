/**
 * Jobs that differ from a cell's in one respect: those that the admission policy of deploy/cells/ admits, and those it
 * rejects.
 */

type Part = Record<string, unknown>;

/** A cell's Job, to be modified. */
export interface ChangedJob {
  readonly metadata: Part & { name: string };
  readonly spec: Part & { template: { metadata: { labels: Part }; spec: ChangedPod } };
}
interface ChangedPod extends Part {
  containers: ChangedContainer[];
  volumes: Part[];
  securityContext?: Part;
}
interface ChangedContainer extends Part {
  name: string;
  resources?: { limits: Part };
  securityContext?: Part;
}

type Change = (pod: ChangedPod, job: ChangedJob) => void;

const pod =
  (part: Part): Change =>
  (spec) =>
    void Object.assign(spec, part);
const cell =
  (part: Part): Change =>
  ({ containers: [container] }) =>
    void Object.assign(container ?? {}, part);
const podSecurity =
  (part: Part): Change =>
  (spec) => {
    spec.securityContext = { ...spec.securityContext, ...part };
  };
const cellSecurity =
  (part: Part): Change =>
  ({ containers: [container] }) =>
    void Object.assign(container?.securityContext ?? {}, part);
const volume =
  (source: Part): Change =>
  ({ volumes }) =>
    void volumes.push({ name: "more", ...source });
const job =
  (part: Part): Change =>
  (_spec, { spec }) =>
    void Object.assign(spec, part);

const http = { httpGet: { host: "169.254.169.254", port: 80 } };
const fromSecret = { valueFrom: { secretKeyRef: { name: "s", key: "k" } } };

/** Jobs that workers may create. */
export const cellShapes: Readonly<Record<string, Change>> = {
  "as-rendered": () => {},
  "another-image": cell({ image: "registry.example/any:1" }),
  "a-runtime": pod({ runtimeClassName: "gvisor" }),
  "chosen-nodes": pod({
    ...{ nodeSelector: { pool: "cells" }, tolerations: [{ key: "cells", operator: "Exists" }] },
    ...{ affinity: { nodeAffinity: {} }, schedulerName: "mine" },
  }),
  "another-user": podSecurity({ runAsUser: 100_000, runAsGroup: 100_000, fsGroup: 100_000 }),
  "plain-env": cell({ env: [{ name: "A", value: "1" }] }),
};

const gpu = "example.com/gpu";
const devices =
  (name: string): Change =>
  ({ containers: [container] }) =>
    void Object.assign(container?.resources?.limits ?? {}, { [name]: "1" });

/** The annotations of a namespace that permit {@link permittedShapes}. */
export const permissions = {
  "kgents.io/allowed-priority-classes": "kgents-a,kgents-b",
  "kgents.io/allowed-pull-secrets": "registry,s",
  "kgents.io/allowed-resources": `example.com/fpga,${gpu}`,
} as const;

/** Jobs that are accepted only where {@link permissions} are given. */
export const permittedShapes: Readonly<Record<string, Change>> = {
  "a-priority": pod({ priorityClassName: "kgents-b" }),
  "a-pull-secret": pod({ imagePullSecrets: [{ name: "s" }] }),
  "two-pull-secrets": pod({ imagePullSecrets: [{ name: "registry" }, { name: "s" }] }),
  "a-device": devices(gpu),
};

/** Jobs that are rejected even there. */
export const unpermittedShapes: Readonly<Record<string, Change>> = {
  "another-priority": pod({ priorityClassName: "kgents" }),
  "priority-of-the-system": pod({ priorityClassName: "system-node-critical" }),
  "another-pull-secret": pod({ imagePullSecrets: [{ name: "s" }, { name: "t" }] }),
  "both-pull-secrets": pod({ imagePullSecrets: [{ name: "registry,s" }] }),
  "another-device": devices("example.com/other"),
};

/** Jobs that are rejected for every user. */
export const otherShapes: Readonly<Record<string, Change>> = {
  "volume-of-fields": volume({ downwardAPI: { items: [{ path: "a", fieldRef: { fieldPath: "metadata.name" } }] } }),
  "volume-secret": volume({ secret: { secretName: "s" } }),
  "volume-configmap": volume({ configMap: { name: "c" } }),
  "volume-hostpath": volume({ hostPath: { path: "/" } }),
  "volume-token": volume({ projected: { sources: [{ serviceAccountToken: { path: "t" } }] } }),
  "volume-claim": volume({ persistentVolumeClaim: { claimName: "c" } }),
  "volume-without-size": volume({ emptyDir: {} }),
  "env-of-secret": cell({ env: [{ name: "A", ...fromSecret }] }),
  "env-from-secret": cell({ envFrom: [{ secretRef: { name: "s" } }] }),
  "token-mounted": pod({ automountServiceAccountToken: true }),
  "token-unsaid": (spec) => void delete spec.automountServiceAccountToken,
  "another-account": pod({ serviceAccountName: "kgents-worker" }),
  "pull-secret": pod({ imagePullSecrets: [{ name: "s" }] }),
  "host-network": pod({ hostNetwork: true }),
  "host-pid": pod({ hostPID: true }),
  "host-ipc": pod({ hostIPC: true }),
  "host-port": cell({ ports: [{ containerPort: 80, hostPort: 80 }] }),
  "chosen-node": pod({ nodeName: "n" }),
  "chosen-priority": pod({ priorityClassName: "system-node-critical" }),
  root: podSecurity({ runAsNonRoot: false, runAsUser: 0 }),
  "root-container": cellSecurity({ runAsNonRoot: false, runAsUser: 0 }),
  "low-user": podSecurity({ runAsUser: 999 }),
  "no-pod-security": (spec) => void delete spec.securityContext,
  "seccomp-pod": podSecurity({ seccompProfile: { type: "Unconfined" } }),
  "seccomp-container": cellSecurity({ seccompProfile: { type: "Unconfined" } }),
  sysctls: podSecurity({ sysctls: [{ name: "net.ipv4.ping_group_range", value: "0 1" }] }),
  "no-container-security": ({ containers: [container] }) => void delete container?.securityContext,
  "writable-root": cellSecurity({ readOnlyRootFilesystem: false }),
  "more-privileges": cellSecurity({ allowPrivilegeEscalation: true }),
  "a-capability": cellSecurity({ capabilities: { drop: ["ALL"], add: ["NET_BIND_SERVICE"] } }),
  "all-capabilities": cellSecurity({ capabilities: {} }),
  "no-memory-limit": ({ containers: [container] }) => void delete container?.resources?.limits.memory,
  "a-device": devices(gpu),
  probe: cell({ livenessProbe: http }),
  hook: cell({ lifecycle: { preStop: http } }),
  "two-containers": ({ containers }) => void containers.push({ ...(containers[0] ?? {}), name: "b" }),
  "init-container": (spec) => {
    spec.initContainers = [{ ...spec.containers[0], name: "b" }];
  },
  "more-tries": job({ backoffLimit: 6 }),
  "many-pods": job({ parallelism: 5, completions: 5 }),
  "no-deadline": (_spec, { spec }) => void delete spec.activeDeadlineSeconds,
  "replaced-pods": job({ podReplacementPolicy: "TerminatingOrFailed" }),
  restarts: pod({ restartPolicy: "OnFailure" }),
  canary: (_spec, { spec }) => void Object.assign(spec.template.metadata.labels, { "kgents.io/canary": "x" }),
};
