/** `kgents admin setup` on the production server. */
import { randomUUID } from "node:crypto";
import { Client, Connection } from "@temporalio/client";
import { defineSearchAttributeKey, SearchAttributeType } from "@temporalio/common";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { searchAttributes } from "#core/contract/names";
import { toProtobufTime } from "#platform/temporal/protobuf-time";
import { loadTemporalConfiguration } from "#platform/temporal/temporal-configuration";
import { keywordAttributeType } from "#platform/temporal/temporal-enums";
import { type CommandLine, createCommandLine } from "../support/command-line.ts";
import { type Authorizer, startAuthorizer } from "./authorizer.ts";
import { type ProductionStack, startProductionStack } from "./stack.ts";

const environment = inject("productionEnvironment");
const names = Object.values(searchAttributes);
const textAttributeType = 1;
const nothing = "nothing had to be done";

let commandLine: CommandLine;
let connection: Connection;
beforeAll(async () => {
  commandLine = await createCommandLine({ environment });
  connection = await Connection.connect(loadTemporalConfiguration(environment).connectionOptions);
});
afterAll(async () => {
  await connection.close();
  await commandLine[Symbol.asyncDispose]();
});

const setup = (namespace: string, ...flags: string[]) =>
  commandLine.run(["admin", "setup", "--namespace", namespace, ...flags]);

/** A namespace created by another program, with one search attribute of that type. */
async function madeByOthers(name: string, type: number): Promise<string> {
  const namespace = newName();
  const { workflowService, operatorService } = connection;
  await workflowService.registerNamespace({ namespace, workflowExecutionRetentionPeriod: toProtobufTime(86_400_000) });
  const add = () => operatorService.addSearchAttributes({ namespace, searchAttributes: { [name]: type } });
  // The server knows a new namespace only after a moment.
  await expect.poll(() => add().then(String, String)).not.toContain("NOT_FOUND");
  return namespace;
}

const newName = (): string => `setup-${randomUUID()}`;

it("creates what is missing, and runs can carry the search attributes at once", async () => {
  const namespace = newName();
  const { code, stdout, stderr } = await setup(namespace, "--retention", "3d", "--json");
  expect({ code, stderr }).toMatchObject({
    code: 0,
    stderr: expect.stringContaining(`the namespace ${namespace} is created`),
  });
  expect(JSON.parse(stdout)).toMatchObject({
    namespace,
    action: "created",
    registered: names,
    retentionMilliseconds: 3 * 86_400_000,
    address: environment.TEMPORAL_ADDRESS,
  });
  const { config } = await connection.workflowService.describeNamespace({ namespace });
  expect(Number(config?.workflowExecutionRetentionTtl?.seconds)).toBe(3 * 86_400);
  const handle = await new Client({ connection, namespace }).workflow.start("nobody-runs-it", {
    taskQueue: "nobody",
    workflowId: "one",
    args: [],
    typedSearchAttributes: names.map((name) => ({
      key: defineSearchAttributeKey(name, SearchAttributeType.KEYWORD),
      value: "x",
    })),
  });
  expect(Object.keys((await handle.describe()).searchAttributes)).toEqual(expect.arrayContaining(names));
  await handle.terminate();
});

it("a second time it says that nothing had to be done", async () => {
  const namespace = newName();
  await setup(namespace);
  const { code, stderr, stdout } = await setup(namespace, "--json");
  expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.stringContaining(nothing) });
  expect(JSON.parse(stdout)).toMatchObject({ action: "unchanged", registered: [] });
});

it("the retention of a namespace that exists is changed only where that was said", async () => {
  const namespace = newName();
  await setup(namespace, "--retention", "3d");
  expect(JSON.parse((await setup(namespace, "--json")).stdout)).toMatchObject({
    retentionMilliseconds: 3 * 86_400_000,
  });
  const { stdout } = await setup(namespace, "--retention", "2d", "--json");
  expect(JSON.parse(stdout)).toMatchObject({ action: "changed", retentionMilliseconds: 2 * 86_400_000 });
  expect((await setup(namespace, "--retention", "2d")).stderr).toContain(nothing);
});

