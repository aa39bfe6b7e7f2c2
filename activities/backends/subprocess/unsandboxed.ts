import type { SubprocessBackend } from "./backend.ts";
export function unsandboxedBackend(_options: object): SubprocessBackend {
  throw new Error("not yet");
}
