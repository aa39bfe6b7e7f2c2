/**
 * Paths in the sandbox, and the descriptors that connect it to the worker.
 *
 * @module
 */

/** Where the code lives and runs. */
export const workDirectory = "/work";
/** The files of kgents in the sandbox, read-only. */
const ownDirectory = "/.kgents";
/** The supervisor's script. */
export const supervisorFile = `${ownDirectory}/run`;
/** The supervisor's shell if it runs with the code's uid. */
export const privateShell = `${ownDirectory}/sh`;
/** The pipes of the next program, for a supervisor that serves many. Nobody in the sandbox can write to it. */
export const exchangeDirectory = `${ownDirectory}/io`;
/**
 * There after the worker has killed a program of a session: the supervisor ends all processes before it continues. No
 * process of the sandbox can create or remove it.
 */
export const killMark = `${exchangeDirectory}/kill`;
/** The kernels, in a sandbox for a session. */
export const kernelsDirectory = `${ownDirectory}/kernels`;
/** What the calls of a kernel share. It belongs to the code. */
export const kernelHome = "/tmp/.kgents";
/** The interpreter, if it is bound as a single file. */
export const ownProgramDirectory = `${ownDirectory}/bin`;

/**
 * Descriptors of the launcher, of bubblewrap and of the supervisor. A POSIX shell only redirects single digits, and the
 * supervisor closes what bubblewrap did not consume, so each that is not always consumed must be a single digit.
 */
export const descriptors = {
  stdin: 0,
  stdout: 1,
  /** The stderr of the launcher, of bubblewrap and of the supervisor, kept apart from the code's. */
  diagnostics: 2,
  /** From the supervisor: its reports, then output files. To it: input files. */
  control: 3,
  stderr: 4,
  /** To the launcher: the go-ahead line; to bubblewrap: its arguments, each terminated by NUL. */
  arguments: 5,
  seccomp: 6,
  code: 7,
  script: 8,
  /** The content of /etc/passwd. */
  accounts: 9,
  /**
   * The content of /etc/group. bubblewrap always consumes it, so no shell has to close it. Not used without a sandbox.
   */
  groups: 10,
} as const;

/** The number of descriptors without a sandbox, and with one. */
export const descriptorCounts = { bare: 10, sandboxed: 11 } as const;
