/** Attacks on the local stack by web pages in a browser of this machine and by its other users. */
import { once } from "node:events";
import { readFile, stat, writeFile } from "node:fs/promises";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { Client, Connection } from "@temporalio/client";
import { type Browser, chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, inject, test, vi } from "vitest";
import { ensureStack } from "#client/stack/stack";
import { stackStatus } from "#client/stack/stack-status";
import { uiLink } from "#client/stack/ui-link";
import { isRunning } from "#platform/host/process-identity";
import type { GuardedServer } from "#platform/host/server-record";
import { requireChromium } from "../support/chromium.ts";
import { createTestStack, killNow, type TestStack } from "./support.ts";

const secret = "a-secret-of-the-code";
let stack: TestStack;
let ui: string;
let server: GuardedServer;
let connection: Connection;
const readServer = async (): Promise<GuardedServer> =>
  JSON.parse(await readFile(join(stack.state, "temporal.json"), "utf8"));
beforeAll(async () => {
  stack = await createTestStack(inject("temporalBinary"));
  const { address, uiUrl } = await ensureStack(stack.options);
  ui = uiUrl ?? "";
  server = await readServer();
  connection = await Connection.connect({ address });
  const { workflow } = new Client({ connection });
  // The UI reconnects to its server a moment after the server has started.
  while (!(await fetch(`${ui}/api/v1/namespaces`)).ok) await delay(50);
  await workflow.start("any", { workflowId: "victim", taskQueue: "nobody", args: [{ env: { TOKEN: secret } }] });
  // The server lists a run a moment after accepting it.
  await vi.waitFor(async () => expect(await workflows()).toEqual(["victim"]), 10_000);
});
afterAll(async () => {
  await connection.close();
  await stack[Symbol.asyncDispose]();
});

const workflows = async (): Promise<string[]> => {
  const { executions } = await connection.workflowService.listWorkflowExecutions({ namespace: "default" });
  return (executions ?? []).map(({ execution }) => execution?.workflowId ?? "");
};

/** Sends a request with exactly these headers, as a program can. A browser does not allow setting `Host`. */
async function send(
  url: string,
  headers: Record<string, string>,
  { method = "GET", body }: { method?: string; body?: string } = {},
): Promise<{ status: number | undefined; body: string }> {
  const outgoing = request(url, { method, headers, agent: false });
  outgoing.end(body);
  const [response] = await once(outgoing, "response");
  return { status: response.statusCode, body: await text(response) };
}

const victim = "/api/v1/namespaces/default/workflows/victim/history";
const started = JSON.stringify({ workflowType: { name: "any" }, taskQueue: { name: "nobody" } });

describe("the server's HTTP API", () => {
  const api = (path: string): string => `http://${server.httpAddress}${path}`;

  test.each<[string, () => string]>([
    ["its own address", () => server.httpAddress],
    ["localhost", () => "localhost"],
    ["a name that was rebound to this machine", () => "evil.example"],
    ["another name of the same end", () => "x.kgents.invalid"],
  ])("answers nobody who asks %s", async (_, host) => {
    expect(await send(api(victim), { host: host() })).toMatchObject({ status: 403 });
    const post = { method: "POST", body: started };
    const path = "/api/v1/namespaces/default/workflows/forged";
    expect(await send(api(path), { host: host(), "content-type": "text/plain" }, post)).toMatchObject({ status: 403 });
    expect(await workflows()).toEqual(["victim"]);
  });

  test("answers us, by a name that only this user can read", async () => {
    const answer = await send(api(victim), { host: server.httpHost });
    expect(answer.status).toBe(200);
    expect(Buffer.from(JSON.stringify(answer.body)).toString()).toContain("WORKFLOW_EXECUTION_STARTED");
    expect((await stat(join(stack.state, "temporal.json"))).mode & 0o777).toBe(0o600);
  });
});

