import { pino } from "pino";
import { printableJson } from "#core/text/printable-json";

/** The log of a worker or an operator: one JSON line an event. */
export type Logger = ReturnType<typeof createLogger>;

/** Limit in bytes for buffered log lines that cannot be written. More are dropped. */
const keptBytes = 2 ** 20;

/** Creates the log on stderr. `LOG_LEVEL` sets its level. @default info */
export function createLogger() {
  // Synchronous, so that the last lines before a crash are written.
  const stderr = pino.destination({ dest: 2, sync: true, maxLength: keptBytes });
  // Without a listener, a full disk or a closed reader would make each log call throw and end the worker.
  stderr.on("error", () => {});
  return pino(
    {
      level: process.env.LOG_LEVEL ?? "info",
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (level) => ({ level }) },
      // Values may contain names and messages of others. Escape them, so that a line stays one line and is safe on a
      // terminal.
      hooks: { streamWrite: printableJson },
    },
    stderr,
  );
}
