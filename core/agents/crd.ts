/**
 * The CustomResourceDefinition of Agents, from the schema of `agent-spec.ts`.
 *
 * @module
 */
import { z } from "zod";
import { managedByKgents, managedByLabel } from "../manifest/cluster-names.ts";
import { agentNamePattern, agentNameRule } from "./agent.ts";
import { agentSpecSchema } from "./agent-spec.ts";
import { agentStatusSchema } from "./agent-status-schema.ts";
import { agentCrdName, agentGroup, agentKind, agentPlural, agentVersion } from "./names.ts";
import { validationsKey } from "./rules.ts";
import { type StructuralSchema, structural } from "./structural.ts";

/** A version of a CustomResourceDefinition. */
export interface CrdVersion {
  readonly name: string;
  readonly served: boolean;
  readonly storage: boolean;
  readonly deprecated?: boolean;
  readonly schema?: { readonly openAPIV3Schema?: StructuralSchema };
  readonly subresources?: object;
  readonly additionalPrinterColumns?: readonly object[];
  readonly selectableFields?: readonly { readonly jsonPath: string }[];
}

/** A CustomResourceDefinition, as far as it is read here. */
export interface Crd {
  readonly apiVersion: "apiextensions.k8s.io/v1";
  readonly kind: "CustomResourceDefinition";
  readonly metadata: {
    readonly name: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec: {
    readonly group: string;
    readonly scope: string;
    readonly names: object;
    readonly conversion?: { readonly strategy?: string };
    readonly versions: readonly CrdVersion[];
  };
}

const specSchema = (): StructuralSchema => ({
  ...structural(z.toJSONSchema(agentSpecSchema, { target: "openapi-3.0", io: "input" }), "spec"),
  description: "what runs, and what it may use and reach",
});

const statusSchema = (): StructuralSchema => ({
  ...structural(
    z.toJSONSchema(agentStatusSchema, {
      target: "openapi-3.0",
      io: "input",
    }),
    "status",
  ),
  description: "written by the operator",
});

const text = (description: string): StructuralSchema => ({ description, type: "string" });

/** The schema of a whole Agent. */
const agentJsonSchema = (): StructuralSchema => ({
  description: "A long-lived, hardened program in the cluster with an identity of its own.",
  type: "object",
  required: ["spec"],
  properties: {
    apiVersion: text("kgents.io/v1"),
    kind: text("Agent"),
    metadata: { type: "object", properties: { name: { type: "string", maxLength: 253 } } },
    spec: specSchema(),
    status: statusSchema(),
  },
  [validationsKey]: [
    {
      rule: `self.metadata.name.matches(r'${agentNamePattern.source}')`,
      message: `allowed is ${agentNameRule}`,
      fieldPath: ".metadata.name",
    },
  ],
});

const columns = [
  { name: "Genus", type: "string", jsonPath: ".spec.genus" },
  { name: "Ready", type: "integer", jsonPath: ".status.readyReplicas" },
  { name: "Replicas", type: "integer", jsonPath: ".spec.replicas" },
  { name: "Phase", type: "string", jsonPath: ".status.phase" },
  { name: "Reason", type: "string", jsonPath: '.status.conditions[?(@.type=="Ready")].reason' },
  { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp" },
  { name: "Image", type: "string", jsonPath: ".status.image", priority: 1 },
];

/** The definition of Agents. */
export const agentCrd = (): Crd => ({
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: {
    name: agentCrdName,
    labels: { "app.kubernetes.io/part-of": "kgents", [managedByLabel]: managedByKgents },
  },
  spec: {
    group: agentGroup,
    scope: "Namespaced",
    names: {
      plural: agentPlural,
      singular: "agent",
      kind: agentKind,
      listKind: `${agentKind}List`,
      shortNames: ["ag"],
      categories: ["kgents"],
    },
    versions: [
      {
        name: agentVersion,
        served: true,
        storage: true,
        schema: { openAPIV3Schema: agentJsonSchema() },
        subresources: {
          status: {},
          scale: {
            specReplicasPath: ".spec.replicas",
            statusReplicasPath: ".status.replicas",
            labelSelectorPath: ".status.selector",
          },
        },
        additionalPrinterColumns: columns,
        selectableFields: [{ jsonPath: ".spec.genus" }],
      },
    ],
  },
});
