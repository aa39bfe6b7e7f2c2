/** The objects that an Agent consists of. */
import { describe, expect, it } from "vitest";
import { type Agent, parseAgent } from "#core/agents/agent";
import { endpointOf, renderChildren, specHashOf } from "#core/agents/children";
import { configHashAnnotation } from "#core/agents/names";
import { fnv1a64 } from "#core/text/fnv";
import { agentOf, goodAgents } from "../../support/agents.ts";

const parsed = (object: object): Agent => {
  const { agent, issues } = parseAgent(object);
  if (agent) return agent;
  throw new Error(JSON.stringify(issues));
};
const rendered = (spec: object = {}, metadata: object = {}) => {
  const children = renderChildren(parsed(agentOf(spec, metadata)));
  const one = <Kind extends string>(kind: Kind) => children.find((child) => child.kind === kind) as never;
  return { children, one };
};
const deploymentOf = (spec: object = {}) => rendered(spec).one("Deployment") as { spec: Record<string, never> };
const templateOf = (spec: object = {}) => (deploymentOf(spec).spec as { template: never }).template as Template;

interface Template {
  readonly metadata: { readonly labels: Record<string, string>; readonly annotations: Record<string, string> };
  readonly spec: Record<string, unknown> & {
    readonly containers: readonly Container[];
    readonly initContainers?: readonly Container[];
  };
}
interface Container {
  readonly command: readonly string[];
  readonly args?: readonly string[];
  readonly env: readonly { name: string; value?: string }[];
  readonly resources: object;
  readonly [field: string]: unknown;
}

const containersOf = ({ spec }: Template): readonly Container[] => [...(spec.initContainers ?? []), ...spec.containers];
const [programOf, variablesOf] = [
  (spec: object) => templateOf(spec).spec.containers[0] as Container,
  ({ env }: Container) => Object.fromEntries(env.map(({ name, value }) => [name, value])),
];

describe.each(goodAgents)("every Agent: %s", (_, object) => {
  const children = renderChildren(parsed(object));

  it("has each kind at most once, with its labels", () => {
    const kinds = children.map(({ kind }) => kind);
    expect(new Set(kinds).size).toBe(kinds.length);
    const { name, ...metadata } = (object as { metadata: { name: string } }).metadata;
    expect(metadata).not.toBeNull();
    for (const child of children) {
      expect(child.metadata.labels).toMatchObject({
        "app.kubernetes.io/managed-by": "kgents",
        "kgents.io/agent": name,
      });
      expect(child.metadata).not.toHaveProperty("ownerReferences");
      expect(child.metadata.namespace).toBe("kgents-agents");
    }
  });

  it("is restricted, without a token, each container with limits and each variable once", () => {
    const deployment = children.find(({ kind }) => kind === "Deployment") as unknown as {
      spec: { template: Template };
    };
    const { template } = deployment.spec;
    expect(template.spec).toMatchObject({
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      securityContext: { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } },
    });
    for (const key of ["hostNetwork", "hostPID", "hostIPC", "nodeName"]) expect(template.spec).not.toHaveProperty(key);
    for (const container of containersOf(template)) {
      expect(container.securityContext).toEqual({
        runAsNonRoot: true,
        readOnlyRootFilesystem: true,
        allowPrivilegeEscalation: false,
        privileged: false,
        capabilities: { drop: ["ALL"] },
        seccompProfile: { type: "RuntimeDefault" },
      });
      expect(Object.keys((container.resources as { limits: object }).limits)).toHaveLength(3);
      expect(new Set(container.env.map(({ name }) => name)).size).toBe(container.env.length);
      expect(container.command.length).toBeGreaterThan(0);
    }
  });
});

