import type { AgentManifest } from "./agent-manifest.ts";

/** The Agent as a placeholder: a pod that only sleeps, in the place of the program and its sidecar. */
export function asPlaceholder(agent: AgentManifest): AgentManifest {
  const {
    entrypoint: _entrypoint,
    command: _command,
    args: _args,
    probe: _probe,
    sidecar: _sidecar,
    ...spec
  } = agent.spec;
  return { ...agent, spec: { ...spec, placeholder: true } };
}
