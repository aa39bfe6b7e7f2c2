/**
 * The names of the connections between the worker and a supervisor that serves many programs.
 *
 * @module
 */
import { basename, join } from "node:path";
import { killMark } from "../sandbox/sandbox-paths.ts";

/** Pipes from the worker. The supervisor opens those that are there. */
export const pipesIn = ["script", "start", "inputs", "stdin"] as const;
/** Pipes to the worker. */
export const pipesOut = ["stdout", "stderr", "diagnostics", "reports"] as const;

/** The name of a pipe in the exchange directory. */
export type PipeName = (typeof pipesIn)[number] | (typeof pipesOut)[number];

/** See `killMark`, on the host. */
export const killMarkIn = (exchange: string): string => join(exchange, basename(killMark));

/** The supervisor's descriptors in addition to those of the sandbox. A shell redirects single digits only. */
export const lastingDescriptors = {
  /** The script of the shell that starts the program. */
  start: 6,
  /** A tar of the input files. */
  inputs: 7,
  /** The script of the program. */
  script: 8,
  /** The connection that stays, in both directions. */
  worker: 9,
} as const;

/** What the supervisor says on the connection that stays. */
export const announcements = {
  /** No process of a program is left, and the next one may come. */
  idle: "idle",
  /** It has opened the pipes. */
  open: "open",
} as const;
