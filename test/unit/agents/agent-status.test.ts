/** The status of an Agent, from its live Deployment and pods. */
import { describe, expect, it } from "vitest";
import { type Agent, type AgentStatus, parseAgent } from "#core/agents/agent";
import { accepted, agentStatus, conditionOf, invalidAgentStatus, type Observation } from "#core/agents/agent-status";
import { transitionsBetween } from "#core/agents/condition";
import type { LiveContainer, LiveDeployment, LivePod } from "#core/agents/live-state";
import { agentOf } from "../../support/agents.ts";

const now = new Date("2026-11-28T06:00:00.123Z");
const agentWith = (spec: object = {}, rest: { metadata?: object; status?: AgentStatus } = {}): Agent => {
  const object = { ...agentOf(spec, { generation: 2, uid: "u", ...rest.metadata }), status: rest.status };
  const { agent, issues } = parseAgent(object);
  if (agent) return agent;
  throw new Error(JSON.stringify(issues));
};

/** A Deployment of one replica that is as it should be, with other fields. */
const deploymentOf = (status: object = {}, { replicas = 1, generation = 4 } = {}): LiveDeployment => ({
  metadata: { generation },
  spec: { replicas },
  status: {
    observedGeneration: 4,
    replicas: 1,
    updatedReplicas: 1,
    readyReplicas: 1,
    availableReplicas: 1,
    conditions: [{ type: "Progressing", status: "True", reason: "NewReplicaSetAvailable" }],
    ...status,
  },
});
const rolling = { conditions: [{ type: "Progressing", status: "True", reason: "ReplicaSetUpdated" }] };
const late = { conditions: [{ type: "Progressing", status: "False", reason: "ProgressDeadlineExceeded" }] };
const none = { readyReplicas: 0, availableReplicas: 0 };
const refusing = (message: string) => ({
  ...none,
  replicas: 0,
  updatedReplicas: 0,
  conditions: [...rolling.conditions, { type: "ReplicaFailure", status: "True", reason: "FailedCreate", message }],
});

const podOf = (container: Partial<LiveContainer>, status: object = {}): LivePod => ({
  metadata: { name: "b-gent-1" },
  status: { phase: "Pending", containerStatuses: [{ name: "agent", ready: false, ...container }], ...status },
});
const waiting = (reason: string, message?: string): LivePod =>
  podOf({ state: { waiting: { reason, ...(message !== undefined && { message }) } } });
const crashed = { exitCode: 1, reason: "Error", message: "Traceback\nModuleNotFoundError: No module named 'agents'\n" };

const observe = (deployment: LiveDeployment | undefined, pods: readonly LivePod[] = []): Observation => ({
  ...{ acceptance: accepted, deployment, pods, now },
});

type Case = readonly [
  what: string,
  deployment: LiveDeployment | undefined,
  pods: readonly LivePod[],
  reason: string,
  phase: string,
  message: RegExp,
];

