import { expect, test } from "vitest";
import { ClusterError } from "#cells/kubernetes/api/cluster-error";
import { clusterFailure, lacksAgents } from "#client/agents/cluster/cluster-refusal";

test.each<[what: string, status: number, message: string, lacks: boolean]>([
  ["another version is served", 404, "the server could not find the requested resource", true],
  ["no version of the group is served", 404, "404 page not found", true],
  ["the kind is unknown", 404, 'no matches for kind "Agent" in version "kgents.io/v1"', true],
  ["one Agent is missing", 404, 'agents.kgents.io "b-gent" not found', false],
  ["the namespace is missing", 404, 'namespaces "kgents-agents" not found', false],
  ["the right is missing", 403, "agents.kgents.io is forbidden", false],
])("%s", (_, status, message, lacks) => {
  const error = new ClusterError("listing agents", message, {
    status,
    reason: status === 403 ? "Forbidden" : "NotFound",
  });
  expect(lacksAgents(error)).toBe(lacks);
  const failure = clusterFailure(error) as Error;
  if (lacks) expect(failure.message).toBe("the cluster does not know the kind Agent");
  else expect(failure.message).not.toBe("the cluster does not know the kind Agent");
});
