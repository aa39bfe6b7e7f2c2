import { type KernelResult, maximumKernelResult } from "../provider.ts";
import type { ControlReader } from "./control-reader.ts";

/** Reads what the kernel says of a call. The cell sends at most one byte more than is allowed, then NUL. */
export async function readKernelResult(from: ControlReader): Promise<KernelResult> {
  const text = (await from.until(0, maximumKernelResult + 1)) ?? "";
  if (text === "") return { absent: "none" };
  return Buffer.byteLength(text) > maximumKernelResult ? { absent: "too-large" } : { text };
}
