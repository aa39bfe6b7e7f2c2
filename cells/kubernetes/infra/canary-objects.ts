/**
 * The temporary objects of the canary: pods as hardened as a cell, and the policies that open the network for some of
 * them.
 *
 * @module
 */

import { shapeOf } from "#core/contract/cell-shape";
import type { Language } from "#core/contract/language";
import { validateRequest } from "#core/contract/parse-request";
import { cellPod } from "#core/manifest/cell-pod";
import {
  type CanaryTarget,
  canaryLabel,
  canaryRoleLabel,
  canaryTargetsInWords,
  managedByKgents,
  managedByLabel,
  partOfLabel,
} from "#core/manifest/cluster-names";
import { podWithTemplate } from "#core/manifest/pod-template";
import type { PodTemplate } from "#core/manifest/pod-template-fields";
import type { Manifest } from "./manifests.ts";

/** A target that the canary tries to reach. */
export interface Target {
  readonly name: CanaryTarget;
  /** An address; for `node` and `dns` the pod determines it itself. */
  readonly host: string;
  readonly port: number;
  /**
   * Whether the canary proves nothing if the open pod cannot reach it. Other targets are skipped if the open pod cannot
   * reach them.
   */
  readonly isRequired: boolean;
}

/**
 * - `target`: the pod that the others try to reach, in addition to the API server.
 * - `open`: a policy opens the network for it; it must reach the targets repeatedly until the canary ends.
 * - `closed`: the namespace's own policies apply to it; it must not reach the targets.
 */
export type CanaryRole = "target" | "open" | "closed";

/** The port of the target pod. */
export const targetPort = 8080;

/** The exit code of a closed pod that still reached a target. */
export const stillReached = 10;

/** The time limit of the whole canary, in milliseconds. The pods' activeDeadlineSeconds is the same, as a backstop. */
export const canaryMilliseconds = 90_000;

/** The kubelet's port on the pod's own node. No NetworkPolicy names the address, and pods can reach it. */
export const nodeTarget: Target = { name: "node", host: "$NODE_ADDRESS", port: 10_250, isRequired: false };
/** The name servers of the pod itself. */
export const dnsTarget: Target = { name: "dns", host: "the cluster's DNS", port: 53, isRequired: false };
/** The metadata service of clouds, which serves credentials among other things. */
export const metadataTarget: Target = { name: "metadata", host: "169.254.169.254", port: 80, isRequired: false };

/** Prefix of the line in which the open pod logs the names of all targets that it reached. */
export const reachedMark = "reached:";

// `nc` exits with 1 if it could not connect; any other failure means that it could not try. The name exists in every
// cluster; its domain is the entry with `svc.` in the pod's own search list.
const attempts = `
tcp() { nc -w 1 "$1" "$2" < /dev/null > /dev/null 2>&1; }
domain=$(sed -n 's/^search.* \\(svc\\.[^ ]*\\).*/\\1/p' /etc/resolv.conf)
dns() { timeout 2 nslookup "kubernetes.default.$domain" > /dev/null 2>&1 || return 1; }`;

const attempt = ({ name, host, port }: Target): string => (name === "dns" ? "dns" : `tcp "${host}" ${port}`);
const wordsOf = ({ name, host, port }: Target): string =>
  name === "dns" ? host : `${canaryTargetsInWords([name])} (${host} port ${port})`;

/**
 * Tries all targets in parallel, because each denied one runs into its time-out. The exit codes are in /tmp/0, /tmp/1
 * and so on.
 */
const round = (targets: readonly Target[]): string => `
look() {
${targets.map((target, index) => `  (${attempt(target)}; echo $? > /tmp/${index}) &`).join("\n")}
  wait
}
code() { read -r value < "/tmp/$1"; [ "$value" = 0 ] || [ "$value" = 1 ] || { echo "nc ended with $value"; exit 3; }; return "$value"; }`;

