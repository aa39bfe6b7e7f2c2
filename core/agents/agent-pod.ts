/**
 * The pods of an Agent: hardened as a cell is, with the program, a sidecar and the mounted configuration.
 *
 * @module
 */
import { restrictedContainer, restrictedPod } from "../manifest/restricted.ts";
import { formatBytes } from "../text/quantity.ts";
import type { Agent, AgentSpec, AgentVariable } from "./agent.ts";
import { agentDefaults, type ContainerResources, containerResources, stateBytes } from "./agent-defaults.ts";
import { namespaceOf, supportName } from "./child-objects.ts";
import { configVariables, ownVariables } from "./config.ts";

/** The names of the containers. */
export const containerNames = { agent: "agent", sidecar: "sidecar" } as const;

/** The directories of an Agent's containers. */
const directories = { config: "/etc/kgents", state: "/state", temporary: "/tmp" } as const;

type Variable =
  | { readonly name: string; readonly value: string }
  | { readonly name: string; readonly valueFrom: { readonly secretKeyRef: { name: string; key: string } } };

/** A container of an Agent's pod. */
export interface AgentContainer {
  readonly name: string;
  readonly image: string;
  readonly imagePullPolicy: "IfNotPresent";
  readonly command: readonly string[];
  readonly args?: readonly string[];
  readonly env: readonly Variable[];
  readonly ports?: readonly object[];
  readonly readinessProbe?: object;
  readonly restartPolicy?: "Always";
  readonly resources: ContainerResources;
  readonly securityContext: typeof restrictedContainer;
  readonly terminationMessagePolicy: "FallbackToLogsOnError";
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string; readonly readOnly?: true }[];
}

/** The pod of an Agent. */
export interface AgentPodSpec {
  readonly serviceAccountName: string;
  readonly automountServiceAccountToken: false;
  readonly enableServiceLinks: false;
  readonly terminationGracePeriodSeconds: number;
  readonly runtimeClassName?: string;
  readonly imagePullSecrets?: readonly { readonly name: string }[];
  readonly securityContext: ReturnType<typeof restrictedPod>;
  readonly initContainers?: readonly AgentContainer[];
  readonly containers: readonly [AgentContainer];
  readonly volumes: readonly object[];
}

// Process 1 ignores SIGTERM unless it handles it, and the pod would then take its whole grace period to end.
const sleepCommand = ["sh", "-c", "trap 'exit 0' TERM; sleep 2147483647 & wait $!"];

function commandOf({ placeholder, entrypoint, command }: AgentSpec): readonly string[] {
  if (placeholder) return sleepCommand;
  return entrypoint === undefined ? (command ?? []) : ["python", "-m", entrypoint];
}

/** Kubernetes replaces `$(NAME)` in values. What comes from `config` is taken as it is. */
const literal = (value: string): string => value.replaceAll("$", "$$$$");

/** The image's root cannot be written to, and output must appear when it is written. */
const usual = {
  HOME: directories.temporary,
  TMPDIR: directories.temporary,
  PYTHONDONTWRITEBYTECODE: "1",
  PYTHONUNBUFFERED: "1",
} as const;

const ownOf = (agent: Agent): Readonly<Record<string, string>> => ({
  [ownVariables.name]: agent.metadata.name,
  [ownVariables.namespace]: namespaceOf(agent),
  [ownVariables.genus]: agent.spec.genus,
  [ownVariables.port]: String(agent.spec.port),
});

const written = ({ name, value, secretKeyRef }: AgentVariable): Variable =>
  secretKeyRef === undefined ? { name, value: value ?? "" } : { name, valueFrom: { secretKeyRef } };

/** The variables of a container: those of kgents, of `config`, and the author's, each name once. */
function environmentOf(agent: Agent, env: readonly AgentVariable[] = [], config: AgentSpec["config"] = {}): Variable[] {
  const own = Object.entries({ ...usual, ...ownOf(agent) })
    .filter(([name]) => !env.some((variable) => variable.name === name))
    .map(([name, value]) => ({ name, value }));
  const settings = configVariables(config).map(({ name, value }) => ({ name, value: literal(value) }));
  return [...own, ...settings, ...env.map(written)];
}

const mounts = [
  { name: "config", mountPath: directories.config, readOnly: true },
  { name: "state", mountPath: directories.state },
  { name: "tmp", mountPath: directories.temporary },
] as const;

const probeOf = ({ probe, port }: AgentSpec) =>
  probe && {
    httpGet: { path: probe.path, port },
    periodSeconds: probe.periodSeconds ?? agentDefaults.probePeriodSeconds,
    failureThreshold: probe.failureThreshold ?? agentDefaults.probeFailureThreshold,
  };

function agentContainer(agent: Agent): AgentContainer {
  const { spec } = agent;
  const probe = probeOf(spec);
  return {
    name: containerNames.agent,
    image: spec.image ?? agentDefaults.image,
    imagePullPolicy: "IfNotPresent",
    command: commandOf(spec),
    ...(spec.args !== undefined && { args: spec.args }),
    env: environmentOf(agent, spec.env, spec.config),
    ...(!spec.placeholder && { ports: [{ name: "agent", containerPort: spec.port, protocol: "TCP" }] }),
    ...(probe !== undefined && { readinessProbe: probe }),
    resources: containerResources(spec.resources, stateBytes(spec.state?.size)),
    securityContext: restrictedContainer,
    terminationMessagePolicy: "FallbackToLogsOnError",
    volumeMounts: mounts,
  };
}

/** A native sidecar: it starts before the program, and ends after it. */
function sidecarContainer(agent: Agent): AgentContainer | undefined {
  const { sidecar, state } = agent.spec;
  if (!sidecar?.enabled) return undefined;
  return {
    name: containerNames.sidecar,
    // The schema demands both for an enabled sidecar.
    image: sidecar.image ?? "",
    imagePullPolicy: "IfNotPresent",
    command: sidecar.command ?? [],
    ...(sidecar.args !== undefined && { args: sidecar.args }),
    env: environmentOf(agent, sidecar.env),
    restartPolicy: "Always",
    resources: containerResources(sidecar.resources, stateBytes(state?.size)),
    securityContext: restrictedContainer,
    terminationMessagePolicy: "FallbackToLogsOnError",
    volumeMounts: mounts,
  };
}

/** Renders the pod of an Agent. */
export function agentPod(agent: Agent): AgentPodSpec {
  const { spec } = agent;
  const sidecar = sidecarContainer(agent);
  return {
    serviceAccountName: supportName(agent),
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    terminationGracePeriodSeconds: spec.terminationGracePeriodSeconds ?? agentDefaults.terminationGraceSeconds,
    ...(spec.runtimeClassName !== undefined && { runtimeClassName: spec.runtimeClassName }),
    ...(spec.imagePullSecrets !== undefined && { imagePullSecrets: spec.imagePullSecrets }),
    securityContext: restrictedPod(spec.runAsUser ?? agentDefaults.userId),
    ...(sidecar !== undefined && { initContainers: [sidecar] }),
    containers: [agentContainer(agent)],
    volumes: [
      { name: "config", configMap: { name: supportName(agent) } },
      { name: "state", emptyDir: { sizeLimit: formatBytes(stateBytes(spec.state?.size)) } },
      { name: "tmp", emptyDir: { sizeLimit: formatBytes(agentDefaults.temporary) } },
    ],
  };
}
