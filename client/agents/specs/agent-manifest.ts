/**
 * Agents as their authors write them: without defaults, so that applying one sets no field that its author left out.
 *
 * @module
 */
import { type AgentIssue, type AgentSpecInput, agentSpecSchema, parseAgent } from "#core/agents/agent";
import type { agentApiVersion, agentKind } from "#core/agents/names";
import { dnsLabelRule } from "#core/text/dns-label";

/** An Agent as its author writes it. */
export interface AgentManifest {
  readonly apiVersion: typeof agentApiVersion;
  readonly kind: typeof agentKind;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec: AgentSpecInput;
}

/** The fields of an Agent's spec. */
export const specFields: readonly string[] = Object.keys(agentSpecSchema.shape);

const longestNamespace = 63;

/** A mistake in an Agent. */
export interface ManifestIssue extends Pick<AgentIssue, "path" | "message"> {
  /** Whether it concerns the key at the end of the path, not its value. */
  readonly atKey: boolean;
}

function namespaceIssue(namespace: unknown): ManifestIssue[] {
  const { pattern, allowed } = dnsLabelRule(longestNamespace);
  if (namespace === undefined) return [];
  if (typeof namespace === "string" && namespace.length <= longestNamespace && pattern.test(namespace)) return [];
  return [
    {
      path: ["metadata", "namespace"],
      atKey: false,
      message: `got ${JSON.stringify(namespace)}; allowed is ${allowed}`,
    },
  ];
}

/** Everything that is wrong with an Agent. */
export function manifestIssues(agent: AgentManifest): ManifestIssue[] {
  const { issues = [] } = parseAgent(agent);
  return [
    ...issues.map(({ path, message }) => ({ path, message, atKey: message.startsWith("got an unknown field") })),
    ...namespaceIssue(agent.metadata?.namespace),
  ];
}
