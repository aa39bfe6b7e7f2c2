import type { TestProject } from "vitest/node";
import { buildGateway } from "../production/programs.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** The program of the S3-compatible server. */
    bucketGateway: string;
  }
}

export async function setup(project: TestProject): Promise<void> {
  project.provide("bucketGateway", await buildGateway((line) => process.stderr.write(`tests: ${line}\n`)));
}
