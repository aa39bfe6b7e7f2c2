import { KgentsError } from "#core/contract/error";

/** The first version with a Job's `podReplacementPolicy` enabled by default: it became beta in 1.29. */
const oldest = { major: 1, minor: 29 } as const;

/**
 * Rejects a server that would silently drop `podReplacementPolicy`: it would replace a deleted pod, and the code would
 * run twice. Versions in an unknown format are accepted; creating a Job shows whether the server keeps the field.
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
