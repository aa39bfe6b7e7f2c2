/**
 * `npm run cluster:up | down | status`: a real Kubernetes cluster for tests.
 *
 * @module
 */
import { nativeDown, nativeStatus, nativeUp } from "./native/native.ts";

const progress = (line: string): void => console.error(`cluster: ${line}`);

const verbs: Readonly<Record<string, () => Promise<number>>> = {
  up: async () => {
    if (!(await nativeUp(progress))) progress("it is up already");
    return status();
  },
  down: async () => {
    await nativeDown();
    return 0;
  },
  status,
};

async function status(): Promise<number> {
  const found = await nativeStatus();
  console.log(found.words);
  return found.usable ? 0 : 1;
}

const [, , verb = ""] = process.argv;
const act = verbs[verb];
if (act) process.exitCode = await act();
else {
  console.error(`cluster: got ${JSON.stringify(verb)}; allowed is one of ${Object.keys(verbs).join(", ")}`);
  process.exitCode = 2;
}
