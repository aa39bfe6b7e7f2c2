/** Whether this run leaves out tests that need many resources. CI leaves out none. */
export const isLeftOut = (part: "CLUSTER" | "PRODUCTION", environment: NodeJS.ProcessEnv = process.env): boolean =>
  environment[`KGENTS_TEST_${part}`] === "off" && environment.CI !== "true";
