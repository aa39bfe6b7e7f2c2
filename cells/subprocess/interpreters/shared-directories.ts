/** Directories of the machine that every sandbox shows, read-only. */
const shared = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store", "/etc/alternatives"];

/** Whether a path is visible in every sandbox. */
export const isShared = (path: string): boolean => shared.some((top) => path === top || path.startsWith(`${top}/`));
