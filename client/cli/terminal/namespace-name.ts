import { InvalidArgumentError } from "commander";
import { dnsLabelRule } from "#core/text/dns-label";

/** The maximum length of a namespace's name. */
const longestName = 63;

// Not by the schema of names: loading zod takes longer than `kgents --version`.
/** Reads a flag that is the name of a namespace. */
export const namespaceName = (value: string): string => {
  const { pattern, allowed } = dnsLabelRule(longestName);
  if (pattern.test(value) && value.length <= longestName) return value;
  throw new InvalidArgumentError(`Allowed is ${allowed}.`);
};