const unready: readonly Case[] = [
  ["no Deployment", undefined, [], "Progressing", "Pending", /no Deployment yet/],
  [
    "a change that the Deployment's controller has not seen",
    deploymentOf({}, { generation: 5 }),
    [],
    "Progressing",
    "Running",
    /not seen yet/,
  ],
  ["no new pods yet", deploymentOf({ ...rolling, updatedReplicas: 0 }), [], "Progressing", "Running", /0 of 1 pods/],
  ["old pods that must end", deploymentOf({ ...rolling, replicas: 2 }), [], "Progressing", "Running", /1 pod of an/],
  ["a first rollout", deploymentOf({ ...rolling, ...none }), [], "Progressing", "Pending", /0 of 1 pods are available/],
  ["a pod that went away", deploymentOf(none), [], "ReplicasUnavailable", "Pending", /0 of 1 pods are available/],
  [
    "some pods that went away",
    deploymentOf({ replicas: 3, updatedReplicas: 3, readyReplicas: 2, availableReplicas: 2 }, { replicas: 3 }),
    [],
    "ReplicasUnavailable",
    "Degraded",
    /2 of 3/,
  ],
  [
    "an image that is not there",
    deploymentOf({ ...rolling, ...none }),
    [waiting("ErrImagePull", "x:1: not found")],
    "ImagePull",
    "Failed",
    /^pod b-gent-1: container agent: x:1: not found$/,
  ],
  [
    "the same, between two attempts, while old pods serve",
    deploymentOf({ ...rolling, replicas: 2 }),
    [waiting("ImagePullBackOff", 'Back-off pulling image "x:1": ErrImagePull: x:1: not found')],
    "ImagePull",
    "Degraded",
    /^pod b-gent-1: container agent: x:1: not found$/,
  ],
  [
    "a name that is no image's",
    deploymentOf({ ...rolling, ...none }),
    [waiting("InvalidImageName")],
    "ImagePull",
    "Failed",
    /container agent: InvalidImageName$/,
  ],
  [
    "an image that is still missing after the deadline",
    deploymentOf({ ...late, ...none }),
    [waiting("ErrImagePull", "m")],
    "ImagePull",
    "Failed",
    /: m$/,
  ],
  [
    "a program that ends, while it waits for its restart",
    deploymentOf({ ...rolling, ...none }),
    [
      podOf({
        restartCount: 3,
        state: { waiting: { reason: "CrashLoopBackOff", message: "back-off 40s" } },
        lastState: { terminated: crashed },
      }),
    ],
    "CrashLoop",
    "Failed",
    /container agent: ended with exit code 1: ModuleNotFoundError: No module named 'agents'$/,
  ],
  [
    "a program that has just ended",
    deploymentOf({ ...rolling, ...none }),
    [podOf({ state: { terminated: { exitCode: 137, reason: "OOMKilled" } } })],
    "CrashLoop",
    "Failed",
    /ended with exit code 137 \(OOMKilled\)$/,
  ],
  [
    "a sidecar that ends",
    deploymentOf({ ...rolling, ...none }),
    [
      podOf(
        { state: { waiting: { reason: "PodInitializing" } } },
        {
          initContainerStatuses: [
            { name: "injected", state: { terminated: { exitCode: 0, reason: "Completed" } } },
            { name: "sidecar", state: { waiting: { reason: "CrashLoopBackOff" } }, lastState: { terminated: crashed } },
          ],
        },
      ),
    ],
    "CrashLoop",
    "Failed",
    /container sidecar: ended with exit code 1/,
  ],
  [
    "an injected init container that is done",
    deploymentOf({ ...rolling, ...none }),
    [
      podOf(
        { state: { waiting: { reason: "ContainerCreating" } } },
        { initContainerStatuses: [{ name: "injected", state: { terminated: { exitCode: 0 } } }] },
      ),
    ],
    "Progressing",
    "Pending",
    /0 of 1/,
  ],
  [
    "a Secret that is missing",
    deploymentOf({ ...rolling, ...none }),
    [waiting("CreateContainerConfigError", 'secret "keys" not found')],
    "ConfigError",
    "Failed",
    /CreateContainerConfigError: secret "keys" not found$/,
  ],
  [
    "a program that the image lacks",
    deploymentOf({ ...rolling, ...none }),
    [
      podOf({
        state: { waiting: { reason: "CrashLoopBackOff" } },
        lastState: { terminated: { exitCode: 128, reason: "StartError", message: 'exec: "pythn": not found' } },
      }),
    ],
    "ConfigError",
    "Failed",
    /StartError: exec: "pythn": not found$/,
  ],
  [
    "no node",
    deploymentOf({ ...rolling, ...none }),
    [
      podOf(
        {},
        {
          containerStatuses: [],
          conditions: [
            { type: "PodScheduled", status: "False", reason: "Unschedulable", message: "0/1 nodes: Insufficient cpu" },
          ],
        },
      ),
    ],
    "Unschedulable",
    "Failed",
    /^pod b-gent-1: 0\/1 nodes: Insufficient cpu$/,
  ],
  [
    "no quota left",
    deploymentOf(refusing('pods "b-gent-1" is forbidden: exceeded quota: kgents-agents, requested: limits.cpu=1')),
    [],
    "QuotaExceeded",
    "Failed",
    /exceeded quota: kgents-agents/,
  ],
  [
    "Pod Security",
    deploymentOf(refusing('pods "b-gent-1" is forbidden: violates PodSecurity "restricted:latest"')),
    [],
    "AdmissionDenied",
    "Failed",
    /violates PodSecurity/,
  ],
  [
    "a webhook",
    deploymentOf(refusing('admission webhook "a.b.c" denied the request: no')),
    [],
    "AdmissionDenied",
    "Failed",
    /denied the request/,
  ],
  [
    "a control plane in trouble",
    deploymentOf(refusing("etcdserver: request timed out")),
    [],
    "ReplicasUnavailable",
    "Pending",
    /etcdserver/,
  ],
  [
    "no progress, without a known cause",
    deploymentOf({ ...late, ...none }),
    [],
    "ProgressDeadlineExceeded",
    "Failed",
    /0 of 1 pods are available after 120 s/,
  ],
];

