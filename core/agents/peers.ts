/**
 * Which Agents reach which others. A NetworkPolicy of an Agent lets in the pods that carry the label of its genus, and
 * the pods of an Agent carry a label for each genus in `allowedPeers`. So neither side computes over other Agents.
 *
 * @module
 */
import { rangeHolds, type SpecialRange, specialRanges4, specialRanges6 } from "../manifest/special-addresses.ts";
import type { Agent } from "./agent.ts";
import { type ChildObject, metadataOf, selectorOf, supportName } from "./child-objects.ts";
import { genusLabel, peerLabel } from "./names.ts";

/** The genera that an Agent may connect to, in a fixed order. */
const peersOf = ({ spec }: Agent): readonly string[] => [...(spec.networkPolicy?.allowedPeers ?? [])].sort();

/** The labels by which the Agents that an Agent may reach let it in. */
export const peerLabels = (agent: Agent): Readonly<Record<string, string>> =>
  Object.fromEntries(peersOf(agent).map((genus) => [peerLabel(genus), "true"]));

const rangesWithin = (range: string, special: readonly SpecialRange[]): readonly string[] =>
  special.map((each) => each.range).filter((each) => rangeHolds(range, each));

const publicRange = (cidr: string, special: readonly SpecialRange[]) => ({
  ipBlock: { cidr, except: rangesWithin(cidr, special) },
});

/** Public addresses: none that is private to the cluster or its cloud. */
const publicEgress = {
  to: [publicRange("0.0.0.0/0", specialRanges4), publicRange("2000::/3", specialRanges6)],
};

const dnsEgress = {
  to: [
    {
      namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "kube-system" } },
      podSelector: { matchLabels: { "k8s-app": "kube-dns" } },
    },
  ],
  ports: [
    { protocol: "UDP", port: 53 },
    { protocol: "TCP", port: 53 },
  ],
};

const labelled = (label: string, value: string) => ({ podSelector: { matchLabels: { [label]: value } } });

function egressOf(agent: Agent): readonly object[] {
  const peers = peersOf(agent).map((genus) => labelled(genusLabel, genus));
  const open = [
    ...(peers.length > 0 ? [{ to: peers }] : []),
    ...(agent.spec.networkPolicy?.allowEgress ? [publicEgress] : []),
  ];
  // A name is of no use to a pod that reaches nothing.
  return open.length === 0 ? [] : [dnsEgress, ...open];
}

/** A NetworkPolicy. */
export interface NetworkPolicyObject extends ChildObject {
  readonly spec: {
    readonly podSelector: object;
    readonly policyTypes: readonly string[];
    readonly ingress: readonly object[];
    readonly egress: readonly object[];
  };
}

/** The NetworkPolicy of an Agent, for both directions. */
export const networkPolicyOf = (agent: Agent): NetworkPolicyObject => ({
  apiVersion: "networking.k8s.io/v1",
  kind: "NetworkPolicy",
  metadata: metadataOf(agent, supportName(agent)),
  spec: {
    podSelector: { matchLabels: selectorOf(agent) },
    policyTypes: ["Ingress", "Egress"],
    ingress: agent.spec.placeholder
      ? []
      : [
          {
            from: [labelled(peerLabel(agent.spec.genus), "true")],
            ports: [{ protocol: "TCP", port: agent.spec.port }],
          },
        ],
    egress: egressOf(agent),
  },
});
