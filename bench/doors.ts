import { join } from "node:path";
import { Client, Connection } from "@temporalio/client";
import { startExecution } from "#client/sdk/start-execution";
import { grpcRuns } from "#client/sdk/temporal/grpc-runs";
import type { ExecutionRequest } from "#core/contract/request";
import type { ExecutionResult } from "#core/contract/result";
import { openDirectoryStore } from "#platform/store/directory-store";
import { connectByStdio, openTerminal } from "../test/mcp/support.ts";
import { firstByteDelay } from "./live-output.ts";
import { inPairs, median, timed } from "./statistics.ts";

const rounds = 30;
const program = "print(1)";

/**
 * Measures each client: live output, the start of the command line, and the Model Context Protocol compared with the
 * API.
 */
export async function* measureDoors({ temporal }: { temporal: string }): AsyncGenerator<string> {
  await using terminal = await openTerminal(temporal);
  await terminal.run(["up"]);
  const connection = await Connection.connect({ address: `127.0.0.1:${terminal.port}` });
  try {
    const client = new Client({ connection });
    const store = await openDirectoryStore(join(terminal.state, "artifacts"));
    const start = (request: ExecutionRequest) => startExecution(grpcRuns(client), "kgents", store, request, {});

    const live = await inPairs(
      rounds,
      3,
      () => firstByteDelay((request) => startExecution(grpcRuns(client), "kgents", undefined, request, {})),
      () => firstByteDelay(start),
    );
    yield `first byte of live output after the code wrote it, p50: ${live.ours.toFixed(0)} ms by heartbeat (goal <= 400), ${live.peer.toFixed(1)} ms by the store (goal <= 100)`;

    const starts: number[] = [];
    for (let round = -3; round < rounds; round += 1) {
      const began = Date.now();
      const { stdout } = await terminal.run(["exec", "--json", "--code", program]);
      const { timings } = JSON.parse(stdout) as ExecutionResult;
      if (round >= 0) starts.push(Date.parse(timings.queued) - began);
    }
    yield `\`kgents exec\`, from the process's start until the server has the run's start, p50: ${median(starts).toFixed(0)} ms (goal <= 250)`;

    await using agent = await connectByStdio(terminal);
    const call = await inPairs(
      rounds,
      5,
      () => timed(() => agent.call("run_code", { code: program })),
      () => timed(async () => (await start({ code: program })).result()),
    );
    yield `run_code of \`${program}\` by MCP, p50: ${call.ours.toFixed(1)} ms, beside the API ${call.peer.toFixed(1)} ms: ${call.ratio.toFixed(2)} x (goal <= 1.2)`;
  } finally {
    await connection.close();
  }
}
