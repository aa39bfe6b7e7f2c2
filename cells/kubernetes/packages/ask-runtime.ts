import { KgentsError } from "#core/contract/error";
import { commandInImage } from "#core/contract/language";
import { cellProcesses } from "#core/manifest/cell-pod";
import { execLimitCommand } from "#core/manifest/supervisor";
import type { Ecosystem, PackageRuntime } from "#core/packages/environment";
import type { CellPlan } from "../../cell-plan.ts";
import { runtimeOf, runtimeQuestions } from "../../packages/runtime.ts";
import type { OwnCells } from "../api/own-cells.ts";
import { openInCell } from "./open-in-cell.ts";

/** How long the interpreter may take, in milliseconds: with little cpu it starts slowly. */
const answerMilliseconds = 60_000;
/** The most bytes of an answer. */
const maximumBytes = 64 * 1024;

const questionFlag: Readonly<Record<Ecosystem, string>> = { python: "-c", npm: "-e" };

/** Reads a stream up to a number of bytes. */
async function beginning(stream: AsyncIterable<Buffer>): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of stream) {
    parts.push(part);
    bytes += part.length;
    if (bytes > maximumBytes) break;
  }
  return Buffer.concat(parts).toString("utf8", 0, maximumBytes);
}

/**
 * Asks the interpreter of a cell's image which packages fit it.
 *
 * @throws NoPlace; KgentsError
 */
export async function askRuntime(
  own: OwnCells,
  cell: CellPlan,
  ecosystem: Ecosystem,
  signal: AbortSignal,
): Promise<PackageRuntime> {
  const { language, image } = cell.shape;
  const ask = [...commandInImage(language, image), questionFlag[ecosystem], runtimeQuestions[ecosystem]];
  const command = ["sh", "-c", `${execLimitCommand(cellProcesses)}\nexec "$@"`, "kgents", ...ask];
  const patience = AbortSignal.any([signal, AbortSignal.timeout(cell.shape.startupTimeout + answerMilliseconds)]);
  const session = await openInCell(own, cell, command, { signal: patience });
  try {
    const [answer, said, end] = await Promise.all([
      beginning(session.stdout),
      beginning(session.stderr),
      session.ended,
    ]);
    if ("exitCode" in end && end.exitCode === 0) return runtimeOf(ecosystem, answer);
    const why = "broken" in end ? end.broken : said.trim().split("\n").at(-1) || `exit code ${end.exitCode}`;
    throw new KgentsError("cell-start", `the interpreter of the cell did not say which packages fit it: ${why}`);
  } finally {
    session.close();
  }
}
