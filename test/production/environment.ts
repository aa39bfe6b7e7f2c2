/** Sets the environment of a client of the production server in each test file, so that the tests do not contain it. */
import { inject } from "vitest";

Object.assign(process.env, inject("productionEnvironment"));
