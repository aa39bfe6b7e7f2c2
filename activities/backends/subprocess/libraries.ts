import { findSystemTool } from "../../host/find-program.ts";
import { outputOf } from "../../host/run-program.ts";
import { isShared } from "./shared-directories.ts";

/** Libraries of a program that lie outside the directories that every sandbox shows. */
export async function foreignLibraries(program: string): Promise<string[]> {
  const ldd = await findSystemTool("ldd");
  if (ldd === undefined) return [];
  // It fails for scripts and static programs, which need none.
  const printed = await outputOf(ldd, [program]).catch(() => "");
  const paths = [...printed.matchAll(/(?:=>\s*|^\s*)(\/\S+)\s+\(0x/gm)].flatMap(([, path]) => path ?? []);
  return paths.filter((path) => !isShared(path));
}