const readyOf = (status: AgentStatus) => conditionOf(status, "Ready");

it.each(unready)("is not ready: %s", (_, deployment, pods, reason, phase, message) => {
  const status = agentStatus(agentWith(), observe(deployment, pods));
  expect(readyOf(status)).toMatchObject({ status: "False", reason, message: expect.stringMatching(message) });
  expect(status.phase).toBe(phase);
});

it.each([
  ["a program", agentWith(), deploymentOf(), "Available", "Running"],
  [
    "no replicas",
    agentWith({ replicas: 0 }),
    deploymentOf({ replicas: 0, updatedReplicas: 0, ...none }, { replicas: 0 }),
    "ScaledToZero",
    "Running",
  ],
])("is ready: %s", (_, agent, deployment, reason, phase) => {
  const status = agentStatus(agent, observe(deployment));
  expect(readyOf(status)).toMatchObject({ status: "True", reason });
  expect(status.phase).toBe(phase);
});

it("says of a placeholder that it is one", () => {
  const { agent } = parseAgent({ ...agentOf(), spec: { genus: "B", placeholder: true } });
  const status = agentStatus(agent as Agent, observe(deploymentOf()));
  expect({ phase: status.phase, reason: readyOf(status)?.reason }).toEqual({
    phase: "Placeholder",
    reason: "Placeholder",
  });
  expect(status).not.toHaveProperty("endpoint");
});

it("pods that are ready, over or ending say nothing", () => {
  const trouble = waiting("ErrImagePull", "m");
  const pods: LivePod[] = [
    { ...trouble, metadata: { name: "a", deletionTimestamp: "2026-11-28T05:00:00Z" } },
    { ...trouble, status: { ...trouble.status, phase: "Failed" } },
    { ...trouble, status: { ...trouble.status, conditions: [{ type: "Ready", status: "True" }] } },
  ];
  const deployment = deploymentOf({ ...rolling, ...none });
  expect(readyOf(agentStatus(agentWith(), observe(deployment, pods)))?.reason).toBe("Progressing");
});

it("has what scale, people and programs read", () => {
  expect(agentStatus(agentWith({ image: "a:1", port: 9000 }), observe(deploymentOf()))).toMatchObject({
    observedGeneration: 2,
    phase: "Running",
    replicas: 1,
    updatedReplicas: 1,
    readyReplicas: 1,
    selector: "kgents.io/agent=b-gent,kgents.io/genus=B",
    image: "a:1",
    endpoint: "b-gent.kgents-agents.svc:9000",
    serviceAccount: "agent-b-gent",
    specHash: expect.stringMatching(/^[0-9a-f]{16}$/),
    conditions: [
      { type: "Accepted", status: "True", reason: "Accepted", lastTransitionTime: "2026-11-28T06:00:00Z" },
      { type: "Ready", status: "True", observedGeneration: 2 },
      { type: "Progressing", status: "False", reason: "Complete" },
    ],
  });
});

