/**
 * Definitions of Agents under groups of their own, so that tests can install, change and remove them while others use
 * the real one.
 */
import { randomUUID } from "node:crypto";
import type { Crd } from "#core/agents/crd";
import { agentGroup } from "#core/agents/names";
import { kubectl } from "../support.ts";

/** A group that nobody else uses. */
export const freshGroup = (): string => `t${randomUUID().slice(0, 8)}.kgents.test`;

/** The same definition under another group. */
export const underGroup = (crd: Crd, group: string): Crd => ({
  ...crd,
  metadata: { ...crd.metadata, name: crd.metadata.name.replace(agentGroup, group) },
  spec: { ...crd.spec, group },
});

/** The same object under another group. */
export const objectOf = (object: object, group: string): Record<string, unknown> => {
  const { apiVersion = "" } = object as { apiVersion?: string };
  return { ...object, apiVersion: apiVersion.replace(agentGroup, group) };
};

/** Removes a definition with all its objects. */
export const removeCrd = (name: string): Promise<string> =>
  kubectl(["delete", "crd", name, "--ignore-not-found", "--wait=false"]);
