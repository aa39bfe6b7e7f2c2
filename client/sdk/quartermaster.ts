import { validateRequest } from "#core/contract/parse-request";
import type { ExecutionRequest } from "#core/contract/request";
import type { SessionRequest } from "#core/contract/session/session";
import type { ArtifactStore } from "#platform/store/artifact-store";
import { uiLink } from "../stack/ui-link.ts";
import type { BatchHandle } from "./batch/batch-handle.ts";
import type { BatchItem } from "./batch/batch-items.ts";
import { type BatchOptions, getBatch, startBatch } from "./batch/start-batch.ts";
import { requestCompletion, sessionCompletion } from "./complete-request.ts";
import { dryRun } from "./dry-run.ts";
import { type ExecutionHandle, executionHandle } from "./execution-handle.ts";
import { noWorker } from "./no-worker.ts";
import type { Mode, Outcome, QuartermasterOptions } from "./quartermaster-options.ts";
import { recent } from "./recent.ts";
import { describeRun } from "./runs/describe-run.ts";
import { type ListOptions, listRuns, type RunSummary } from "./runs/list-runs.ts";
import type { ScheduleEntry, ScheduleOptions } from "./schedules/schedules.ts";
import { findStack, freshMilliseconds, openSession, type Session } from "./session.ts";
import type { CodeSession } from "./sessions/code-session.ts";
import { listSessions, type SessionSummary } from "./sessions/list-sessions.ts";
import type { SessionOptions } from "./sessions/open-session.ts";
import { type StartOptions, startExecution } from "./start-execution.ts";
import { unlessAborted } from "./unless-aborted.ts";

