/**
 * What the canary makes for a while: pods as hardened as a cell, and the policies that open the network for some of them.
 *
 * @module
 */

import { cellPod } from "../../core/cell-pod.ts";
import { canaryLabel, canaryRoleLabel, managedByKgents, managedByLabel } from "../../core/cluster-names.ts";
import type { Language } from "../../core/language.ts";
import { validateRequest } from "../../core/parse-request.ts";
import type { Manifest } from "./manifests.ts";

/** An address and a port that the canary tries to reach. */
export interface Target {
  readonly host: string;
  readonly port: number;
}

/**
 * - `target`: what the others try to reach, beside the API server.
 * - `open`: a policy opens the network for it; it must reach the targets, again and again until all is over.
 * - `closed`: the namespace's own policies hold for it; it must not reach them.
 */
export type CanaryRole = "target" | "open" | "closed";

/** The port of the target pod. */
export const targetPort = 8080;

/** The exit code of the closed pod that went on reaching a target. */
export const stillReached = 10;

/** How long the whole canary may take: the cluster's backstop is this long, too. */
export const canaryMilliseconds = 90_000;

// `nc` says by 1 that it could not connect; anything else means that it could not even try.
const reach = 'reach() { nc -w 1 "$1" "$2" < /dev/null > /dev/null 2>&1; }';
const broken = '[ "$code" = 1 ] || { echo "nc ended with $code"; exit 3; }';

const scripts: Readonly<Record<CanaryRole, (targets: readonly Target[]) => string>> = {
  target: () => `exec httpd -f -p ${targetPort} -h /tmp`,
  // Policies take a moment to apply to a new pod, so that the first attempts may fail.
  open: (targets) => `
${reach}
all() { ${targets.map(({ host, port }) => `missed="${host} port ${port}"; reach ${host} ${port}`).join(" && ")}; }
for attempt in 1 2 3 4 5 6 7 8 9 10; do
  all && break
  code=$?
  ${broken}
  [ $attempt != 10 ] || { echo "$missed cannot be reached even where a policy allows it"; exit 1; }
  sleep 1
done
: > /tmp/reached
while all; do sleep 1; done
echo "$missed could no longer be reached"
exit 1`,
  // The same holds for the other direction: closed is what stays closed.
  closed: (targets) => `
${reach}
denied=0
for attempt in 1 2 3 4 5 6 7 8 9 10; do
  open=
${targets.map(({ host, port }) => `  if reach ${host} ${port}; then open="${host} port ${port}"; else code=$?; ${broken}; fi`).join("\n")}
  if [ -z "$open" ]; then denied=$((denied + 1)); else denied=0; fi
  [ $denied != 3 ] || exit 0
  [ -z "$open" ] || sleep 1
done
echo "$open was reached although no policy allows it"
exit ${stillReached}`,
};

const labelsOf = (id: string, role?: CanaryRole): Record<string, string> => ({
  "app.kubernetes.io/part-of": "kgents",
  [managedByLabel]: managedByKgents,
  [canaryLabel]: id,
  ...(role && { [canaryRoleLabel]: role }),
});

const nameOf = (id: string, what: string): string => `kgents-canary-${id}-${what}`;

/** A pod of the canary. */
export function canaryPod(
  place: { readonly id: string; readonly namespace: string; readonly node?: string | undefined },
  role: CanaryRole,
  language: Language,
  targets: readonly Target[],
): Manifest & { spec: object } {
  const { id, namespace, node } = place;
  const spec = cellPod(validateRequest({ code: "true", language: "sh" }), language);
  const [container] = spec.containers;
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: nameOf(id, role), namespace, labels: labelsOf(id, role) },
    spec: {
      ...spec,
      activeDeadlineSeconds: canaryMilliseconds / 1000,
      // The same node as the pod that reaches it all: another one's network may be broken.
      ...(node !== undefined && { affinity: onNode(node) }),
      containers: [
        {
          ...container,
          command: ["sh", "-c", scripts[role](targets)],
          terminationMessagePolicy: "FallbackToLogsOnError",
          ...(role === "open" && {
            readinessProbe: { exec: { command: ["test", "-e", "/tmp/reached"] }, periodSeconds: 1 },
          }),
        },
      ],
    },
  };
}

const onNode = (name: string) => ({
  nodeAffinity: {
    requiredDuringSchedulingIgnoredDuringExecution: {
      nodeSelectorTerms: [{ matchFields: [{ key: "metadata.name", operator: "In", values: [name] }] }],
    },
  },
});

/** The policies: all egress for the open pod; and the target takes both, so that only egress decides. */
export function canaryPolicies(id: string, namespace: string): readonly (Manifest & { spec: object })[] {
  const policy = (role: CanaryRole, spec: object) => ({
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: { name: nameOf(id, role), namespace, labels: labelsOf(id) },
    spec: { podSelector: { matchLabels: { [canaryLabel]: id, [canaryRoleLabel]: role } }, ...spec },
  });
  return [
    policy("open", { policyTypes: ["Egress"], egress: [{}] }),
    policy("target", {
      policyTypes: ["Ingress"],
      ingress: [{ from: [{ podSelector: { matchLabels: { [canaryLabel]: id } } }] }],
    }),
  ];
}
