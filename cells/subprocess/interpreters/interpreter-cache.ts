import { stat } from "node:fs/promises";
import type { Language } from "#core/contract/language";
import type { Ask } from "./ask-inside.ts";
import { resolveInterpreter } from "./interpreter.ts";
import type { Interpreter } from "./interpreter-command.ts";

/**
 * How long an answer is used before it is refreshed. A shim's target can change (`pyenv global`) without a change to
 * the bound files.
 */
const lifetime = 60_000;

interface Entry {
  readonly interpreter: Interpreter;
  readonly resolvedAt: number;
}

async function stillThere(interpreter: Interpreter): Promise<boolean> {
  const sources = [interpreter.hostCommand[0] ?? "", ...interpreter.binds.map((bind) => bind.source)];
  const found = await Promise.allSettled(sources.map((source) => stat(source)));
  return found.every((result) => result.status === "fulfilled");
}

/** Caches interpreters: resolving one takes 20 to 200 ms. */
export function createInterpreterCache(ask: Ask): (language: Language) => Promise<Interpreter> {
  const entries = new Map<string, Entry>();
  const resolving = new Map<string, Promise<Interpreter>>();
  const resolve = (key: string, language: Language): Promise<Interpreter> => {
    const running = resolving.get(key) ?? resolveInterpreter(language, ask).finally(() => resolving.delete(key));
    resolving.set(key, running);
    return running.then((interpreter) => {
      entries.set(key, { interpreter, resolvedAt: Date.now() });
      return interpreter;
    });
  };
  return async (language) => {
    const key = JSON.stringify([language.command, language.versionFlags, process.env.PATH]);
    const entry = entries.get(key);
    if (!entry || !(await stillThere(entry.interpreter))) return resolve(key, language);
    // Refresh in the background, so that the run does not wait.
    if (Date.now() - entry.resolvedAt > lifetime) resolve(key, language).catch(() => entries.delete(key));
    return entry.interpreter;
  };
}
