/** Runs a snippet and looks at what became of it. Starts the local stack where nothing runs yet. */
import { KgentsError, Quartermaster } from "kgents";

await using quartermaster = new Quartermaster();

const hello = await quartermaster.execute({ code: "print('hello')", timeout: 30 });
console.log(hello.status, hello.exitCode, JSON.stringify(hello.stdout.text));

// Code that fails is a result, not an error.
const failing = await quartermaster.execute({ code: "import sys; sys.exit('no luck')" });
console.log(failing.status, failing.exitCode, JSON.stringify(failing.stderr.text));

// An error is what could not be carried out: it says what happened, and what to do.
try {
  await quartermaster.execute({ code: "print('hello')", memory: "a lot" });
} catch (error) {
  if (!(error instanceof KgentsError)) throw error;
  console.log(error.code, error.field, error.message);
}
