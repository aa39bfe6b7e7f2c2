/** Code that reports each of its starts to a test listener, and whose output is known exactly. */
import { createHash } from "node:crypto";
import type { ExecutionRequest } from "#core/contract/request";
import { node } from "./support.ts";

const lines = 2000;
const linesPerPause = 20;

const text = (word: string): string => Array.from({ length: lines }, (_, index) => `${word} ${index + 1}\0\n`).join("");

/** The expected output. */
export const witnessOutput = { stdout: text("line"), stderr: text("error") } as const;

export const sha256 = (content: string | Buffer): string => createHash("sha256").update(content).digest("hex");

/** A command that reports the start of an id's code to the listener. */
export const tellStart = (id: string): string =>
  `wget -q -O /dev/null --post-data=started http://${node().listeners.host}/${id}`;

/**
 * The request of a witness, for POSIX sh with busybox's wget.
 *
 * @param id the id to report
 * @param seconds how long it writes
 * @param before the command to run first, after the report
 */
export const witness = (id: string, seconds: number, before = ":"): ExecutionRequest => ({
  language: "sh",
  code: `${tellStart(id)}
${before}
i=0
while [ $i -lt ${lines} ]; do
  i=$((i + 1))
  printf 'line %d\\0\\n' $i
  printf 'error %d\\0\\n' $i >&2
  [ $((i % ${linesPerPause})) -ne 0 ] || sleep ${(seconds * linesPerPause) / lines}
done
`,
  backend: "kubernetes",
  timeout: 120,
  cpu: 1,
  ttl: 1,
});

/** Pauses a witness at its start until a file of that name is in its work directory. */
export const waitFor = (file: string): string => `until [ -e ${file} ]; do sleep 0.2; done`;

/** How often the witness of an id was started. */
export const starts = async (id: string): Promise<number> =>
  (await node().listeners.requests()).filter(({ path }) => path === `/${id}`).length;
