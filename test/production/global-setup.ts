import type { TestProject } from "vitest/node";
import { runOrFail } from "../support/run.ts";
import { kgentsEntry } from "../support/worker-process.ts";
import { buildPrograms } from "./programs.ts";
import { type ProductionStack, startProductionStack } from "./stack.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** The directory of Temporal's server, its schema tool and the compose parser. */
    productionPrograms: string;
    /** The environment of a client of the production server. */
    productionEnvironment: Readonly<Record<string, string>>;
  }
}

let stack: ProductionStack | undefined;

/** Starts one server like profile `prod` of docker-compose.yml, set up by `kgents admin setup`. */
export async function setup(project: TestProject): Promise<void> {
  const programs = await buildPrograms((line) => process.stderr.write(`tests: ${line}\n`));
  stack = await startProductionStack(programs, { profile: "prod" });
  const { address, environment, setupArguments } = stack;
  await runOrFail([process.execPath, kgentsEntry, ...setupArguments], { environment: { ...environment } });
  project.provide("temporalAddress", address);
  project.provide("productionPrograms", programs);
  project.provide("productionEnvironment", environment);
}

export async function teardown(): Promise<void> {
  await stack?.stop();
}