it("belongs to its Agent as soon as that has a uid", () => {
  for (const { metadata } of rendered({}, { uid: "u-1", namespace: "other" }).children) {
    expect(metadata).toMatchObject({
      namespace: "other",
      ownerReferences: [
        {
          apiVersion: "kgents.io/v1",
          kind: "Agent",
          name: "b-gent",
          uid: "u-1",
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
    });
  }
});

it("has the names of the contract, in the order of application", () => {
  expect(rendered().children.map(({ kind, metadata }) => `${kind} ${metadata.name}`)).toEqual([
    "ServiceAccount agent-b-gent",
    "ConfigMap agent-b-gent",
    "NetworkPolicy agent-b-gent",
    "Service b-gent",
    "Deployment b-gent",
  ]);
});

describe("a Deployment", () => {
  it("selects by the Agent's name and nothing else", () => {
    expect(deploymentOf().spec.selector).toEqual({
      matchLabels: { "kgents.io/agent": "b-gent", "kgents.io/genus": "B" },
    });
  });

  it.each([0, 1, 10])("has %d replicas", (replicas) => {
    expect(deploymentOf({ replicas }).spec.replicas).toBe(replicas);
  });

  it("keeps the old pods until a new one is ready, or ends them first", () => {
    expect(deploymentOf().spec.strategy).toEqual({
      type: "RollingUpdate",
      rollingUpdate: { maxUnavailable: 0, maxSurge: 1 },
    });
    expect(deploymentOf({ updateStrategy: "Recreate" }).spec.strategy).toEqual({ type: "Recreate" });
  });

  it("rolls when what is mounted changes, and only then", () => {
    const hashOf = (spec: object) => templateOf(spec).metadata.annotations[configHashAnnotation];
    const hashes = [{}, { config: { a: 1 } }, { config: { a: 2 } }, { instructions: "a" }, { instructions: "" }];
    expect(new Set(hashes.map(hashOf)).size).toBe(hashes.length);
    expect(hashOf({ config: { a: 1, b: { c: 1, d: 2 } } })).toBe(hashOf({ config: { b: { d: 2, c: 1 }, a: 1 } }));
    expect(hashOf({ replicas: 3 })).toBe(hashOf({}));
  });
});

describe("the program", () => {
  it.each([
    ["an entrypoint", { args: ["-v"] }, ["python", "-m", "agents.b.main"], ["-v"]],
    ["a command", { entrypoint: undefined, command: ["a", "b"] }, ["a", "b"], undefined],
  ])("is %s", (_, spec, command, args) => {
    const { entrypoint, ...rest } = { entrypoint: "agents.b.main", ...spec };
    const object = { ...agentOf(), spec: { genus: "B", ...(entrypoint && { entrypoint }), ...rest } };
    const deployment = renderChildren(parsed(object)).find(({ kind }) => kind === "Deployment") as never as {
      spec: { template: Template };
    };
    const [container] = deployment.spec.template.spec.containers;
    expect({ command: container?.command, args: container?.args }).toEqual({ command, args });
  });

  it("is a sleep that ends at once in a placeholder, which has neither port nor Service", () => {
    const agent = parsed({ ...agentOf(), spec: { genus: "B", placeholder: true } });
    const children = renderChildren(agent);
    expect(children.map(({ kind }) => kind)).not.toContain("Service");
    expect(endpointOf(agent)).toBeUndefined();
    expect(JSON.stringify(children)).toContain("trap 'exit 0' TERM");
    expect(JSON.stringify(children)).not.toContain("containerPort");
    expect(children.find(({ kind }) => kind === "NetworkPolicy")).toMatchObject({ spec: { ingress: [], egress: [] } });
  });

  it("finds its settings as variables and as a file", () => {
    const config = { "log-level": "debug", n: 3, on: true, price: "$(HOME) $5", nested: { a: 1 }, none: null };
    const variables = variablesOf(programOf({ config }));
    expect(variables).toMatchObject({
      KGENTS_LOG_LEVEL: "debug",
      KGENTS_N: "3",
      KGENTS_ON: "true",
      // Kubernetes reads two dollars as one.
      KGENTS_PRICE: "$$(HOME) $$5",
      KGENTS_AGENT_NAME: "b-gent",
      KGENTS_AGENT_NAMESPACE: "kgents-agents",
      KGENTS_GENUS: "B",
      KGENTS_PORT: "8080",
    });
    expect(Object.keys(variables)).not.toContain("KGENTS_NESTED");
    const { data } = rendered({ config, instructions: "# B" }).one("ConfigMap") as { data: Record<string, string> };
    expect(JSON.parse(data["config.json"] ?? "")).toEqual(config);
    expect(data["spec.md"]).toBe("# B");
  });

  it("may set any variable but those of kgents", () => {
    const env = [
      { name: "HOME", value: "/state" },
      { name: "KEY", secretKeyRef: { name: "s", key: "k" } },
    ];
    const container = programOf({ env });
    expect(variablesOf(container)).toMatchObject({ HOME: "/state", TMPDIR: "/tmp" });
    expect(container.env.at(-1)).toEqual({ name: "KEY", valueFrom: { secretKeyRef: { name: "s", key: "k" } } });
  });

  it("has a probe only if it asks for one", () => {
    expect(programOf({})).not.toHaveProperty("readinessProbe");
    expect(programOf({ probe: { path: "/ready" } }).readinessProbe).toEqual({
      httpGet: { path: "/ready", port: 8080 },
      periodSeconds: 10,
      failureThreshold: 3,
    });
  });
});

describe("resources", () => {
  it.each([
    [{}, ["100m", "256Mi", "256Mi"], ["50m", "128Mi", "128Mi"]],
    [{ resources: { cpu: 2, memory: "1Gi" } }, ["2", "1Gi", "256Mi"], ["1", "512Mi", "128Mi"]],
    [{ resources: { requests: { cpu: "1" } } }, ["1", "256Mi", "256Mi"], ["1", "128Mi", "128Mi"]],
    [{ resources: { cpu: "15m", requests: { memory: "16Mi" } } }, ["15m", "256Mi", "256Mi"], ["8m", "16Mi", "128Mi"]],
    [{ state: { size: "1Gi" } }, ["100m", "256Mi", "1216Mi"], ["50m", "128Mi", "608Mi"]],
  ])("%#: of %j", (spec, limits, requests) => {
    const named = ([cpu, memory, disk]: string[]) => ({ cpu, memory, "ephemeral-storage": disk });
    expect(programOf(spec).resources).toEqual({ limits: named(limits), requests: named(requests) });
  });
});

describe("a sidecar", () => {
  const sidecar = { enabled: true, image: "d:1", command: ["d"], env: [{ name: "A", value: "1" }] };

  it("starts before the program, and shares /state", () => {
    const { initContainers = [], containers } = templateOf({ sidecar }).spec;
    expect(initContainers).toMatchObject([{ name: "sidecar", image: "d:1", command: ["d"], restartPolicy: "Always" }]);
    expect(initContainers[0]?.volumeMounts).toEqual(containers[0]?.volumeMounts);
    expect(variablesOf(initContainers[0] as Container)).toMatchObject({ A: "1", KGENTS_GENUS: "B" });
  });

  it("is left out unless it is enabled", () => {
    expect(templateOf({ sidecar: { ...sidecar, enabled: false } }).spec).not.toHaveProperty("initContainers");
  });
});

describe("the network", () => {
  const policyOf = (spec: object) =>
    (
      rendered(spec).one("NetworkPolicy") as {
        spec: { ingress: object[]; egress: { to: object[]; ports?: object[] }[] };
      }
    ).spec;

  it("is closed, but for those who name this genus as a peer", () => {
    expect(policyOf({ port: 9000 })).toEqual({
      podSelector: { matchLabels: { "kgents.io/agent": "b-gent", "kgents.io/genus": "B" } },
      policyTypes: ["Ingress", "Egress"],
      ingress: [
        {
          from: [{ podSelector: { matchLabels: { "kgents.io/peer-B": "true" } } }],
          ports: [{ protocol: "TCP", port: 9000 }],
        },
      ],
      egress: [],
    });
  });

  it("opens to peers on both sides, with DNS", () => {
    const spec = { networkPolicy: { allowedPeers: ["L", "F"] } };
    const { egress } = policyOf(spec);
    expect(egress[0]?.ports).toEqual([
      { protocol: "UDP", port: 53 },
      { protocol: "TCP", port: 53 },
    ]);
    expect(egress.slice(1)).toEqual([
      {
        to: [
          { podSelector: { matchLabels: { "kgents.io/genus": "F" } } },
          { podSelector: { matchLabels: { "kgents.io/genus": "L" } } },
        ],
      },
    ]);
    expect(templateOf(spec).metadata.labels).toMatchObject({
      "kgents.io/genus": "B",
      "kgents.io/peer-F": "true",
      "kgents.io/peer-L": "true",
    });
  });

  it("opens to public addresses as that of cells does", async () => {
    const { loadManifests } = await import("#cells/kubernetes/infra/manifests");
    const cells = (await loadManifests("kgents-ephemeral")).find(
      ({ metadata }) => metadata.name === "kgents-public-egress",
    ) as unknown as { spec: { egress: object[] } };
    expect(policyOf({ networkPolicy: { allowEgress: true } }).egress).toEqual(cells.spec.egress);
  });
});

it("has a hash of its spec", () => {
  const hash = (spec: object) => specHashOf(parsed(agentOf(spec)));
  expect(hash({})).toMatch(/^[0-9a-f]{16}$/);
  expect(hash({ port: 8080 })).toBe(hash({}));
  expect(hash({ port: 8081 })).not.toBe(hash({}));
});

it.each([
  ["", "cbf29ce484222325"],
  ["a", "af63dc4c8601ec8c"],
  ["foobar", "85944171f73967e8"],
])("FNV-1a of %j is %s", (text, hash) => {
  expect(fnv1a64(text)).toBe(hash);
});
