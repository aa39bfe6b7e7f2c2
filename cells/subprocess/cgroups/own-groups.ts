import { readFile } from "node:fs/promises";
import { join, relative } from "node:path";

/** A mounted hierarchy and the position of this process in it. */
export interface Hierarchy {
  readonly version: 1 | 2;
  /** The controllers of a version 1 hierarchy. */
  readonly controllers: readonly string[];
  /** The directory of this process's group. */
  readonly own: string;
  /** Where the hierarchy is mounted. */
  readonly mountPoint: string;
}

/** Finds the control group hierarchies. Pure: from the texts of `/proc/self/mountinfo` and `/proc/self/cgroup`. */
export function parseHierarchies(mountinfo: string, membership: string): Hierarchy[] {
  const paths = membership.split("\n").flatMap((line) => {
    const [, controllers, ...path] = line.split(":");
    return controllers === undefined ? [] : [{ controllers: controllers.split(","), path: path.join(":") }];
  });
  return mountinfo.split("\n").flatMap((line) => {
    const [mount = "", filesystem = ""] = line.split(" - ");
    const [, , , root, mountPoint] = mount.split(" ");
    const [type, , options = ""] = filesystem.split(" ");
    if (root === undefined || mountPoint === undefined || (type !== "cgroup" && type !== "cgroup2")) return [];
    const superOptions = options.split(",");
    const found = paths.find(({ controllers }) =>
      type === "cgroup2" ? controllers[0] === "" : controllers.every((name) => superOptions.includes(name)),
    );
    if (!found) return [];
    const within = relative(root, found.path);
    // The group is outside of the mount, as in a container without its own cgroup namespace: then it is the mount's
    // root.
    const own = within.startsWith("..") ? mountPoint : join(mountPoint, within);
    const version = type === "cgroup2" ? 2 : 1;
    return [{ version, controllers: version === 2 ? [] : found.controllers, own, mountPoint }];
  });
}

/** Finds the control group hierarchies of this process. */
export async function ownHierarchies(): Promise<Hierarchy[]> {
  const read = (name: string): Promise<string> => readFile(`/proc/self/${name}`, "utf8").catch(() => "");
  return parseHierarchies(await read("mountinfo"), await read("cgroup"));
}
