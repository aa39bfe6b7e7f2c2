/** Gives each test file what a client of the production server has in its environment; nothing of it stands in the tests. */
import { inject } from "vitest";

Object.assign(process.env, inject("productionEnvironment"));
