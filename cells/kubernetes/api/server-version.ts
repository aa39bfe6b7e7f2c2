import { KgentsError } from "#core/contract/error";

/** The first version that keeps a Job's `podReplacementPolicy` without being told to: it became beta in 1.29. */
const oldest = { major: 1, minor: 29 } as const;

/**
 * Refuses a server that would drop `podReplacementPolicy` without a word: it replaces a pod that is deleted, and the code runs twice. A
 * version that is not written as Kubernetes writes it is let through; creating a Job shows what the server keeps.
 *
 * @param version such as `v1.34.2` or `v1.28.3-gke.1200`
 * @throws KgentsError `cluster-unavailable`
 */
export function checkServerVersion(version: string): void {
  const [, major, minor] = (/^v?(\d+)\.(\d+)/.exec(version) ?? []).map(Number);
  if (major === undefined || minor === undefined) return;
  if (major > oldest.major || (major === oldest.major && minor >= oldest.minor)) return;
  throw new KgentsError(
    "cluster-unavailable",
    `the cluster is Kubernetes ${version}, which would start code a second time where its pod is deleted`,
    { remedy: `Use Kubernetes ${oldest.major}.${oldest.minor} or newer, or the sandbox.` },
  );
}
