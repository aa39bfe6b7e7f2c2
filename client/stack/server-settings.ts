import { searchAttributes } from "../../core/names.ts";

/**
 * What the development server is told at its start.
 *
 * The server's queues wait for the next tick of a rate limiter, by default 20 a second, before they look for what is to be
 * done: that, and not the work, was most of the time of a run. SQLite's own default, to sync on every write, was the rest.
 * A write-ahead log synced at checkpoints may lose the last moments in a power cut, and is never corrupted by one.
 */
const dynamicConfiguration: Readonly<Record<string, number>> = {
  "history.transferProcessorMaxPollRPS": 2000,
};

const sqlitePragmas: Readonly<Record<string, string>> = {
  journal_mode: "wal",
  synchronous: "normal",
};

/** Where a server listens and keeps its history. */
export interface ServerPlace {
  readonly port: number;
  readonly uiPort: number;
  readonly database: string;
}

/** The arguments of `temporal` that start the server there. */
export function serverArguments({ port, uiPort, database }: ServerPlace): string[] {
  const attributes = Object.values(searchAttributes).map((name) => `${name}=Keyword`);
  const pairs = (values: Readonly<Record<string, string | number>>): string[] =>
    Object.entries(values).map(([name, value]) => `${name}=${value}`);
  const repeated = (flag: string, values: readonly string[]): string[] => values.flatMap((value) => [flag, value]);
  return [
    ...["server", "start-dev", "--ip", "127.0.0.1", "--port", String(port), "--ui-port", String(uiPort)],
    ...["--db-filename", database, "--log-level", "warn"],
    ...repeated("--search-attribute", attributes),
    ...repeated("--dynamic-config-value", pairs(dynamicConfiguration)),
    ...repeated("--sqlite-pragma", pairs(sqlitePragmas)),
  ];
}
