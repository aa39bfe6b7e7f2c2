import type { GroupMaker } from "./control-group.ts";
import { ownHierarchies } from "./own-groups.ts";
import { moveToOwnScope } from "./own-scope.ts";
import { version1Groups } from "./version1.ts";
import { needsOwnGroup, version2Groups } from "./version2.ts";

/** Finds how to create control groups on this machine; undefined if this process may not create any. */
export async function findGroups(): Promise<GroupMaker | undefined> {
  const hierarchies = await ownHierarchies();
  const version1 = await version1Groups(hierarchies);
  if (version1) return version1;
  const moved = needsOwnGroup(hierarchies) && (await moveToOwnScope());
  return version2Groups(moved ? await ownHierarchies() : hierarchies);
}
