/**
 * How a program of a session is interrupted in a pod, by the supervisor and by the scripts of workers.
 *
 * @module
 */

/** How long an interrupted program of a session may take to end before it is killed, in seconds. */
export const interruptSeconds = 2;

/**
 * A function of a shell that sends SIGINT to the program whose directory is $1; fails if it has no process. A call passes
 * the signal on to its kernel. Other programs get it with all their descendants, as at a terminal.
 */
export const interruptFunction = `interrupt_tree() {
  # First: the children of a process that ends get another parent.
  set -- "$1" $(cat "/proc/$1/task/$1/children" 2>/dev/null)
  kill -INT "$1"
  shift
  for child do interrupt_tree "$child"; done
}
interrupt() {
  process=; read -r process <"$1/process"
  case $process in '' | *[!0-9]*) return 1 ;; esac
  if [ -d "$1/kernels" ]; then kill -INT "$process"; else interrupt_tree "$process"; fi 2>/dev/null
}`;