it.each([
  [rolling, "True", "RollingOut"],
  [late, "False", "ProgressDeadlineExceeded"],
  [{}, "False", "Complete"],
])("%#: progresses while it rolls out", (conditions, status, reason) => {
  const all = agentStatus(agentWith(), observe(deploymentOf({ ...none, ...conditions })));
  expect(conditionOf(all, "Progressing")).toMatchObject({ status, reason });
});

describe("an Agent that is not accepted", () => {
  const before = agentStatus(agentWith({ image: "a:1" }), observe(deploymentOf()));
  const acceptance = { reason: "NameConflict", message: "Deployment b-gent belongs to somebody else" } as const;

  it.each([
    [deploymentOf(), "Degraded"],
    [undefined, "Failed"],
  ])("%#: keeps what runs, and is not ready", (deployment, phase) => {
    const agent = agentWith({ image: "a:2" }, { status: before, metadata: { generation: 3 } });
    const status = agentStatus(agent, { ...observe(deployment), acceptance });
    expect(status).toMatchObject({ image: "a:1", observedGeneration: 3, phase });
    expect(conditionOf(status, "Accepted")).toMatchObject({ status: "False", ...acceptance });
    expect(readyOf(status)).toMatchObject({
      status: "False",
      reason: "NotAccepted",
      message: "not accepted (NameConflict): Deployment b-gent belongs to somebody else",
    });
  });

  it("may be no valid Agent at all", () => {
    const object = { metadata: { name: "x", generation: 3 }, status: before };
    const status = invalidAgentStatus(object, "spec.config.a: ...", { deployment: undefined, pods: [], now });
    expect(conditionOf(status, "Accepted")).toMatchObject({ reason: "InvalidConfig", message: "spec.config.a: ..." });
  });
});

it("is terminating as soon as it is deleted", () => {
  const agent = agentWith({}, { metadata: { deletionTimestamp: "2026-11-28T05:59:59Z" } });
  expect(agentStatus(agent, observe(deploymentOf())).phase).toBe("Terminating");
});

describe("from one status to the next", () => {
  const before = agentStatus(agentWith(), observe(deploymentOf()));
  const later = new Date("2026-11-28T07:00:00Z");
  const next = (observation: Partial<Observation>, status = before) =>
    agentStatus(agentWith({}, { status }), { ...observe(deploymentOf()), now: later, ...observation });

  it("nothing changes with time alone", () => {
    expect(next({})).toEqual(before);
    expect(transitionsBetween(before.conditions ?? [], next({}).conditions ?? [])).toEqual([]);
  });

  it("the time of a transition is that of the last change of status, not of reason", () => {
    const pulling = next({ deployment: deploymentOf(none), pods: [waiting("ErrImagePull", "m")] });
    expect(readyOf(pulling)?.lastTransitionTime).toBe("2026-11-28T07:00:00Z");
    const crashing = next(
      { deployment: deploymentOf(none), pods: [podOf({ state: { terminated: crashed } })], now: new Date() },
      pulling,
    );
    expect(readyOf(crashing)).toMatchObject({ reason: "CrashLoop", lastTransitionTime: "2026-11-28T07:00:00Z" });
    expect(transitionsBetween(pulling.conditions ?? [], crashing.conditions ?? [])).toMatchObject([
      { from: { reason: "ImagePull" }, to: { reason: "CrashLoop" } },
    ]);
  });

  it("conditions of others are kept", () => {
    const foreign = { type: "Foo", status: "True", reason: "R", message: "", lastTransitionTime: "t" } as const;
    expect(next({}, { ...before, conditions: [...(before.conditions ?? []), foreign] }).conditions).toContainEqual(
      foreign,
    );
  });
});
