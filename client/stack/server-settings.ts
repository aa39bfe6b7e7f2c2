import { searchAttributes } from "#core/contract/names";

/**
 * The server's queues wait for the next tick of a rate limiter, by default 20 a second, before they look for what is to be
 * done: that, and not the work, was most of the time of a run. None of this costs anything while nothing happens.
 */
export const dynamicConfiguration: Readonly<Record<string, number | string | boolean>> = {
  "history.transferProcessorMaxPollRPS": 2000,
  // Time-outs, retries and timers.
  "history.timerProcessorMaxPollRPS": 2000,
  // Timers are held back for as long as the clocks of a cluster's hosts may differ, by default 1 s. Here is one host, and
  // a timer of 5 ms took 1,013 ms.
  "history.timerProcessorMaxTimeShift": "10ms",
  // A run that ended is in the list of runs after 6 ms instead of 25 to 50.
  "history.visibilityProcessorMaxPollRPS": 2000,
  // Runs that wait are taken by turns between those who ask; without it the requester makes no difference.
  "matching.enableFairness": true,
  // Priority and fairness hold within a partition of a queue. By default there are four, for the sake of many hosts.
  "matching.numTaskqueueReadPartitions": 1,
  "matching.numTaskqueueWritePartitions": 1,
};

/**
 * SQLite's default is to sync on every write. A write-ahead log that is synced at checkpoints may lose the last moments in a
 * power cut, and is never corrupted by one.
 */
const sqlitePragmas: Readonly<Record<string, string>> = {
  journal_mode: "wal",
  synchronous: "normal",
};

/** Where a server listens and keeps its history. */
export interface ServerPlace {
  readonly port: number;
  readonly ui: { readonly host: string; readonly port: number };
  readonly http: {
    readonly port: number;
    /** The only `Host` that its HTTP API answers. */
    readonly host: string;
  };
  readonly database: string;
}

/** The arguments of `temporal` that start the server there. */
export function serverArguments({ port, ui, http, database }: ServerPlace): string[] {
  const attributes = Object.values(searchAttributes).map((name) => `${name}=Keyword`);
  const settings = { ...dynamicConfiguration, "frontend.httpAllowedHosts": [http.host] };
  const dynamic = Object.entries(settings).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  const pragmas = Object.entries(sqlitePragmas).map(([name, value]) => `${name}=${value}`);
  const repeated = (flag: string, values: readonly string[]): string[] => values.flatMap((value) => [flag, value]);
  return [
    ...["server", "start-dev", "--ip", "127.0.0.1", "--port", String(port), "--http-port", String(http.port)],
    ...["--ui-ip", ui.host, "--ui-port", String(ui.port), "--db-filename", database],
    ...["--log-level", "warn"],
    ...repeated("--search-attribute", attributes),
    ...repeated("--dynamic-config-value", dynamic),
    ...repeated("--sqlite-pragma", pragmas),
  ];
}
