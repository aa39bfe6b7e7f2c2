/** Worker Versioning with real Jobs: code that is still running after the last worker of its version has stopped. */
import { randomUUID } from "node:crypto";
import { expect, it } from "vitest";
import { cellLabel } from "#core/manifest/cluster-names";
import { setCurrentVersion, temporal, versionOf } from "../support/deployments.ts";
import { nothingLeft, ranOnce } from "./ends-right.ts";
import { executedBy, until } from "./moments.ts";
import { starts, waitFor, witness } from "./witness.ts";
import { type WorkerScene, workerScene } from "./worker-scene.ts";

/** The names of the pods of a scene's cells. */
const pods = async ({ namespace }: WorkerScene): Promise<string[]> =>
  (await namespace.kubectl("get", "pods", "-l", cellLabel, "-o", "name")).trim().split("\n");

it("it runs on, and waits for a worker of its version, or until it is moved to the current one", async () => {
  await using scene = await workerScene();
  const deployment = `jobs-${randomUUID()}`;
  const version = (buildId: string) =>
    scene.startWorker({ flags: ["--deployment", deployment, "--build-id", buildId, "--drain", "1s"] });
  const old = await version("1");
  await setCurrentVersion(deployment, "1");
  const [stays, moves] = [randomUUID(), randomUUID()];
  const held = (id: string) => scene.start(witness(id, 1, waitFor("go")));
  const [staying, moving] = [await held(stays), await held(moves)];
  await until("the code of both", async () => (await starts(stays)) + (await starts(moves)) === 2);

  const next = await version("2");
  await setCurrentVersion(deployment, "2");
  expect(await old.end("SIGTERM")).toBe(0);
  expect(old.log()).toContain(
    `"open":2,"command":"temporal workflow update-options --versioning-override-behavior auto_upgrade --query \\"TemporalWorkerDeploymentVersion = '${deployment}:1'`,
  );
  for (const pod of await pods(scene)) await scene.namespace.kubectl("exec", pod, "--", "touch", "/work/go");
  const fresh = randomUUID();
  const started = await scene.start(witness(fresh, 1));
  await ranOnce(fresh, started);
  expect(await versionOf(scene.client, started.id)).toBe("2");
  const asked = performance.now();
  const described = await Promise.all([staying.describe(), moving.describe()]);
  // No worker reports their state.
  expect(performance.now() - asked).toBeLessThan(15_000);
  for (const each of described) expect(each).toMatchObject({ status: "running", phase: null });

  await temporal(
    ...["workflow", "update-options", "--versioning-override-behavior", "auto_upgrade", "--yes"],
    ...["--query", `WorkflowId = '${moving.id}'`],
  );
  await ranOnce(moves, moving);
  expect(await executedBy(scene, moving)).toBe(next.pid);
  expect((await scene.client.workflow.getHandle(staying.id).describe()).closeTime).toBeUndefined();

  const again = await version("1");
  await ranOnce(stays, staying);
  expect(await executedBy(scene, staying)).toBe(again.pid);
  expect(await versionOf(scene.client, staying.id)).toBe("1");
  await nothingLeft(scene);
});
