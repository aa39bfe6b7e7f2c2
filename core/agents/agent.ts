/**
 * The Agent resource: its types, and the check of a whole object.
 *
 * @module
 */

import { z } from "zod";
import { strict } from "../contract/fields.ts";
import { labelKeyField, labelValueField } from "../contract/labels.ts";
import type { ManagedFields } from "../manifest/object-metadata.ts";
import { type AgentIssue, agentIssues, issueAt } from "./agent-issues.ts";
import { type AgentSpec, agentSpecSchema } from "./agent-spec.ts";
import type { AgentStatus } from "./agent-status-schema.ts";
import { patternText } from "./fields.ts";
import { agentApiVersion, agentKind } from "./names.ts";

export type { AgentIssue } from "./agent-issues.ts";
export {
  type AgentResources,
  type AgentSpec,
  type AgentSpecInput,
  type AgentVariable,
  agentSpecSchema,
} from "./agent-spec.ts";
export type { AgentStatus } from "./agent-status-schema.ts";

/** The rule for an Agent's name. A Service has the same name, and pods and ids longer ones. */
export const agentNameRule = "at most 50 of a-z 0-9 - that begin with a letter and do not end with -";
/** The pattern of an Agent's name. */
export const agentNamePattern = /^[a-z]([-a-z0-9]{0,48}[a-z0-9])?$/;

/** An Agent's name. */
export const agentNameField = () => patternText(agentNamePattern, 50, agentNameRule);

/** The metadata of an Agent. The API server sets what an author leaves out. */
export interface AgentMetadata {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly generation?: number;
  readonly resourceVersion?: string;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly managedFields?: readonly ManagedFields[];
}

/** An Agent: a long-lived, hardened program in the cluster. */
export interface Agent {
  readonly apiVersion: typeof agentApiVersion;
  readonly kind: typeof agentKind;
  readonly metadata: AgentMetadata;
  readonly spec: AgentSpec;
  /** Written by the operator. */
  readonly status?: AgentStatus;
}

const labelKeyRule = "a label's key";
const labelValueRule = "a label's value: at most 63 of A-Z a-z 0-9 - _ .";

const agentSchema = strict(
  {
    apiVersion: z.literal(agentApiVersion, { error: agentApiVersion }),
    kind: z.literal(agentKind, { error: agentKind }),
    // All else in it is checked by the API server.
    metadata: z.looseObject(
      {
        name: agentNameField(),
        labels: z
          .record(labelKeyField(labelKeyRule), labelValueField(labelValueRule), { error: "an object of labels" })
          .exactOptional(),
        annotations: z
          .record(labelKeyField("an annotation's key"), z.string({ error: "text" }), { error: "an object of texts" })
          .exactOptional(),
      },
      { error: "an object with name" },
    ),
    spec: agentSpecSchema,
    status: z.unknown().optional(),
  },
  "an object with apiVersion, kind, metadata and spec",
);

/** An Agent that keeps all rules, or every rule that it breaks. */
export type ParsedAgent =
  | { readonly agent: Agent; readonly issues?: undefined }
  | { readonly agent?: undefined; readonly issues: readonly AgentIssue[] };

/** zod silently drops `__proto__` from records. */
const hiddenSetting = ({ spec: { config } }: { readonly spec: AgentSpec }): AgentIssue | undefined =>
  config && Object.hasOwn(config, "__proto__")
    ? issueAt(["spec", "config", "__proto__"], 'the name "__proto__"', "any other name")
    : undefined;

/**
 * Checks an object, and fills in the defaults that the API server would store. Everything that is wrong is reported.
 * Values of fields that may hold secrets are in no message.
 */
export function parseAgent(object: unknown): ParsedAgent {
  // Few objects are checked in one process: without `jitless`, zod compiles the schema first, which takes longer.
  const parsed = agentSchema.safeParse(object, { jitless: true });
  if (!parsed.success) return { issues: agentIssues(parsed.error, object) };
  const hidden = hiddenSetting(object as { spec: AgentSpec });
  if (hidden !== undefined) return { issues: [hidden] };
  return { agent: parsed.data as Agent };
}
