/**
 * The security contexts of every pod that kgents makes: what the Pod Security Standard `restricted` demands, and a
 * read-only root.
 *
 * @module
 */

/** The security context of a container. */
export const restrictedContainer = {
  runAsNonRoot: true,
  readOnlyRootFilesystem: true,
  allowPrivilegeEscalation: false,
  privileged: false,
  capabilities: { drop: ["ALL"] },
  seccompProfile: { type: "RuntimeDefault" },
} as const;

/** The security context of a pod. @param userId the user and the group of its containers */
export const restrictedPod = (userId: number) =>
  ({
    runAsNonRoot: true,
    runAsUser: userId,
    runAsGroup: userId,
    seccompProfile: { type: "RuntimeDefault" },
  }) as const;
