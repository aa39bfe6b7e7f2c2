/** Runs while the disk of the artifact store is full, on a small disk with real sandboxes. */
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, inject, test } from "vitest";
import { canMount, mountSmallDisk } from "../support/small-disk.ts";
import { startTestWorker } from "../support/test-worker.ts";

const mebibyte = 2 ** 20;

describe.each(canMount ? ["tmpfs"] : [])("a disk of 8 MiB (%s)", () => {
  test("takes runs again when there is room again; one that fills it is lost, and said to be", async () => {
    await using disk = await mountSmallDisk(8 * mebibyte);
    const artifacts = { directory: join(disk.directory, "artifacts"), minimumFree: "2Mi" };
    const configuration = { artifacts, worker: { backends: ["subprocess"], maximumCells: 1 } };
    await using worker = await startTestWorker(inject("temporalAddress"), { configuration });
    const request = (code: string) => ({ code, language: "sh", outputs: ["file", "small"] });
    const start = (code: string) => worker.start(request(code), { shareStore: false });

    await disk.fill(mebibyte);
    const waiting = await start("echo made; echo small >small; echo file >file");
    const { client } = worker;
    const failureOf = async (): Promise<unknown> => {
      const { raw } = await client.workflow.getHandle(waiting.id).describe();
      return raw.pendingActivities?.[0]?.lastFailure;
    };
    await expect.poll(failureOf).toMatchObject({
      message: expect.stringContaining("and 2 MiB are kept free"),
      applicationFailureInfo: { type: "disk-full", nonRetryable: false },
    });
    await disk.empty();
    expect(await waiting.result()).toMatchObject({ status: "succeeded", stdout: { text: "made\n" }, filesOmitted: [] });

    const noSpace = "the artifact store cannot be written: ENOSPC";
    const filling = await (await start("head -c 20000000 /dev/zero; sleep 60")).result();
    expect(filling).toMatchObject({
      status: "lost",
      reason: expect.stringContaining(`could not be stored: ${noSpace}`),
    });

    // Its place was released. A file that does not fit is reported as omitted.
    await rm(join(artifacts.directory, "runs"), { recursive: true });
    await mkdir(join(artifacts.directory, "runs"));
    const large = await (await start("head -c 9000000 /dev/zero >file; echo made")).result();
    expect(large).toMatchObject({
      status: "succeeded",
      stdout: { text: "made\n" },
      files: [],
      filesOmitted: [
        { name: "file", reason: expect.stringContaining(noSpace) },
        { name: "small", reason: "no file matches" },
      ],
    });
  });
});
