import { join } from "node:path";
import { defaultTaskQueue } from "#core/contract/names";
import { packageFile } from "#platform/host/package-files";
import { kgentsPaths, type Paths } from "#platform/host/paths";
import { serverFile } from "#platform/host/server-record";

/** Options of the local stack. */
export interface StackOptions {
  /** @default the XDG directories */
  readonly paths?: Paths | undefined;
  /** @default that of this process */
  readonly environment?: NodeJS.ProcessEnv | undefined;
  /** Temporal's address from the caller. That server is used as it is. */
  readonly address?: string | undefined;
  /** The port of the local server. @default `KGENTS_PORT`, else the one it runs on, else 7233 */
  readonly port?: number | undefined;
  /** @default `kgents` */
  readonly taskQueue?: string | undefined;
  /** The worker's configuration, as YAML or JSON. The worker is restarted when it changes. @default none of its own */
  readonly configurationText?: string | undefined;
  /** Whether the worker keeps artifacts in a bucket and therefore needs its credentials. @default false */
  readonly usesBucket?: boolean | undefined;
  /** How long the local server keeps the history of a closed run, in milliseconds. @default 7 days */
  readonly retentionMilliseconds?: number | undefined;
  /** Whether to start what does not run. @default true */
  readonly start?: boolean | undefined;
  /** Called with progress messages and notices. */
  readonly progress?: ((line: string) => void) | undefined;
  /** The worker's program. @default that of this build */
  readonly workerEntry?: string | undefined;
}

/** Resolved options of the local stack. */
export interface StackContext {
  readonly paths: Paths;
  readonly environment: NodeJS.ProcessEnv;
  readonly address: string | undefined;
  readonly port: number | undefined;
  readonly taskQueue: string;
  readonly configurationText: string;
  readonly usesBucket: boolean;
  readonly retentionMilliseconds: number;
  readonly start: boolean;
  readonly progress: (line: string) => void;
  readonly workerEntry: string;
  readonly files: {
    readonly lock: string;
    readonly server: string;
    readonly serverLog: string;
    readonly uiGuard: string;
    readonly uiGuardLog: string;
  };
}

const dayMilliseconds = 86_400_000;

/** Applies the defaults. */
export function stackContext(options: StackOptions): StackContext {
  const environment = options.environment ?? process.env;
  const paths = options.paths ?? kgentsPaths(environment);
  return {
    paths,
    environment,
    address: options.address,
    port: options.port,
    taskQueue: options.taskQueue ?? defaultTaskQueue,
    configurationText: options.configurationText ?? "{}",
    usesBucket: options.usesBucket ?? false,
    retentionMilliseconds: options.retentionMilliseconds ?? 7 * dayMilliseconds,
    start: options.start ?? true,
    progress: options.progress ?? (() => {}),
    workerEntry: options.workerEntry ?? packageFile("dist/worker/bundle/main.js"),
    files: {
      lock: join(paths.state, "stack.lock"),
      server: serverFile(paths.state),
      serverLog: join(paths.state, "temporal.log"),
      uiGuard: join(paths.state, "ui-guard.json"),
      uiGuardLog: join(paths.state, "ui-guard.log"),
    },
  };
}
