import { cluster, packages, run, sandbox } from "./execute-code.ts";
import { cancelledOutput, failedOutput, lostOutput, output, queues } from "./samples.ts";
import type { Moment, Scenarios } from "./scenario.ts";
import { answers, endsCancelled, fails, silent, untilCancelled } from "./steps.ts";

const cancelled = (changes: Parameters<typeof run>[0]) =>
  run({ has: ["WORKFLOW_EXECUTION_CANCEL_REQUESTED"], ...changes });
const when =
  (name: Parameters<Moment["begun"]>[0], call?: number) =>
  async ({ begun, handle }: Moment): Promise<void> => {
    await begun(name, call);
    await handle.cancel();
  };

/** Runs that are cancelled, by the moment of cancellation. */
export const cancellations: Scenarios = {
  "cancelled-while-provisioning": cancelled({ script: { provision: [endsCancelled] }, act: when("provision") }),
  "cancelled-while-waiting": cancelled({
    script: { provision: [answers({ full: true }), endsCancelled] },
    act: when("provision", 2),
  }),
  "cancelled-while-the-cluster-is-full": cancelled({
    script: { provision: [cluster()], execute: [answers({ full: true, cluster: "quota" })] },
    act: async ({ recorded, handle }) => {
      await recorded("TIMER_STARTED");
      await handle.cancel();
    },
  }),
  "cancelled-before-the-start": cancelled({
    script: { provision: [sandbox({ taskQueue: queues.gone })], execute: [answers({ elsewhere: true })] },
    act: async ({ recorded, handle }) => {
      await recorded("ACTIVITY_TASK_SCHEDULED", 3);
      await handle.cancel();
    },
  }),
  "cancelled-while-installing": cancelled({
    script: { provision: [sandbox(packages)], prepareEnvironment: [endsCancelled] },
    act: when("prepareEnvironment"),
  }),
  "cancelled-while-executing": cancelled({
    script: { execute: [untilCancelled(cancelledOutput)] },
    act: when("execute"),
  }),
  "cancelled-while-executing-in-the-cluster": cancelled({
    script: { provision: [cluster({ searchAttributes: true })], execute: [untilCancelled(cancelledOutput)] },
    act: when("execute"),
  }),
  "cancelled-and-ended-by-itself": cancelled({
    script: { execute: [untilCancelled(output())] },
    act: when("execute"),
  }),
  "cancelled-and-nobody-knows": cancelled({
    script: { execute: [fails("cell-handed-over"), endsCancelled], salvage: [answers(lostOutput)] },
    act: when("execute", 2),
  }),
  "cancelled-while-silent": cancelled({
    script: { execute: [silent, endsCancelled], salvage: [answers(lostOutput)] },
    act: when("execute"),
  }),
  "cancelled-between-tries": cancelled({
    script: { execute: [fails("artifact-unavailable")] },
    act: async ({ recorded, handle }) => {
      await recorded("TIMER_STARTED", 3);
      await handle.cancel();
    },
  }),
  "cancelled-before-the-second-attempt": cancelled({
    script: { provision: [sandbox({ maximumAttempts: 3 }), endsCancelled], execute: [answers(failedOutput)] },
    act: when("provision", 2),
  }),
  "cancelled-while-cleaning-up": cancelled({
    script: {
      cleanUp: [
        async () => {
          await new Promise((resolve) => setTimeout(resolve, 500));
          return undefined;
        },
      ],
    },
    act: when("cleanUp"),
  }),
};
