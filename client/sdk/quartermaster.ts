import { validateRequest } from "#core/contract/parse-request";
import type { ExecutionRequest } from "#core/contract/request";
import type { ArtifactStore } from "#platform/store/artifact-store";
import { uiLink } from "../stack/ui-link.ts";
import type { BatchHandle, BatchItem } from "./batch/batch-handle.ts";
import { type BatchOptions, getBatch, startBatch } from "./batch/start-batch.ts";
import { requestCompletion } from "./complete-request.ts";
import { dryRun } from "./dry-run.ts";
import { type ExecutionHandle, executionHandle, executionIds } from "./execution-handle.ts";
import { noWorker } from "./no-worker.ts";
import type { Mode, Outcome, QuartermasterOptions } from "./quartermaster-options.ts";
import { recent } from "./recent.ts";
import { describeRun } from "./runs/describe-run.ts";
import { type ListOptions, listRuns, type RunSummary } from "./runs/list-runs.ts";
import {
  createSchedule,
  deleteSchedule,
  listSchedules,
  type ScheduleEntry,
  type ScheduleOptions,
  triggerSchedule,
} from "./schedules/schedules.ts";
import { findStack, freshMilliseconds, openSession, type Session } from "./session.ts";
import { type StartOptions, startExecution } from "./start-execution.ts";
import { unlessAborted } from "./unless-aborted.ts";

/**
 * Provisions and executes disposable code.
 *
 * @example
 * ```ts
 * await using quartermaster = new Quartermaster();
 * const result = await quartermaster.execute({ code: "print('hello')" });
 * console.log(result.status, result.stdout.text);
 * ```
 */
export class Quartermaster<M extends Mode = "auto"> implements AsyncDisposable {
  readonly #options: QuartermasterOptions<M>;
  /** All that were opened: calls and handles may use an earlier one still. */
  readonly #sessions: Session[] = [];
  /** The session of new calls; what it depends on is looked for again after a second. */
  readonly #connected = recent(freshMilliseconds, async (before: Session | undefined): Promise<Session> => {
    const found = await findStack(this.#options);
    if (before?.goOn(found)) return before;
    const session = await openSession(this.#options, found);
    this.#sessions.push(session);
    return session;
  });

  constructor(options: QuartermasterOptions<M> = {}) {
    this.#options = options;
  }

  /** Where runs go. */
  get mode(): Mode {
    return this.#options.mode ?? "auto";
  }