/** Loaded on use, with the SDK's client, which takes longer to load than most commands run. */
const schedules = () => import("./schedules/schedules.ts");
const sessions = () => import("./sessions/open-session.ts");

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
  /** All sessions that were opened. Pending calls and handles may still use earlier ones. */
  readonly #sessions: Session[] = [];
  /** The session for new calls. The stack behind it is checked again after a second. */
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
   * Runs code and waits for its result. In mode `dry-run`, returns what would be created.
   *
   * @param options.signal cancels the run, whose result then has the status `cancelled`. If it aborts before the start,
   * nothing is started
   * @throws KgentsError if the request is rejected or the run cannot be carried out. Code that fails is a result
   * @throws the signal's reason if it aborted before the start
   */
  async execute(request: ExecutionRequest, options: StartOptions = {}): Promise<Outcome<M>> {
    if (this.mode === "dry-run") return (await dryRun(this.#options, request)) as Outcome<M>;
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
   * @throws KgentsError if the request is rejected, or in mode `dry-run`
   * @throws the signal's reason if it aborted before the start
   */
  async start(request: ExecutionRequest, options: StartOptions = {}): Promise<ExecutionHandle> {
    const complete = (await this.#completing())(request);
    // Reject invalid requests before a server is started.
    validateRequest(complete);
    // Starting the stack may take minutes. It continues after an abort, for the next call.
    const { runs, taskQueue, store } = await unlessAborted(this.#served(), options.signal);
    return startExecution(runs, taskQueue, store, complete, options);
  }

  /**
   * Starts many runs as one batch without waiting for it, a few at a time. The batch continues without this process.
   *
   * @throws KgentsError if a request is rejected, which is named, and nothing was started; or in mode `dry-run`
   */
  async startBatch(
    requests: Iterable<ExecutionRequest> | AsyncIterable<ExecutionRequest>,
    options: BatchOptions = {},
  ): Promise<BatchHandle> {
    const complete = await this.#completing();
    const { runs, taskQueue, store } = await this.#served();
    const completed = async function* () {
      for await (const request of requests) yield complete(request);
    };
    return startBatch(runs, taskQueue, store, completed(), options);
  }

  /**
   * Runs many requests as one batch, a few at a time, and yields their outcomes in order. Code that fails is a result.
   * A run that could not be carried out has a failure.
   *
   * @example
   * ```ts
   * for await (const { index, result } of quartermaster.batch(requests, { concurrency: 20 })) {
   *   console.log(index, result?.status, result?.stdout.text);
   * }
   * ```
   * @throws KgentsError if a request is rejected, which is named; nothing was started
   */
  async *batch(
    requests: Iterable<ExecutionRequest> | AsyncIterable<ExecutionRequest>,
    options: BatchOptions = {},
  ): AsyncGenerator<BatchItem> {
    yield* (await this.startBatch(requests, options)).items();
  }

  /**
   * The handle of a run by its id. Any client may have started it.
   *
   * @throws KgentsError `not-found`
   */
  async get(id: string): Promise<ExecutionHandle> {
    const { runs, workers } = await this.#connected();
    const ids = await describeRun(runs, id);
    return executionHandle(runs, { workflowId: id }, ids, { attached: true, store: (await workers()).store });
  }

  /**
   * The handle of a batch by its id. Any client may have started it.
   *
   * @throws KgentsError `not-found`
   */
  async getBatch(id: string): Promise<BatchHandle> {
    const { runs, workers } = await this.#connected();
    return getBatch(runs, (await workers()).store, id);
  }

  /**
   * Lists the runs of the task queue from all clients: open ones first, then the latest closed ones.
   *
   * @throws KgentsError `temporal-unavailable`
   */
  async *list(options: ListOptions = {}): AsyncGenerator<RunSummary> {
    const { runs, taskQueue } = await this.#connected();
    yield* listRuns(runs, taskQueue, options);
  }

  /**
   * Opens a session, which keeps files, and in some languages names, between calls. It starts with its first call, and
   * ends with the scope of `await using`.
   *
   * @example
   * ```ts
   * await using session = await quartermaster.openSession({ language: "python" });
   * await session.run("x = 1");
   * const { displays } = await session.run("x + 1");
   * ```
   * @throws KgentsError `invalid-request`, or in mode `dry-run`
   */
  async openSession(session: SessionRequest = {}, options: SessionOptions = {}): Promise<CodeSession> {
    const complete = await sessionCompletion(this.mode, this.#options.configurationFile);
    const { client, taskQueue, store } = await this.#served();
    return (await sessions()).openCodeSession(await client(), taskQueue, store, complete(session), options);
  }

  /** The handle of a session by its id. Any client may have opened it. It does not end with a scope. */
  async getSession(id: string): Promise<CodeSession> {
    const { client, store } = await this.#served();
    return (await sessions()).existingCodeSession(await client(), store, id);
  }

  /**
   * Lists the sessions of the task queue from all clients.
   *
   * @param options.closed whether closed ones are listed, too. @default false
   * @throws KgentsError `temporal-unavailable`
   */
  async *listSessions(options: { readonly closed?: boolean | undefined } = {}): AsyncGenerator<SessionSummary> {
    const { runs, taskQueue } = await this.#connected();
    yield* listSessions(runs, taskQueue, options);
  }

  /**
   * Creates a schedule that starts runs of a request repeatedly. Large content is kept in the artifact store. It stays
   * there as long as it is used within the retention.
   *
   * @throws KgentsError `invalid-request`, `id-conflict`
   */
  async createSchedule(request: ExecutionRequest, options: ScheduleOptions): Promise<void> {
    const complete = (await this.#completing())(request);
    validateRequest(complete);
    const { client, taskQueue, store } = await this.#served();
    await (await schedules()).createSchedule(await client(), taskQueue, store, complete, options);
  }

  /**
   * Lists the schedules whose runs go to the task queue.
   *
   * @throws KgentsError `temporal-unavailable`
   */
  async *listSchedules(): AsyncGenerator<ScheduleEntry> {
    const { client, taskQueue } = await this.#connected();
    yield* (await schedules()).listSchedules(await client(), taskQueue);
  }

  /**
   * Deletes a schedule. Runs that it has started continue.
   *
   * @throws KgentsError `not-found`
   */
  async deleteSchedule(id: string): Promise<void> {
    const { client } = await this.#connected();
    await (await schedules()).deleteSchedule(await client(), id);
  }

  /**
   * Starts a run of a schedule now, in addition to its scheduled times.
   *
   * @returns the id of a run that was started since the call
   * @throws KgentsError `not-found`
   */
  async triggerSchedule(id: string): Promise<string> {
    const { client } = await this.#connected();
    return (await schedules()).triggerSchedule(await client(), id);
  }

  /** Whether a worker serves the task queue now. Without one, a run waits. */
  async isServed(): Promise<boolean> {
    return (await (await this.#connected()).workers()).served;
  }

  /**
   * The address of all runs, or of one, in Temporal's UI; undefined if it is not known. For your own server, set
   * `KGENTS_UI_URL`.
   */
  async uiUrl(run?: { readonly id: string; readonly runId: string }): Promise<string | undefined> {
    const { namespace, ui } = await this.#connected();
    const base = await ui();
    return base === undefined ? undefined : uiLink(base, namespace, run);
  }

  /** The artifact store, if this process shares it with the workers. */
  async store(): Promise<ArtifactStore | undefined> {
    return (await (await this.#connected()).workers()).store;
  }

  /** Closes the connection. Runs continue. */
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

  /** The connection, if a worker serves the queue. */
  async #served(): Promise<Pick<Session, "runs" | "client" | "taskQueue"> & { store: ArtifactStore | undefined }> {
    const { runs, client, taskQueue, address, workers } = await this.#connected();
    const { store, served, passiveVersions } = await workers();
    if (served) return { runs, client, taskQueue, store };
    throw noWorker(taskQueue, address, passiveVersions);
  }
}
