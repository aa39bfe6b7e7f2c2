/** Temporal's databases, as compose's service `schema` creates or updates them on each start. */
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { type ComposeFile, composeFile, serviceOf } from "./compose-file.ts";
import { type Postgres, startPostgres } from "./postgres.ts";
import { setUpSchema } from "./stack.ts";

const programs = inject("productionPrograms");

let directory: string;
let compose: ComposeFile;
let postgres: Postgres;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "kgents-schema-"));
  await chmod(directory, 0o711);
  compose = await composeFile(programs);
  postgres = await startPostgres(serviceOf(compose, "postgres"), join(directory, "postgres"), "open");
  await writeFile(join(directory, "postgres-password"), "open\n");
});
afterAll(async () => {
  await postgres.stop();
  await rm(directory, { recursive: true, force: true });
});

const setUp = () => setUpSchema(programs, serviceOf(compose, "schema"), directory, postgres);

/** All migration steps of both databases up to now. */
const steps = async () =>
  Promise.all(
    ["temporal", "temporal_visibility"].map((database) =>
      postgres.query(
        database,
        "select old_version, new_version, description from schema_update_history order by update_time",
      ),
    ),
  );

it("is set up once: a second time adds no step and loses no row", async () => {
  await setUp();
  const [first] = await steps();
  expect(first?.length).toBeGreaterThan(5);
  await postgres.query("temporal", "insert into cluster_metadata_info values (0, 'kept', 'x', 'Proto3', 1)");
  const before = await steps();
  await setUp();
  const after = await steps();
  // `setup-schema` records that it ran, and leaves the version unchanged.
  expect(after.map((history) => history.filter(([old]) => old !== "0"))).toEqual(
    before.map((history) => history.filter(([old]) => old !== "0")),
  );
  expect(await postgres.query("temporal", "select cluster_name from cluster_metadata_info")).toEqual([["kept"]]);
  expect(await postgres.query("temporal", "select curr_version from schema_version")).toEqual([[first?.at(-1)?.[1]]]);
});

it("a wrong password is refused with its reason", async () => {
  await writeFile(join(directory, "postgres-password"), "closed\n");
  await expect(setUp()).rejects.toThrow(/password authentication failed/);
});
