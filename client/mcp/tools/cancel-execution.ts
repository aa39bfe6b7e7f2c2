import { strict } from "#core/contract/fields";
import { defineTool } from "../tool.ts";
import { waitForEnd } from "../waiting.ts";
import { idField } from "./fields.ts";
import { executionSchema, inspectExecution } from "./get-execution.ts";

/** How long to wait for a cancelled run's cleanup, which continues after that. */
const cleanUpSeconds = 30;

/** Cancels a run. */
export const cancelExecution = defineTool({
  name: "cancel_execution",
  title: "Cancel a run",
  description:
    "Cancels a run, and waits until it has cleaned up. Its output so far is kept. A run that has ended is not changed.",
  input: strict({ id: idField() }, "an object with the id of a run"),
  output: executionSchema,
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false },
  call: async ({ id }, call) => {
    await call.stack.use(async (quartermaster) => {
      const handle = await quartermaster.get(id);
      await handle.cancel();
      await waitForEnd(handle, cleanUpSeconds, call.signal);
    });
    return inspectExecution(id, 0, call);
  },
});