const scripts: Readonly<Record<CanaryRole, (targets: readonly Target[]) => string>> = {
  target: () => `exec httpd -f -p ${targetPort} -h /tmp`,
  // Policies take a moment to apply to a new pod, so the first attempts may fail.
  open: (targets) => `
${attempts}
${round(targets)}
needed="${targets.flatMap(({ isRequired }, index) => (isRequired ? index : [])).join(" ")}"
name() { case "$1" in
${targets.map((target, index) => `  ${index}) echo "${wordsOf(target)}";;`).join("\n")}
esac; }
all() { for one in $needed; do code "$one" || { missed=$(name "$one"); return 1; }; done; }
for attempt in 1 2 3 4 5 6 7 8 9 10; do
  look
  all && break
  [ $attempt != 10 ] || { echo "$missed cannot be reached even where a policy allows it"; exit 1; }
  sleep 1
done
look
found=
${targets.map(({ name }, index) => `code ${index} && { found="$found ${name}"; more="$more ${index}"; }`).join("\n")}
echo "${reachedMark}$found"
needed="$more"
: > /tmp/reached
# On a busy node one attempt may take too long: only several in a row are an outage. No verdict is found meanwhile.
missing=0
while [ $missing != 3 ]; do
  sleep 1
  look
  if all; then missing=0; : > /tmp/reached; else missing=$((missing + 1)); rm -f /tmp/reached; fi
done
echo "$missed could no longer be reached"
exit 1`,
  // Policies take a moment here, too: a target only counts as closed after several denials in a row.
  closed: (targets) => `
${attempts}
${round(targets)}
denied=0
for attempt in 1 2 3 4 5 6 7 8 9 10; do
  open=
  look
${targets.map((target, index) => `  code ${index} && open="${wordsOf(target)}"`).join("\n")}
  if [ -z "$open" ]; then denied=$((denied + 1)); else denied=0; fi
  [ $denied != 3 ] || exit 0
  [ -z "$open" ] || sleep 1
done
echo "$open was reached although no policy allows it"
exit ${stillReached}`,
};

const labelsOf = (id: string, role?: CanaryRole): Record<string, string> => ({
  [partOfLabel]: managedByKgents,
  [managedByLabel]: managedByKgents,
  [canaryLabel]: id,
  ...(role && { [canaryRoleLabel]: role }),
});

const nameOf = (id: string, what: string): string => `kgents-canary-${id}-${what}`;

/** Where a pod of the canary runs. */
export interface CanaryPlace {
  readonly id: string;
  readonly namespace: string;
  readonly node?: string | undefined;
  /** The canary runs on the nodes that cells run on, and pulls its image as cells do. It takes no devices from them. */
  readonly template?: PodTemplate | undefined;
}

const canaryTemplate = ({
  nodeSelector,
  tolerations,
  affinity,
  schedulerName,
  imagePullSecrets,
}: PodTemplate = {}) => ({
  ...(nodeSelector && { nodeSelector }),
  ...(tolerations && { tolerations }),
  ...(affinity && { affinity }),
  ...(schedulerName !== undefined && { schedulerName }),
  ...(imagePullSecrets && { imagePullSecrets }),
});

/** A pod of the canary. */
export function canaryPod(
  place: CanaryPlace,
  role: CanaryRole,
  language: Language,
  targets: readonly Target[],
): Manifest & { spec: object } {
  const { id, namespace, node, template } = place;
  const plain = cellPod(shapeOf(validateRequest({ code: "true", language: "sh" }), language));
  const spec = podWithTemplate(plain, canaryTemplate(template));
  const [container] = spec.containers;
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: nameOf(id, role), namespace, labels: labelsOf(id, role) },
    spec: {
      ...spec,
      activeDeadlineSeconds: canaryMilliseconds / 1000,
      // Use the node of the open pod, because the network of another node may be broken.
      ...(node !== undefined && { affinity: onNode(node) }),
      containers: [
        {
          ...container,
          command: ["sh", "-c", scripts[role](targets)],
          env: [{ name: "NODE_ADDRESS", valueFrom: { fieldRef: { fieldPath: "status.hostIP" } } }],
          terminationMessagePolicy: "FallbackToLogsOnError",
          ...(role === "open" && {
            readinessProbe: {
              exec: { command: ["test", "-e", "/tmp/reached"] },
              periodSeconds: 1,
              failureThreshold: 1,
            },
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

/** The policies: the open pod gets all egress. The target accepts both pods, so that only egress decides. */
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
