/** KEDA's definitions of its objects and of its scalers' parameters, from its Go module. */
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runOrFail } from "../../support/run.ts";

const source = "github.com/kedacore/keda/v2@v2.21.0";
/** The hash in Go's checksum database. */
const sum = "h1:R6z2HZvstK4RLUMxroNACzBj74xGxt3kG59b5Xc+Xps=";

interface Parameter {
  readonly name: string;
  readonly optional?: boolean;
  readonly default?: string;
  readonly deprecated?: string;
  readonly metadataVariableReadable?: boolean;
  readonly triggerAuthenticationVariableReadable?: boolean;
}

export interface Keda {
  /** The files that define its objects. */
  readonly definitions: readonly string[];
  /** The parameters of a scaler. @throws if there is no scaler of that type */
  readonly parametersOf: (type: string) => readonly Parameter[];
}

/** Reads them from the module, which the go command downloads. */
export async function readKeda(): Promise<Keda> {
  const answer = await runOrFail(["go", "mod", "download", "-json", source], { directory: tmpdir() });
  const { Dir: directory, Sum: found } = JSON.parse(answer) as { Dir: string; Sum: string };
  if (found !== sum) throw new Error(`${source}: its sum is ${found}, and not ${sum}`);
  const { scalers } = JSON.parse(await readFile(join(directory, "schema/generated/scalers-schema.json"), "utf8")) as {
    scalers: { type: string; parameters: Parameter[] }[];
  };
  return {
    definitions: ["scaledobjects", "triggerauthentications"].map((kind) =>
      join(directory, `config/crd/bases/keda.sh_${kind}.yaml`),
    ),
    parametersOf: (type) => {
      const scaler = scalers.find((each) => each.type === type);
      if (!scaler) throw new Error(`KEDA has no scaler ${type}`);
      return scaler.parameters;
    },
  };
}
