import type { GroupMaker } from "./control-group.ts";
import { ownHierarchies } from "./own-groups.ts";
import { version1Groups } from "./version1.ts";
import { version2Groups } from "./version2.ts";

/** Finds how this machine makes control groups; undefined where this process may make none. */
export async function findGroups(): Promise<GroupMaker | undefined> {
  const hierarchies = await ownHierarchies();
  return (await version1Groups(hierarchies)) ?? (await version2Groups(hierarchies));
}
