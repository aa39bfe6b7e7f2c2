/** The same request gives the same result on a cluster as in the sandbox. */
import { describe, test } from "vitest";
import { attackRequest, checkAttack, outputAttacks } from "../support/output-attacks.ts";
import { checkAnswer, programs } from "../support/programs.ts";
import { useClusterBackend } from "./support.ts";

const run = useClusterBackend();

describe.concurrent("programs in a pod", () => {
  test.each(programs)("$name", async ({ request, inPod, ...expected }) => {
    checkAnswer(await run(request), inPod ?? expected);
  });
});

describe.concurrent("output files of a pod", () => {
  test.each(outputAttacks)("$name", async (attack) => {
    checkAttack(await run(attackRequest(attack)), attack);
  });
});
