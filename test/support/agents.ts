/** Agents, good and bad, that zod and the API server must judge alike. */
import { agentApiVersion, agentKind } from "#core/agents/names";

/** The smallest Agent, with other fields in its spec. */
export const agentOf = (spec: object = {}, metadata: object = {}): Record<string, unknown> => ({
  apiVersion: agentApiVersion,
  kind: agentKind,
  metadata: { name: "b-gent", ...metadata },
  spec: { genus: "B", entrypoint: "agents.b.main", ...spec },
});

const bare = (spec: object): Record<string, unknown> => ({ ...agentOf(), spec });

const sidecar = {
  enabled: true,
  image: "registry.example.com/d-gent:1",
  command: ["python", "-m", "agents.d.sidecar"],
};

/** Agents that are accepted, each with what it shows. */
export const goodAgents: readonly (readonly [what: string, agent: object])[] = [
  ["the smallest", agentOf()],
  ["a command instead of an entrypoint", bare({ genus: "L", command: ["sh", "-c", "sleep 9"], args: ["", "x"] })],
  ["a placeholder", bare({ genus: "Psi", placeholder: true })],
  ["no replicas", agentOf({ replicas: 0 })],
  ["ten replicas", agentOf({ replicas: 10 })],
  ["the longest genus", agentOf({ genus: "Abcdefghijklmnop" })],
  ["the longest name", agentOf({}, { name: `a${"b".repeat(48)}c` })],
  ["a name of one letter", agentOf({}, { name: "a" })],
  ["labels and annotations", agentOf({}, { labels: { team: "red" }, annotations: { "example.com/note": "a\nb" } })],
  ["the original's resources", agentOf({ resources: { cpu: "100m", memory: "256Mi" } })],
  ["quantities as numbers", agentOf({ resources: { cpu: 2, memory: 268435456, requests: { cpu: 1 } } })],
  ["decimal quantities", agentOf({ resources: { cpu: "0.5", memory: "1.5Gi", ephemeralStorage: "1.5Mi" } })],
  [
    "requests that are the limits in another notation",
    agentOf({ resources: { cpu: "1", memory: "1Gi", requests: { cpu: "1000m", memory: "1024Mi" } } }),
  ],
  ["requests without limits", agentOf({ resources: { requests: { cpu: "4" } } })],
  ["the bounds of quantities", agentOf({ resources: { cpu: "256", memory: "16Mi", ephemeralStorage: "1Ti" } })],
  ["a sidecar", agentOf({ sidecar })],
  ["a sidecar that is off, without a program", agentOf({ sidecar: { enabled: false } })],
  ["a sidecar by its default off", agentOf({ sidecar: { image: "a:1" } })],
  ["a state directory", agentOf({ state: { size: "10Gi" } })],
  ["any config", agentOf({ config: { logLevel: "debug", nested: { list: [1, "a", null], on: true } } })],
  ["instructions", agentOf({ instructions: "# B-gent\n\nBe kind.\u{1F642}" })],
  ["characters, not bytes, are counted", agentOf({ description: "\u{1F642}".repeat(1024) })],
  [
    "variables",
    agentOf({
      env: [
        { name: "A", value: "" },
        { name: "_b", secretKeyRef: { name: "keys", key: "api.key" } },
      ],
    }),
  ],
  ["a probe", agentOf({ port: 1024, probe: { path: "/healthz?full=1", periodSeconds: 1, failureThreshold: 30 } })],
  ["peers", agentOf({ networkPolicy: { allowEgress: true, allowedPeers: ["L", "F", "Psi"] } })],
  ["an empty network policy", agentOf({ networkPolicy: {} })],
  [
    "fields of the pod",
    agentOf({
      runAsUser: 1000,
      runtimeClassName: "gvisor",
      imagePullSecrets: [{ name: "pull" }, { name: "pull.two" }],
      updateStrategy: "Recreate",
      terminationGracePeriodSeconds: 0,
    }),
  ],
  ["an image by digest", agentOf({ image: `ghcr.io/kgents/b@sha256:${"a".repeat(64)}` })],
  ["an image of a registry with a port", agentOf({ image: "localhost:5000/a/b:1.2" })],
];

