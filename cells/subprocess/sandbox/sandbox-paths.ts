/**
 * Names inside the sandbox, and which descriptor carries what across its border.
 *
 * @module
 */

/** Where the code lives and runs. */
export const workDirectory = "/work";
/** Our own files inside, read-only. */
const ownDirectory = "/.kgents";
/** The supervisor's script. */
export const supervisorFile = `${ownDirectory}/run`;
/** The supervisor's shell where it has the code's uid. */
export const privateShell = `${ownDirectory}/sh`;
/** The interpreter, where it is bound as a single file. */
export const ownProgramDirectory = `${ownDirectory}/bin`;

/**
 * Descriptors of the launcher, of bubblewrap and of the supervisor. A POSIX shell redirects single digits only, and the
 * supervisor closes what bubblewrap did not use up, so each that is not always used up must be one.
 */
export const descriptors = {
  stdin: 0,
  stdout: 1,
  /** The stderr of the launcher, of bubblewrap and of the supervisor, kept apart from the code's. */
  diagnostics: 2,
  /** From the supervisor: what happened, then output files. To it: input files. */
  control: 3,
  stderr: 4,
  /** To the launcher: one line that lets it go on; to bubblewrap: its arguments, each ended by NUL. */
  arguments: 5,
  seccomp: 6,
  code: 7,
  script: 8,
  /** The content of /etc/passwd. */
  accounts: 9,
  /** The content of /etc/group; always used up by bubblewrap, so that no shell has to close it. Not there without a sandbox. */
  groups: 10,
} as const;

/** How many descriptors that is without a sandbox, and with one. */
export const descriptorCounts = { bare: 10, sandboxed: 11 } as const;