  /**
   * Runs code and waits for its result; in mode `dry-run`, only says what would be created.
   *
   * @param options.signal cancels the run, whose result then says so; where it is aborted before the run is started, nothing is
   * @throws KgentsError where the request is refused or the run cannot be carried out; code that fails is a result
   * @throws the signal's reason, where it was aborted before the run was started
   */
  async execute(request: ExecutionRequest, options: StartOptions = {}): Promise<Outcome<M>> {
    if (this.mode === "dry-run") return (await dryRun(this.#options.configurationFile, request)) as Outcome<M>;
    const { signal } = options;
    signal?.throwIfAborted();
    const handle = await this.start(request, options);
    const cancel = (): void => void handle.cancel().catch(() => {});
    if (signal?.aborted) cancel();
    signal?.addEventListener("abort", cancel, { once: true });
    try {
      return (await handle.result()) as Outcome<M>;
    } finally {
      signal?.removeEventListener("abort", cancel);
    }
  }

  /**
   * Starts a run without waiting for it.
   *
   * @throws KgentsError where the request is refused, or in mode `dry-run`
   * @throws the signal's reason, where it was aborted before the run was started
   */
  async start(request: ExecutionRequest, options: StartOptions = {}): Promise<ExecutionHandle> {
    const complete = (await this.#completing())(request);
    // Refused before a server is started for it.
    validateRequest(complete);
    // To bring the stack up may take minutes; it goes on for the next call.
    const { client, taskQueue, store } = await unlessAborted(this.#served(), options.signal);
    return startExecution(client, taskQueue, store, complete, options);
  }

  /**
   * Starts many runs as one batch, without waiting for it: a few at a time, whatever becomes of this process.
   *
   * @throws KgentsError where a request is refused: it is named, and nothing was started; or in mode `dry-run`
   */
  async startBatch(
    requests: Iterable<ExecutionRequest> | AsyncIterable<ExecutionRequest>,
    options: BatchOptions = {},
  ): Promise<BatchHandle> {
    const complete = await this.#completing();
    const { client, taskQueue, store } = await this.#served();
    const completed = async function* () {
      for await (const request of requests) yield complete(request);
    };
    return startBatch(client, taskQueue, store, completed(), options);
  }

  /**
   * Runs many requests as one batch, a few at a time, and gives what became of each in their order. Code that fails is a result; a
   * run that could not be carried out has a failure.
   *
   * @example
   * ```ts
   * for await (const { index, result } of quartermaster.batch(requests, { concurrency: 20 })) {
   *   console.log(index, result?.status, result?.stdout.text);
   * }
   * ```
   * @throws KgentsError where a request is refused: it is named, and nothing was started
   */
  async *batch(
    requests: Iterable<ExecutionRequest> | AsyncIterable<ExecutionRequest>,
    options: BatchOptions = {},
  ): AsyncGenerator<BatchItem> {
    yield* (await this.startBatch(requests, options)).items();
  }

  /**
   * The handle of a run by its id, whoever started it.
   *
   * @throws KgentsError `not-found`
   */
  async get(id: string): Promise<ExecutionHandle> {
    const { client, workers } = await this.#connected();
    const handle = client.workflow.getHandle(id);
    const ids = executionIds(await describeRun(client, handle));
    return executionHandle(client, handle, ids, { attached: true, store: (await workers()).store });
  }

  /**
   * The handle of a batch by its id, whoever started it.
   *
   * @throws KgentsError `not-found`
   */
  async getBatch(id: string): Promise<BatchHandle> {
    const { client, workers } = await this.#connected();
    return getBatch(client, (await workers()).store, id);
  }

  /**
   * Lists the runs of the task queue, whoever started them: those that run first, then those that ended last.
   *
   * @throws KgentsError `temporal-unavailable`
   */
  async *list(options: ListOptions = {}): AsyncGenerator<RunSummary> {
    const { client, taskQueue } = await this.#connected();
    yield* listRuns(client, taskQueue, options);
  }

  /**
   * Creates a schedule that starts a run of a request again and again. Content of the request that is large lies in the artifact store, and
   * stays there as long as it is used within the retention.
   *
   * @throws KgentsError `invalid-request`, `id-conflict`
   */
  async createSchedule(request: ExecutionRequest, options: ScheduleOptions): Promise<void> {
    const complete = (await this.#completing())(request);
    validateRequest(complete);
    const { client, taskQueue, store } = await this.#served();
    await createSchedule(client, taskQueue, store, complete, options);
  }

  /**
   * Lists the schedules whose runs go to the task queue.
   *
   * @throws KgentsError `temporal-unavailable`
   */
  async *listSchedules(): AsyncGenerator<ScheduleEntry> {
    const { client, taskQueue } = await this.#connected();
    yield* listSchedules(client, taskQueue);
  }

  /**
   * Removes a schedule. Runs that it has started go on.
   *
   * @throws KgentsError `not-found`
   */
  async deleteSchedule(id: string): Promise<void> {
    await deleteSchedule((await this.#connected()).client, id);
  }

  /**
   * Starts a run of a schedule now, beside what is due by the clock.
   *
   * @returns the id of a run that was started since
   * @throws KgentsError `not-found`
   */
  async triggerSchedule(id: string): Promise<string> {
    return triggerSchedule((await this.#connected()).client, id);
  }

  /** Whether any worker serves the task queue now: without one a run waits. */
  async isServed(): Promise<boolean> {
    return (await (await this.#connected()).workers()).served;
  }

  /**
   * Where a person can look at all runs in Temporal's UI, or at one; undefined where it is not known: the UI of a server of
   * your own is named by `KGENTS_UI_URL`.
   */
  async uiUrl(run?: { readonly id: string; readonly runId: string }): Promise<string | undefined> {
    const { namespace, ui } = await this.#connected();
    const base = await ui();
    return base === undefined ? undefined : uiLink(base, namespace, run);
  }

  /** The artifact store, where this process shares it with the workers. */
  async store(): Promise<ArtifactStore | undefined> {
    return (await (await this.#connected()).workers()).store;
  }

  /** Closes the connection. Runs go on. */
  async close(): Promise<void> {
    await this.#connected.forget();
    await Promise.all(this.#sessions.splice(0).map((session) => session.close()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #completing(): Promise<(request: ExecutionRequest) => ExecutionRequest> {
    return requestCompletion(this.mode, this.#options.configurationFile);
  }

  /** The connection, where there is a worker. */
  async #served(): Promise<Pick<Session, "client" | "taskQueue"> & { store: ArtifactStore | undefined }> {
    const { client, taskQueue, address, workers } = await this.#connected();
    const { store, served, passiveVersions } = await workers();
    if (served) return { client, taskQueue, store };
    throw noWorker(taskQueue, address, passiveVersions);
  }
}
