/**
 * Environment variables of the code on every backend, in addition to the directories and the request's own variables.
 */
export const commonEnvironment = {
  USER: "kgents",
  // Unbuffered, so that output is complete when Python is killed, even if a shell started it.
  PYTHONUNBUFFERED: "1",
  // Compiled files would be collected as output files.
  PYTHONDONTWRITEBYTECODE: "1",
} as const;
