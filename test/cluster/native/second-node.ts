/**
 * Adds a second node to the native cluster. The node exists while this process holds its script's standard input open.
 */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import type { ControlOptions, NodeControl, SecondNode } from "../types.ts";
import { nodeRemains } from "./node.ts";
import { placeEnvironment, secondNode, sourceDirectory } from "./paths.ts";

/**
 * @param inside runs a program on the first node
 * @throws with the ends of its components' logs, if it does not become ready
 */
export async function joinSecondNode(options: ControlOptions, inside: NodeControl["run"]): Promise<SecondNode> {
  const script = ["unshare", "--mount-proc", join(sourceDirectory, "second-node.sh")];
  const child = spawn("nsenter", ["--target", `${options.process}`, "--net", "--pid", ...script], {
    // A process group of its own, so a signal to this process's group does not prevent its cleanup.
    detached: true,
    env: { ...process.env, ...options.environment, ...placeEnvironment(secondNode) },
    stdio: "pipe",
  });
  const ended = new Promise<number | string | null>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("close", (code, signal) => resolve(signal ?? code));
  });
  // Ignore write errors: the script's output shows whether it is still running.
  child.stdin.on("error", () => {});
  const errors = text(child.stderr);
  const words = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const hear = async (word: string): Promise<void> => {
    const { value } = await words.next();
    if (value === word) return;
    child.stdin.end();
    throw new Error(`the second node is not ${word}, and ended with ${await ended}:\n${await errors}`);
  };
  await hear("up");
  return {
    name: secondNode.name,
    importImage: async (archive) => {
      child.stdin.write(`import ${archive}\n`);
      await hear("imported");
    },
    lose: async () => {
      child.stdin.write("lose\n");
      await hear("lost");
    },
    [Symbol.asyncDispose]: async () => {
      child.stdin.end();
      const end = await ended;
      if (end !== 0) throw new Error(`the second node ended with ${end}:\n${await errors}`);
      const remains = await nodeRemains(secondNode, inside);
      if (remains.length > 0) throw new Error(`the second node left something behind: ${remains.join(", ")}`);
    },
  };
}
