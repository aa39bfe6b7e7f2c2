/**
 * The schema of an Agent's `spec`: the one source of its types, its checks, the CustomResourceDefinition and its
 * reference page.
 *
 * Only `replicas`, `port` and booleans have a default here. The API server stores defaults with the object, so that they
 * can never change; all others are in `agent-defaults.ts`.
 *
 * @module
 */
import { z } from "zod";
import { flag, strict, wholeNumber } from "../contract/fields.ts";
import { largestUserId } from "../manifest/cell-user.ts";
import { configField } from "./config.ts";
import {
  agentImageField,
  bytesField,
  celQuantity,
  cpuField,
  genusField,
  mapByName,
  objectNameField,
  patternText,
  setOf,
  shortText,
  thousandths,
  wordList,
} from "./fields.ts";
import { type Rule, withRules } from "./rules.ts";

const amounts = (of: string) => ({
  cpu: cpuField().describe(`cpu ${of}`).exactOptional(),
  memory: bytesField("16Mi", "1Ti", "256Mi").describe(`memory ${of}`).exactOptional(),
  ephemeralStorage: bytesField("1Mi", "1Ti", "256Mi")
    .describe(`disk ${of}: logs and what is written to /tmp and /state`)
    .exactOptional(),
});

const amountsRule = "an object with any of cpu, memory, ephemeralStorage";
const resourcesRule = "an object with any of cpu, memory, ephemeralStorage, requests";

/** No request is larger than its limit. */
const requestWithinLimit = (name: "cpu" | "memory" | "ephemeralStorage") => ({
  field: `requests.${name}`,
  allowed: `at most the limit in ${name}`,
  holds: (resources: { requests?: { [key in typeof name]?: unknown } } & { [key in typeof name]?: unknown }) => {
    const [request, limit] = [thousandths(resources.requests?.[name]), thousandths(resources[name])];
    return request === undefined || limit === undefined || request <= limit;
  },
  cel: `!has(self.${name}) || !has(self.requests) || !has(self.requests.${name}) || !isQuantity(string(self.${name})) || !isQuantity(string(self.requests.${name})) || ${celQuantity(`self.requests.${name}`)}.compareTo(${celQuantity(`self.${name}`)}) <= 0`,
});

const resourcesField = () =>
  withRules(
    strict(
      {
        ...amounts("that it may use at most"),
        requests: strict(amounts("that is reserved for it"), amountsRule)
          .describe("what is reserved on the node")
          .exactOptional(),
      },
      resourcesRule,
    ),
    [requestWithinLimit("cpu"), requestWithinLimit("memory"), requestWithinLimit("ephemeralStorage")],
  );

const variableRule = "a name of at most 128 letters, digits and _, not first a digit";
const environmentRule = "at most 64 objects with name, and value or secretKeyRef";
const secretRule = "an object with name and key, of a Secret in the Agent's namespace";

const variable = withRules(
  strict(
    {
      name: withRules(patternText(/^[A-Za-z_][A-Za-z0-9_]*$/, 128, variableRule), [
        {
          allowed: "a name that does not begin with KGENTS_: those are set from config",
          holds: (name) => !name.startsWith("KGENTS_"),
          cel: "!self.startsWith('KGENTS_')",
        },
      ]).describe("the variable's name"),
      value: shortText(4096, "text of at most 4096 characters without NUL").describe("its value").exactOptional(),
      secretKeyRef: strict(
        {
          name: objectNameField("the name of a Secret").describe("the Secret's name"),
          key: patternText(/^[-._a-zA-Z0-9]+$/, 253, "a key of the Secret: at most 253 of A-Z a-z 0-9 - _ .").describe(
            "the key in it",
          ),
        },
        secretRule,
      )
        .describe("its value is a key of a Secret in the Agent's namespace")
        .exactOptional(),
    },
    "an object with name, and value or secretKeyRef",
  ),
  [
    {
      allowed: "either value or secretKeyRef",
      holds: ({ value, secretKeyRef }) => (value === undefined) !== (secretKeyRef === undefined),
      cel: "has(self.value) != has(self.secretKeyRef)",
    },
  ],
);

const environmentField = () => mapByName(variable, 64, environmentRule);

const sidecarSchema = withRules(
  strict(
    {
      enabled: flag().default(false).describe("whether the sidecar runs"),
      image: agentImageField().describe("its image, with a tag or digest").exactOptional(),
      command: wordList(1, 32, "words").describe("its command").exactOptional(),
      args: wordList(0, 64, "words").describe("further arguments of its command").exactOptional(),
      env: environmentField().describe("its environment variables").exactOptional(),
      resources: resourcesField().describe("its limits and requests").exactOptional(),
    },
    "an object with any of enabled, image, command, args, env, resources",
  ),
  (["image", "command"] as const).map((field) => ({
    field,
    allowed: `a value: an enabled sidecar needs image and command`,
    holds: (sidecar) => sidecar.enabled !== true || sidecar[field] !== undefined,
    cel: `!self.enabled || has(self.${field})`,
  })),
);

const updateStrategies = ["RollingUpdate", "Recreate"] as const;
const updateRule = updateStrategies.join(" or ");
const pathRule = "a path of at most 1024 visible ASCII characters that begins with /";

