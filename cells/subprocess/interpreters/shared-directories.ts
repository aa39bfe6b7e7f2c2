/** What every sandbox shows of the machine, read-only. */
const shared = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store", "/etc/alternatives"];

/** Whether a path can be seen in every sandbox. */
export const isShared = (path: string): boolean => shared.some((top) => path === top || path.startsWith(`${top}/`));
