import type { KgentsError } from "../../core/error.ts";
import { Quartermaster } from "../quartermaster.ts";
import type { QuartermasterOptions } from "../quartermaster-options.ts";

/** How long a connection is lent without looking whether the stack is still there: to look takes some 20 ms. */
const freshMilliseconds = 1000;

/** The stack as a server that lives long sees it: connected when it is needed, and looked for again from time to time. */
export interface Stack {
  /** Lends a Quartermaster. */
  readonly use: <Answer>(work: (quartermaster: Quartermaster) => Promise<Answer>) => Promise<Answer>;
  readonly close: () => Promise<void>;
}

interface Connection {
  readonly quartermaster: Quartermaster;
  readonly since: number;
  users: number;
}

/** Prepares a stack. Nothing is started by it. */
export function createStack(options: Omit<QuartermasterOptions, "mode">): Stack {
  let current: Connection | undefined;
  /** Connections that are no longer lent, and closed by their last user. */
  const closeIfUnused = async (connection: Connection): Promise<void> => {
    if (connection.users === 0 && connection !== current) await connection.quartermaster.close();
  };
  const retire = async (): Promise<void> => {
    const old = current;
    current = undefined;
    if (old) await closeIfUnused(old);
  };
  return {
    use: async (work) => {
      if (current && Date.now() - current.since > freshMilliseconds) await retire();
      current ??= { quartermaster: new Quartermaster(options), since: Date.now(), users: 0 };
      const connection = current;
      connection.users += 1;
      try {
        return await work(connection.quartermaster);
      } catch (error) {
        // The next call connects anew, and so starts what may have been stopped.
        if ((error as Partial<KgentsError>)?.code === "temporal-unavailable" && connection === current) {
          current = undefined;
        }
        throw error;
      } finally {
        connection.users -= 1;
        await closeIfUnused(connection);
      }
    },
    close: retire,
  };
}
