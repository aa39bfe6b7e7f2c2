import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { KgentsError } from "#core/contract/error";
import { cellProcesses } from "#core/manifest/cell-pod";
import { execLimitCommand } from "#core/manifest/supervisor";
import { mountedPart, packageDirectories } from "#core/packages/in-cell";
import type { CellPlan } from "../../cell-plan.ts";
import { controlReader } from "../../files/control-reader.ts";
import { holdTree } from "../../packages/hold.ts";
import type { OwnCells } from "../api/own-cells.ts";
import { scriptExit } from "../exec/cell-scripts.ts";
import { openInCell } from "./open-in-cell.ts";
import { packTree } from "./pack-tree.ts";

const newline = 10;

/**
 * Unpacks the tar on stdin into a directory, unless that was done. It says first whether it reads it. The delivery of a
 * worker that was considered dead may still arrive, and must not replace what is there.
 *
 * Argument: the directory.
 */
const script = `${execLimitCommand(cellProcesses)}
cd "$1" 2>/dev/null || exit ${scriptExit.noCell}
[ ! -e .complete ] || { echo there; exit 0; }
command -v tar >/dev/null || exit ${scriptExit.programMissing}
[ -f .delivery ] && read -r other <.delivery && kill -9 "-$other" 2>/dev/null
echo $$ >.delivery
echo send
tar -xf - && : >.complete`;

/** Why a delivery failed. */
function reasonOf(exitCode: number, said: string): string {
  if (exitCode === scriptExit.programMissing) return "the image has no tar";
  return said.trim().split("\n").at(-1) || `exit code ${exitCode}`;
}

/**
 * Puts packages that were built on this machine into a cell. Can be called again after it was interrupted.
 *
 * @param cacheDirectory that of kgents: see `Paths`
 * @throws NoPlace; KgentsError
 */
export async function deliverTree(
  own: OwnCells,
  cell: CellPlan,
  cacheDirectory: string,
  signal: AbortSignal,
): Promise<void> {
  const { environment } = cell.shape;
  if (!environment?.hash) throw new KgentsError("internal", "the packages of the cell were not prepared");
  const { ecosystem, hash } = environment;
  const tree = await holdTree(cacheDirectory, hash);
  const command = ["sh", "-c", script, "kgents", packageDirectories[ecosystem]];
  try {
    const session = await openInCell(own, cell, command, { stdin: true, signal });
    session.stdin.on("error", () => {});
    // Otherwise a delivery on a broken connection would never finish.
    void session.ended.then(() => session.stdin.destroy());
    try {
      let said = "";
      session.stderr.on("data", (chunk: Buffer) => {
        if (said.length < 4096) said += chunk.toString();
      });
      const answers = (await controlReader(session.stdout).until(newline)) === "send";
      const archive = Readable.from(packTree(join(tree.directory, mountedPart[ecosystem])));
      // If tar ends early, its exit code says why.
      if (answers) await pipeline(archive, session.stdin).catch(() => {});
      const end = await session.ended;
      if ("exitCode" in end && end.exitCode === 0) return;
      const why = "broken" in end ? end.broken : reasonOf(end.exitCode, said);
      throw new KgentsError("cell-start", `the packages could not be put into the cell: ${why}`);
    } finally {
      session.close();
    }
  } finally {
    await tree.release();
  }
}