const longText = "x".repeat(4097);

/** Agents that are refused: what is wrong, the object, and the field that both name. */
export const badAgents: readonly (readonly [what: string, agent: object, field: string])[] = [
  ["no genus", bare({ entrypoint: "a" }), "spec.genus"],
  ["a genus in lower case", agentOf({ genus: "b" }), "spec.genus"],
  ["a genus with a digit", agentOf({ genus: "B2" }), "spec.genus"],
  ["a genus of 17 letters", agentOf({ genus: "Abcdefghijklmnopq" }), "spec.genus"],
  ["no program", bare({ genus: "B" }), "spec.entrypoint"],
  ["two programs", agentOf({ command: ["sh"] }), "spec.command"],
  ["a placeholder with a program", agentOf({ placeholder: true }), "spec.placeholder"],
  ["a placeholder with a probe", bare({ genus: "B", placeholder: true, probe: { path: "/" } }), "spec.placeholder"],
  ["eleven replicas", agentOf({ replicas: 11 }), "spec.replicas"],
  ["fewer than no replicas", agentOf({ replicas: -1 }), "spec.replicas"],
  ["half a replica", agentOf({ replicas: 0.5 }), "spec.replicas"],
  ["replicas as text", agentOf({ replicas: "1" }), "spec.replicas"],
  ["an image without a tag", agentOf({ image: "python" }), "spec.image"],
  ["an image that changes", agentOf({ image: "python:latest" }), "spec.image"],
  ["an image in upper case", agentOf({ image: "Python:3" }), "spec.image"],
  ["an image of a port alone", agentOf({ image: "localhost:5000/python" }), "spec.image"],
  ["an entrypoint as a path", agentOf({ entrypoint: "agents/b.py" }), "spec.entrypoint"],
  ["an empty command", bare({ genus: "B", command: [] }), "spec.command"],
  ["33 words", bare({ genus: "B", command: Array(33).fill("x") }), "spec.command"],
  ["a word that is too long", bare({ genus: "B", command: ["sh", longText] }), "spec.command[1]"],
  ["an argument that is no text", agentOf({ args: ["a", 1] }), "spec.args[1]"],
  ["an argument with NUL", agentOf({ args: ["a\0"] }), "spec.args[0]"],
  ["cpu that is no quantity", agentOf({ resources: { cpu: "fast" } }), "spec.resources.cpu"],
  ["too little cpu", agentOf({ resources: { cpu: "9m" } }), "spec.resources.cpu"],
  ["too much memory", agentOf({ resources: { memory: "1025Gi" } }), "spec.resources.memory"],
  ["memory that is too little as a number", agentOf({ resources: { memory: 1 } }), "spec.resources.memory"],
  ["memory in an exponent", agentOf({ resources: { memory: "1e9" } }), "spec.resources.memory"],
  [
    "a request above its limit",
    agentOf({ resources: { cpu: "100m", requests: { cpu: 1 } } }),
    "spec.resources.requests.cpu",
  ],
  [
    "a request of memory above its limit, in other units",
    agentOf({ resources: { memory: "1G", requests: { memory: "1Gi" } } }),
    "spec.resources.requests.memory",
  ],
  ["a sidecar as a flag, as in the original's example", agentOf({ sidecar: true }), "spec.sidecar"],
  ["a sidecar without an image", agentOf({ sidecar: { enabled: true, command: ["x"] } }), "spec.sidecar.image"],
  ["a sidecar without a command", agentOf({ sidecar: { enabled: true, image: "a:1" } }), "spec.sidecar.command"],
  ["too large a state", agentOf({ state: { size: "11Gi" } }), "spec.state.size"],
  ["config as a list", agentOf({ config: [1] }), "spec.config"],
  ["instructions that are too long", agentOf({ instructions: "x".repeat(65_537) }), "spec.instructions"],
  ["a description that is too long", agentOf({ description: "ü".repeat(1025) }), "spec.description"],
  ["a reserved variable", agentOf({ env: [{ name: "KGENTS_X", value: "" }] }), "spec.env[0].name"],
  ["a variable's name that no shell knows", agentOf({ env: [{ name: "1A", value: "" }] }), "spec.env[0].name"],
  ["a variable without a value", agentOf({ env: [{ name: "A" }] }), "spec.env[0]"],
  [
    "a variable with two values",
    agentOf({ env: [{ name: "A", value: "1", secretKeyRef: { name: "s", key: "k" } }] }),
    "spec.env[0]",
  ],
  [
    "a variable twice",
    agentOf({
      env: [
        { name: "A", value: "1" },
        { name: "B", value: "1" },
        { name: "A", value: "2" },
      ],
    }),
    "spec.env[2]",
  ],
  [
    "a Secret without a key",
    agentOf({ env: [{ name: "A", secretKeyRef: { name: "s" } }] }),
    "spec.env[0].secretKeyRef.key",
  ],
  [
    "a Secret's name in upper case",
    agentOf({ env: [{ name: "A", secretKeyRef: { name: "S", key: "k" } }] }),
    "spec.env[0].secretKeyRef.name",
  ],
  ["a privileged port", agentOf({ port: 80 }), "spec.port"],
  ["a port beyond the last", agentOf({ port: 65_536 }), "spec.port"],
  ["a probe without a path", agentOf({ probe: {} }), "spec.probe.path"],
  ["a probe's path without /", agentOf({ probe: { path: "healthz" } }), "spec.probe.path"],
  ["a probe each 0 s", agentOf({ probe: { path: "/", periodSeconds: 0 } }), "spec.probe.periodSeconds"],
  [
    "a peer that is no genus",
    agentOf({ networkPolicy: { allowedPeers: ["l"] } }),
    "spec.networkPolicy.allowedPeers[0]",
  ],
  ["a peer twice", agentOf({ networkPolicy: { allowedPeers: ["L", "F", "L"] } }), "spec.networkPolicy.allowedPeers[2]"],
  ["egress as text", agentOf({ networkPolicy: { allowEgress: "yes" } }), "spec.networkPolicy.allowEgress"],
  ["root", agentOf({ runAsUser: 0 }), "spec.runAsUser"],
  ["a runtime class in upper case", agentOf({ runtimeClassName: "Kata" }), "spec.runtimeClassName"],
  ["a pull secret twice", agentOf({ imagePullSecrets: [{ name: "a" }, { name: "a" }] }), "spec.imagePullSecrets[1]"],
  ["an unknown strategy", agentOf({ updateStrategy: "Canary" }), "spec.updateStrategy"],
  ["a grace beyond an hour", agentOf({ terminationGracePeriodSeconds: 3601 }), "spec.terminationGracePeriodSeconds"],
  ["an unknown field", agentOf({ replica: 1 }), "spec.replica"],
  ["an unknown field within one", agentOf({ resources: { gpu: "1" } }), "spec.resources.gpu"],
  ["an unknown field within a list", agentOf({ env: [{ name: "A", valu: "1", value: "" }] }), "spec.env[0].valu"],
  ["a spec that is no object", { ...agentOf(), spec: "B" }, "spec"],
  ["a name that begins with a digit", agentOf({}, { name: "1b" }), "metadata.name"],
  ["a name of 51 characters", agentOf({}, { name: "a".repeat(51) }), "metadata.name"],
  ["a name that ends with -", agentOf({}, { name: "a-" }), "metadata.name"],
  ["a name with a dot", agentOf({}, { name: "a.b" }), "metadata.name"],
];