const fields = {
  genus: withRules(
    genusField(),
    [],
    [{ rule: "self == oldSelf", message: "genus is immutable: delete the Agent, and create it again" }],
  ).describe("the kind of agent, by which others name it as a peer; immutable"),
  description: shortText(1024, "text of at most 1024 characters without NUL")
    .describe("what the Agent is for")
    .exactOptional(),
  image: agentImageField().describe("the image, with a tag or digest, not `latest`").exactOptional(),
  entrypoint: patternText(
    /^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$/,
    253,
    "a dotted module name of at most 253 characters, such as agents.b.main",
  )
    .describe("the Python module that is run: `python -m <entrypoint>`")
    .exactOptional(),
  command: wordList(1, 32, "words").describe("the command that is run, instead of an entrypoint").exactOptional(),
  args: wordList(0, 64, "words").describe("arguments of the entrypoint or the command").exactOptional(),
  placeholder: flag().default(false).describe("a pod that only sleeps, in the place of a program to come"),
  replicas: wholeNumber(0, 10).default(1).describe("the number of pods"),
  resources: resourcesField().describe("limits and requests of the container").exactOptional(),
  sidecar: sidecarSchema
    .describe("a second container that starts before the program and ends after it; both share /state")
    .exactOptional(),
  state: strict({ size: bytesField("1Mi", "10Gi", "64Mi").describe("its size").exactOptional() }, "an object with size")
    .describe("the directory /state, which lasts as long as the pod")
    .exactOptional(),
  config: configField()
    .describe(
      "free settings of at most 64 KiB: all of it is /etc/kgents/config.json, and each plain value the variable `KGENTS_<KEY>`",
    )
    .exactOptional(),
  instructions: shortText(65_536, "text of at most 65536 characters without NUL")
    .describe("text that the program finds as /etc/kgents/spec.md")
    .exactOptional(),
  env: environmentField().describe("environment variables").exactOptional(),
  port: wholeNumber(1024, 65_535).default(8080).describe("the port of the container and the Service"),
  probe: strict(
    {
      path: patternText(/^\/[\x21-\x7e]*$/, 1024, pathRule).describe("the path that answers 200 when it is ready"),
      periodSeconds: wholeNumber(1, 300).describe("seconds between two requests").exactOptional(),
      failureThreshold: wholeNumber(1, 30).describe("failures in a row until it counts as not ready").exactOptional(),
    },
    "an object with path, and any of periodSeconds, failureThreshold",
  )
    .describe("a readiness probe by HTTP on `port`")
    .exactOptional(),
  networkPolicy: strict(
    {
      allowEgress: flag().default(false).describe("whether public addresses can be reached"),
      allowedPeers: setOf(genusField(), 32, "at most 32 genera")
        .describe("genera of the Agents in the same namespace that it may connect to")
        .exactOptional(),
    },
    "an object with any of allowEgress, allowedPeers",
  )
    .describe("what the pods may reach; without it nothing")
    .exactOptional(),
  runAsUser: wholeNumber(1, largestUserId).describe("the user and group id of the containers").exactOptional(),
  runtimeClassName: objectNameField("the name of a runtime class")
    .describe("a runtime class, such as gvisor")
    .exactOptional(),
  imagePullSecrets: mapByName(
    strict(
      { name: objectNameField("the name of a Secret").describe("the Secret's name") },
      "an object with name, the name of a Secret",
    ),
    8,
    "at most 8 objects with name",
  )
    .describe("Secrets in the Agent's namespace for pulling images")
    .exactOptional(),
  updateStrategy: z
    .enum(updateStrategies, { error: updateRule })
    .describe("how pods are replaced after a change: one after another, or all at once after the old ones ended")
    .exactOptional(),
  terminationGracePeriodSeconds: wholeNumber(0, 3600).describe("seconds between SIGTERM and SIGKILL").exactOptional(),
};

type Spec = z.output<z.ZodObject<typeof fields>>;

/** What runs is said exactly once. */
const programRules: readonly Rule<Spec>[] = [
  {
    field: "entrypoint",
    allowed: "one of entrypoint, command and placeholder: true",
    holds: ({ entrypoint, command, placeholder }) =>
      entrypoint !== undefined || command !== undefined || placeholder === true,
    cel: "has(self.entrypoint) || has(self.command) || self.placeholder",
  },
  {
    field: "command",
    allowed: "either entrypoint or command",
    holds: ({ entrypoint, command }) => entrypoint === undefined || command === undefined,
    cel: "!has(self.entrypoint) || !has(self.command)",
  },
  {
    field: "placeholder",
    allowed: "false, where there is an entrypoint, a command, args or a probe",
    holds: ({ placeholder, entrypoint, command, args, probe }) =>
      placeholder !== true || [entrypoint, command, args, probe].every((field) => field === undefined),
    cel: "!self.placeholder || !(has(self.entrypoint) || has(self.command) || has(self.args) || has(self.probe))",
  },
];

/** The schema of an Agent's spec, as its author writes it. */
export const agentSpecSchema = withRules(strict(fields, "an object with an Agent's fields"), programRules);

/** An Agent's spec, with the defaults that the API server stores. */
export type AgentSpec = z.output<typeof agentSpecSchema>;

/** An Agent's spec as its author writes it. */
export type AgentSpecInput = z.input<typeof agentSpecSchema>;

/** Limits and requests of a container. */
export type AgentResources = NonNullable<AgentSpec["resources"]>;

/** An environment variable. */
export type AgentVariable = NonNullable<AgentSpec["env"]>[number];
