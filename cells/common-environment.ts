/** What the code's environment has on every backend, beside the directories and what the request names. */
export const commonEnvironment = {
  USER: "kgents",
  // Output up to the moment in which Python is ended, also of a Python that a shell starts.
  PYTHONUNBUFFERED: "1",
  // Compiled files would only stand among the output files.
  PYTHONDONTWRITEBYTECODE: "1",
} as const;
