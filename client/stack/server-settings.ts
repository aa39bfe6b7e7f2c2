import { searchAttributes } from "#core/contract/names";

/**
 * The server's queues poll at the rate of a limiter, by default 20 times a second. This polling, and not the work, took
 * most of the time of a run. Higher limits cost nothing while the server is idle.
 */
export const dynamicConfiguration: Readonly<Record<string, number | string | boolean>> = {
  "history.transferProcessorMaxPollRPS": 2000,
  // Timeouts, retries and timers.
  "history.timerProcessorMaxPollRPS": 2000,
  // Timers are delayed by the maximum clock skew between hosts, by default 1 s. There is one host here. With the
  // default, a timer of 5 ms took 1,013 ms.
  "history.timerProcessorMaxTimeShift": "10ms",
  // A closed run appears in the list of runs after 6 ms instead of 25 to 50.
  "history.visibilityProcessorMaxPollRPS": 2000,
  // Round-robin between the requesters of waiting runs. Without it, the fairness key has no effect.
  "matching.enableFairness": true,
  // Priority and fairness apply within one partition of a queue. The default of four is meant for many hosts.
  "matching.numTaskqueueReadPartitions": 1,
  "matching.numTaskqueueWritePartitions": 1,
};

/**
 * SQLite syncs on every write by default. A write-ahead log with syncs at checkpoints can lose the latest writes in a
 * power cut, but is never corrupted by one.
 */
const sqlitePragmas: Readonly<Record<string, string>> = {
  journal_mode: "wal",
  synchronous: "normal",
};

/** The addresses of a server and its database. */
export interface ServerPlace {
  readonly port: number;
  readonly ui: { readonly host: string; readonly port: number };
  readonly http: {
    readonly port: number;
    /** The only `Host` that its HTTP API accepts. */
    readonly host: string;
  };
  readonly database: string;
}

/** The arguments of `temporal` for that server. */
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
