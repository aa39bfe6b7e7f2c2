/**
 * Runs that end, or go on, in every way that the UI must tell apart; the same for both backends.
 *
 * @module
 */
import type { ExecutionHandle } from "#client/sdk/execution-handle";
import { executeCodeWorkflow } from "#core/contract/names";
import type { ExecutionRequest } from "#core/contract/request";
import type { BackendName } from "#core/contract/result";
import type { TestWorker } from "../support/test-worker.ts";
import type { RunOnPage } from "./temporal-ui.ts";

/** A run, and what its page must show. */
export interface ToldRun {
  readonly name: string;
  readonly request: Omit<ExecutionRequest, "code"> & { readonly code: string };
  /** What happens to it while it runs. Without this, the test waits for its end. */
  readonly meanwhile?: (handle: ExecutionHandle) => Promise<unknown>;
  /** Lines of its story, or their beginnings. */
  readonly lines: readonly string[];
}

/** The requester of all of them. */
export const requester = "docs@example.com";

const started = async (handle: ExecutionHandle): Promise<void> => {
  for await (const event of handle.output()) if (event.type === "output") return;
};

const sleeping = "echo started\nsleep 300 # in seconds";

/** Runs that kgents carries out. */
export const toldRuns = (backend: BackendName): ToldRun[] => {
  const request = { backend, requester, cpu: 1, ttl: 5 } as const;
  return [
    {
      name: "succeeded",
      request: { ...request, code: "# The answer.\nanswer = 6 * 7\n\nprint(answer)" },
      lines: ["Phase: done", "Outcome: succeeded · exit code 0", "Language: python"],
    },
    {
      name: "failed",
      request: { ...request, language: "sh", code: "echo first\nexit 3" },
      lines: ["Phase: done", "Outcome: failed: the code exited with 3 · exit code 3", "Language: sh"],
    },
    {
      name: "timed-out",
      request: { ...request, timeout: 1, code: "print('too long', flush=True)\nimport time\ntime.sleep(60)" },
      lines: ["Phase: done", "Outcome: timed-out: ", "Language: python"],
    },
    {
      name: "cancelled",
      request: { ...request, language: "sh", code: sleeping },
      meanwhile: async (handle) => {
        await started(handle);
        await handle.cancel();
        await handle.result();
      },
      lines: ["Phase: done", "Outcome: cancelled: the run was cancelled", "Language: sh"],
    },
    {
      name: "running",
      request: { ...request, language: "sh", code: sleeping },
      meanwhile: started,
      lines: ["Phase: executing (the code runs)", "Language: sh"],
    },
  ];
};

/** A run for the cluster that the sandbox took over. */
export const fallenBack: ToldRun = {
  name: "fallen-back",
  request: { requester, cpu: 1, language: "javascript", code: "const answer = 6 * 7;\nconsole.log(answer);" },
  lines: ["Phase: done", "Outcome: succeeded · exit code 0", "Language: javascript"],
};

/** Starts one and waits until its page shows what it is for. */
export async function tellRun(worker: TestWorker, { name, request, meanwhile }: ToldRun): Promise<ExecutionHandle> {
  const id = `${name}-${request.backend ?? "auto"}-${crypto.randomUUID().slice(0, 8)}`;
  const handle = await worker.start(request, { id });
  await (meanwhile ? meanwhile(handle) : handle.result());
  return handle;
}

/** Starts a run that cannot be carried out, like another SDK, and waits for its failure. */
export async function refusedRun(worker: TestWorker, request: unknown): Promise<RunOnPage> {
  const handle = await worker.client.workflow.start(executeCodeWorkflow, {
    workflowId: `refused-${crypto.randomUUID().slice(0, 8)}`,
    taskQueue: worker.taskQueue,
    args: [request],
  });
  await handle.result().then(
    () => Promise.reject(new Error("it was carried out")),
    () => {},
  );
  return { id: handle.workflowId, runId: handle.firstExecutionRunId };
}
