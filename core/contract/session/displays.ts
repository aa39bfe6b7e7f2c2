/**
 * What a kernel says of a call. The kernel lives in the same process as the code, so all of it is untrusted: its types
 * are on a list, its number and size are bounded, and nothing of it is rendered.
 *
 * @module
 */
import { utf8Length } from "../../text/bytes.ts";
import { isRecord } from "../../text/is-record.ts";

/** The MIME types of displays, the simplest first. Others are left out. */
export const displayTypes = [
  "text/plain",
  "text/markdown",
  "text/latex",
  "text/html",
  "application/json",
  "image/svg+xml",
  "image/png",
  "image/jpeg",
] as const;

/** The MIME type of a representation. */
export type DisplayType = (typeof displayTypes)[number];

/** The maximum number of displays of a call. */
export const maximumDisplays = 16;
/** The maximum size of all displays of a call, in bytes as the kernel sends them (images in base64). */
export const maximumDisplayBytes = 8 * 1024 * 1024;
/** The maximum length of an exception's name, and of its message. */
const maximumNameLength = 200;
const maximumMessageLength = 4096;

/** Whether the content of a type is sent in base64. */
export const isBinary = (type: DisplayType): boolean => type === "image/png" || type === "image/jpeg";

/** A value that was shown: its representations by MIME type; binary ones in base64. */
export type KernelDisplay = Partial<Record<DisplayType, string>>;

/** The checked statement of a kernel about one call. */
export interface KernelReport {
  readonly status: "ok" | "error" | "interrupted" | "exit";
  readonly error: { readonly name: string; readonly message: string } | null;
  readonly displays: readonly KernelDisplay[];
  /** The number of displays that were left out, by the kernel or here. */
  readonly omitted: number;
  /** The number of the call within its kernel, from 1; null if the kernel states none. */
  readonly call: number | null;
}

const base64Shape = /^[A-Za-z0-9+/]*={0,2}$/;

/** Notebooks break lines in base64. */
function binaryText(value: string): string | undefined {
  const text = value.replaceAll(/\s+/g, "");
  return text.length % 4 === 0 && base64Shape.test(text) ? text : undefined;
}

function displayOf(value: unknown): KernelDisplay | undefined {
  if (!isRecord(value)) return undefined;
  const found = displayTypes.flatMap((type) => {
    const content = Object.hasOwn(value, type) ? value[type] : undefined;
    if (typeof content !== "string") return [];
    const text = isBinary(type) ? binaryText(content) : content.toWellFormed();
    return text === undefined ? [] : [[type, text] as const];
  });
  return found.length === 0 ? undefined : Object.fromEntries(found);
}

const sizeOf = (display: KernelDisplay): number =>
  Object.values(display).reduce((sum, content) => sum + utf8Length(content), 0);

function errorOf(value: unknown): KernelReport["error"] {
  if (!isRecord(value)) return null;
  const text = (field: unknown, maximum: number): string =>
    typeof field === "string" ? field.slice(0, maximum).toWellFormed() : "";
  return { name: text(value.name, maximumNameLength), message: text(value.message, maximumMessageLength) };
}

const count = (value: unknown): number | null =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : null;

const statuses = ["ok", "error", "interrupted", "exit"] as const;

/**
 * Checks what a kernel says of a call.
 *
 * @param text JSON of any origin
 * @returns undefined if it is not a statement about a call
 */
export function kernelReport(text: string): KernelReport | undefined {
  let said: unknown;
  try {
    said = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isRecord(said)) return undefined;
  const status = statuses.find((known) => known === said.status);
  if (status === undefined) return undefined;
  const given = Array.isArray(said.displays) ? said.displays : [];
  const displays: KernelDisplay[] = [];
  let bytes = 0;
  for (const value of given.slice(0, maximumDisplays)) {
    const display = displayOf(value);
    if (display === undefined || bytes + sizeOf(display) > maximumDisplayBytes) continue;
    bytes += sizeOf(display);
    displays.push(display);
  }
  const omitted = Math.min((count(said.displaysOmitted) ?? 0) + given.length - displays.length, 1_000_000_000);
  const call = count(said.call);
  return { status, error: errorOf(said.error), displays, omitted, call: call === 0 ? null : call };
}