describe("the UI", () => {
  test.each<[string, Record<string, string>, number]>([
    ["a name that was rebound to this machine", { host: "evil.example" }, 403],
    ["the same with our port", { host: "evil.example:8233" }, 403],
    ["a Host with a user in it", { host: "localhost@evil.example" }, 403],
    ["another web page", { origin: "https://evil.example" }, 403],
    ["a web page of another server of this machine", { origin: "http://localhost:1" }, 403],
    ["a page that loads it as a script", { "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors" }, 403],
    [
      "a page that embeds it",
      { "sec-fetch-site": "same-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe" },
      403,
    ],
    [
      "a link on another page",
      { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document" },
      200,
    ],
    ["localhost", { host: "localhost:8233" }, 200],
    ["nobody in particular", {}, 200],
  ])("to %s", async (_, headers, status) => {
    const answer = await send(`${ui}${victim}`, headers);
    expect(answer.status).toBe(status);
    expect(answer.body.includes("WORKFLOW_EXECUTION_STARTED")).toBe(status === 200);
  });

  test("itself listens where no page finds it", () => {
    expect(server.uiAddress).toMatch(/^127\.\d+\.\d+\.\d+:\d+$/);
    expect(server.uiAddress).not.toMatch(/^127\.0\.0\.1:/);
  });

  test("its own page may change things, as a browser sends it", async () => {
    const cancel = `${ui}/api/v1/namespaces/default/workflows/victim/cancel`;
    const page = await fetch(`${ui}/api/v1/settings`);
    const cookie = page.headers.getSetCookie()[0]?.split(";")[0] ?? "";
    const token = cookie.split("=")[1] ?? "";
    const headers = { origin: ui, cookie, "x-csrf-token": token, "content-type": "application/json" };
    expect(await send(cancel, headers, { method: "POST", body: "{}" })).toMatchObject({ status: 200 });
  });
});

describe("in a real browser", () => {
  let browser: Browser;
  beforeAll(async () => {
    // The hostile page's name resolves to this machine, as after DNS rebinding.
    const args = ["--host-resolver-rules=MAP evil.example 127.0.0.1", "--no-sandbox"];
    browser = await chromium.launch({ executablePath: await requireChromium(), args });
  });
  afterAll(() => browser.close());

  test("a hostile page starts nothing and reads nothing", async () => {
    const pages = createServer((_, response) => {
      response.setHeader("content-type", "text/html");
      response.end("<title>hostile</title>");
    }).listen(0, "127.0.0.1");
    await once(pages, "listening");
    const page = await browser.newPage();
    await page.goto(`http://evil.example:${(pages.address() as AddressInfo).port}/`);
    const attempts = await page.evaluate(
      async ([addresses, path, body]) => {
        const tried: string[] = [];
        for (const address of addresses) {
          for (const mode of ["no-cors", "cors"] as const) {
            const target = `http://${address}`;
            await fetch(`${target}/api/v1/namespaces/default/workflows/forged`, { method: "POST", mode, body }).catch(
              () => {},
            );
            const read = await fetch(`${target}${path}`, { mode }).catch(() => undefined);
            tried.push((await read?.text().catch(() => "")) ?? "");
          }
        }
        return tried;
      },
      [[new URL(ui).host, server.httpAddress, server.uiAddress], victim, started] as const,
    );
    expect(attempts.join("")).toBe("");
    // DNS rebinding: the page's own name resolves to the UI's port, so everything there has its origin.
    for (const address of [new URL(ui).port, server.httpAddress.split(":")[1]]) {
      await page.goto(`http://evil.example:${address}/`);
      const read = await page.evaluate(async (path) => (await fetch(path)).status, victim);
      expect(read).toBe(403);
    }
    pages.close();
    expect(await workflows()).toEqual(["victim"]);
  });

  test("a person sees the run", async () => {
    const page = await browser.newPage();
    await page.goto(uiLink(ui.replace("127.0.0.1", "localhost"), "default"));
    await page.goto(uiLink(ui, "default").replace(/\?.*/, ""));
    await page.getByRole("link", { name: "victim" }).first().waitFor();
  });
});

describe("the guard of the UI", () => {
  const guard = async (): Promise<{ pid: number }> =>
    JSON.parse(await readFile(join(stack.state, "ui-guard.json"), "utf8"));

  test("is started again where it was killed, and ends with the server", async () => {
    const { pid } = await guard();
    await killNow(pid);
    expect((await stackStatus(stack.options)).temporal.uiUrl).toBeNull();
    expect((await ensureStack(stack.options)).uiUrl).toBe(ui);
    const next = await guard();
    expect((await fetch(ui)).status).toBe(200);
    await killNow((await readServer()).pid);
    await expect.poll(() => isRunning({ pid: next.pid, startTime: "" })).toBe(false);
  });

  test("a server of kgents 0.1.0, which has none, is started anew with one", async () => {
    await ensureStack(stack.options);
    const { uiAddress, httpAddress, httpHost, ...old } = await readServer();
    await writeFile(join(stack.state, "temporal.json"), JSON.stringify(old));
    expect((await ensureStack(stack.options)).uiUrl).toBe(ui);
    const now = await readServer();
    expect(now.pid).not.toBe(old.pid);
    expect([now.uiAddress, now.httpAddress, now.httpHost]).not.toEqual([uiAddress, httpAddress, httpHost]);
    expect(stack.said).toContainEqual(expect.stringMatching(/^restarting the Temporal server of an older kgents/));
  });
});
