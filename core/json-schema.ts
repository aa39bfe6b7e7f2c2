import { z } from "zod";
import { requestSchema } from "./request.ts";
import { resultSchema } from "./result.ts";

/** JSON Schema (2020-12) of a request as a client writes it: fields with a default are optional. */
export const requestJsonSchema = () => z.toJSONSchema(requestSchema, { io: "input" });

/** JSON Schema (2020-12) of a result. */
export const resultJsonSchema = () => z.toJSONSchema(resultSchema, { io: "output" });
