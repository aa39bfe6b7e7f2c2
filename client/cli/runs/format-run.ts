import type { RunState } from "../../sdk/runs/run-state.ts";
import { colour } from "../terminal/terminal-text.ts";

/** A state in its colour. */
export function colourState(text: string, state: RunState): string {
  if (state === "running") return colour("cyan", text);
  if (state === "succeeded") return colour("green", text);
  return colour(state === "cancelled" || state === "terminated" ? "yellow" : "red", text);
}
