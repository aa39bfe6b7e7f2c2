import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { openCodeSession } from "#client/sdk/sessions/open-session";
import { startExecution } from "#client/sdk/start-execution";
import { grpcRuns } from "#client/sdk/temporal/grpc-runs";
import { pythonPackages } from "../test/support/python-packages.ts";
import { startBenchStack } from "./stack.ts";
import { quantile, timed } from "./statistics.ts";

const rounds = 100;
const warmUp = 10;
const code = "print(1)";
const memory = "256Mi";

const inWords = (milliseconds: readonly number[]): string =>
  `p50 ${quantile(milliseconds, 0.5).toFixed(1)} ms, p95 ${quantile(milliseconds, 0.95).toFixed(1)} ms`;

/** A Jupyter kernel, with its own client, that runs the same code. */
async function startJupyter(): Promise<AsyncDisposable & { readonly run: () => Promise<number> }> {
  const file = (name: string): string => fileURLToPath(new URL(`./peer/${name}`, import.meta.url));
  const environment = await pythonPackages(file("requirements.txt"));
  const child = spawn("python3", [file("jupyter.py")], {
    env: { ...process.env, ...environment },
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  await lines.next();
  return {
    run: async () => {
      child.stdin.write("\n");
      return Number((await lines.next()).value);
    },
    [Symbol.asyncDispose]: async () => {
      const ended = once(child, "exit");
      child.stdin.end();
      await ended;
    },
  };
}

/** Measures a call in a warm session, beside a run of its own and beside a Jupyter kernel on this machine. */
export async function* measureSessions(binaries: { temporal: string; bubblewrap: string }): AsyncGenerator<string> {
  await using stack = await startBenchStack(binaries);
  await using jupyter = await startJupyter();
  const { client } = stack;
  const open = () => openCodeSession(client, "bench", undefined, { memory }, { id: `session-${randomUUID()}` });
  const runAlone = async (): Promise<void> => {
    await (await startExecution(grpcRuns(client), "bench", undefined, { code, memory }, {})).result();
  };

  const firsts: number[] = [];
  for (let round = -2; round < 10; round += 1) {
    const fresh = open();
    const milliseconds = await timed(() => fresh.run(code));
    if (round >= 0) firsts.push(milliseconds);
    await fresh.close();
  }
  yield `open a session and run \`${code}\`: ${inWords(firsts)}`;

  const session = open();
  const warm: number[] = [];
  const alone: number[] = [];
  const peer: number[] = [];
  // In turn, so that changes in the machine's speed affect all alike.
  for (let round = -warmUp; round < rounds; round += 1) {
    const three = [await timed(() => session.run(code)), await timed(runAlone), await jupyter.run()] as const;
    if (round < 0) continue;
    warm.push(three[0]);
    alone.push(three[1]);
    peer.push(three[2]);
  }
  yield `\`${code}\` in a warm session by the API: ${inWords(warm)} (goal p50 <= 40 ms)`;
  yield `\`${code}\` as a run of its own: ${inWords(alone)}`;
  yield `\`${code}\` in a Jupyter kernel by jupyter_client: ${inWords(peer)}`;
  const { historyLength } = await client.workflow.getHandle(session.id).describe();
  yield `events of history a call: ${(historyLength / (rounds + warmUp)).toFixed(1)} (goal <= 12)`;
  await session.close();
}
