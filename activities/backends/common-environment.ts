/** What the code's environment has on every backend, beside the directories and what the request names. */
export const commonEnvironment = {
  USER: "kgents",
  // Compiled files would only stand among the output files.
  PYTHONDONTWRITEBYTECODE: "1",
} as const;