it.each([
  ["exec", ["exec", "--code", "print(1)"], 125],
  ["ps", ["ps"], 125],
  ["worker", ["worker"], 125],
  ["status", ["status"], 1],
  ["doctor", ["doctor"], 1],
])("before it was done, `kgents %s` says what to do", async (_name, args, exitCode) => {
  const { code, stdout, stderr } = await commandLine.run(args, { environment: { TEMPORAL_NAMESPACE: "not-set-up" } });
  expect(stdout + stderr).toContain("has no namespace not-set-up: create it with `kgents admin setup`");
  expect(code).toBe(exitCode);
});

it("registers only what is missing", async () => {
  const namespace = await madeByOthers(searchAttributes.status, keywordAttributeType);
  const { stdout } = await setup(namespace, "--json");
  expect(JSON.parse(stdout)).toMatchObject({
    action: "unchanged",
    registered: names.filter((name) => name !== searchAttributes.status),
  });
});

it("an attribute of another type is refused by its name, and nothing is registered", async () => {
  const namespace = await madeByOthers(searchAttributes.backend, textAttributeType);
  const { code, stdout, stderr } = await setup(namespace, "--json");
  expect(code).toBe(125);
  expect(JSON.parse(stdout)).toMatchObject({ error: { kind: "namespace-conflict" } });
  expect(stderr).toContain(
    `${namespace} has a search attribute KgentsBackend of type Text, and runs need it as Keyword`,
  );
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
  expect(Object.keys(customAttributes ?? {})).not.toContain(searchAttributes.status);
});

it.each([
  ["a retention that is none", ["--retention", "soon"], "Allowed is a duration from 1h to 365d"],
  ["a retention that is too short", ["--retention", "5m"], "Allowed is a duration from 1h to 365d"],
])("%s is wrong usage", async (_name, flags, message) => {
  const { code, stderr } = await setup(newName(), ...flags);
  expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringContaining(message) });
});

describe("on a server with an authorizer", () => {
  let authorizer: Authorizer;
  let stack: ProductionStack;
  beforeAll(async () => {
    authorizer = await startAuthorizer();
    stack = await startProductionStack(inject("productionPrograms"), {
      profile: "prod",
      environment: authorizer.environment,
    });
  });
  afterAll(async () => {
    await stack.stop();
    await authorizer[Symbol.asyncDispose]();
  });

  const setupAs = (namespace: string, token: string | undefined, ...flags: string[]) =>
    commandLine.run(["admin", "setup", "--namespace", namespace, ...flags], {
      environment: { ...stack.environment, ...(token === undefined ? {} : { TEMPORAL_API_KEY: token }) },
    });

  it("refuses clearly where rights are missing, step by step, and does it all with them", async () => {
    const namespace = newName();
    const refused = (what: string) => ({
      code: 125,
      stderr: expect.stringContaining(`the server does not let this client ${what}`),
    });
    expect(await setupAs(namespace, undefined)).toMatchObject(refused(`look at the namespace ${namespace}`));
    const reader = authorizer.token("temporal-system:read");
    expect(await setupAs(namespace, reader)).toMatchObject(refused(`create the namespace ${namespace}`));
    const admin = authorizer.token("temporal-system:admin");
    expect(await setupAs(namespace, admin)).toMatchObject({ code: 0 });
    expect(await setupAs(namespace, reader)).toMatchObject({ code: 0, stderr: expect.stringContaining(nothing) });
    expect(await setupAs(namespace, reader, "--retention", "2d")).toMatchObject(
      refused(`change the retention of the namespace ${namespace}`),
    );
  });

  it("names search attributes that it may not register", async () => {
    const namespace = newName();
    const { connectionOptions } = loadTemporalConfiguration({
      ...stack.environment,
      TEMPORAL_API_KEY: authorizer.token("temporal-system:admin"),
    });
    const other = await Connection.connect(connectionOptions);
    try {
      await other.workflowService.registerNamespace({
        namespace,
        workflowExecutionRetentionPeriod: toProtobufTime(86_400_000),
      });
    } finally {
      await other.close();
    }
    const { code, stdout, stderr } = await setupAs(namespace, authorizer.token("temporal-system:read"), "--json");
    expect(code).toBe(125);
    expect(stderr).toContain("does not let this client register search attributes");
    expect(JSON.parse(stdout).error).toMatchObject({
      kind: "forbidden",
      remedy: expect.stringMatching(/KgentsLanguage.*Keyword.*tcld namespace search-attributes add/),
    });
  });
});
