# Runs one call in the kernel of its cell, and starts the kernel if there is none. It is the program that a call runs as:
# its stdin is the code, and its stdout and stderr are those of the call. It ends when the call has ended.
#
# Arguments: the directory that all calls share; the number of the call; then the command that starts the kernel, in the
# work directory. POSIX and busybox.
#
# Files in the directory:
#   calls      FIFO: the kernel reads "number process" of each call
#   keeper     the process of the keeper, and when it started
#   kernel     the process of the kernel; it leads a process group
#   gone       there when the kernel has ended: its exit code
#   N/reply    FIFO: the kernel writes the exit code of call N; the keeper writes "gone" when the kernel has ended
#   N/result   what the kernel says of the call, as JSON
home=$1 n=$2
shift 2
call=$home/$n
# Nobody waits for earlier calls any more.
rm -rf "$home"/[0-9]* && mkdir -p "$call" && mkfifo "$call/reply" || exit 126
# Opening a FIFO for reading and writing never blocks. The kernel opens the descriptors 5 to 7: a shell uses 0 to 2 for
# its own redirections.
exec 3<>"$call/reply" 5<&0 6>&1 7>&2 </dev/null

# Whether the keeper lives, which has not seen the kernel end. If both were killed, another process may have its number.
is_kept() {
  [ ! -e "$home/gone" ] && read -r keeper began <"$home/keeper" && read -r state <"/proc/$keeper/stat" || return 1
  # After the name of the program, which may contain anything.
  set -- ${state##*) }
  [ "${20}" = "$began" ]
}

if ! is_kept 2>/dev/null; then
  # A kernel without a keeper.
  [ -e "$home/gone" ] || { read -r kernel <"$home/kernel" && kill -9 "-$kernel"; } 2>/dev/null
  rm -rf "$home/calls" "$home/gone" "$home/kernel" "$home/keeper" "$home/earlier"
  mkfifo "$home/calls" || exit 126
  # The keeper outlives this call. The kernel leads a session of its own, so that an interrupt reaches nothing else. A shell
  # starts background commands with SIGINT ignored. Python and Node.js set their handlers anyway; only bash can undo it.
  keep='home=$1; shift
    read -r state </proc/$$/stat
    began() { echo "${20}"; }
    echo "$$ $(began ${state##*) })" >"$home/keeper"
    setsid "$@" >"$home/earlier" 2>&1
    code=$?
    echo "$code" >"$home/gone.new" && mv "$home/gone.new" "$home/gone"
    for reply in "$home"/[0-9]*/reply; do [ -p "$reply" ] && echo gone 1<>"$reply"; done'
  ( trap - INT; KGENTS_KERNEL=$home exec sh -c "$keep" sh "$home" "$@" ) </dev/null >/dev/null 2>&1 3<&- 5<&- 6>&- 7>&- &
fi

interrupt() {
  # The kernel may be starting.
  [ -f "$home/kernel" ] && read -r kernel <"$home/kernel" && kill -INT "-$kernel"
}
trap interrupt INT

# It stays open until the kernel has read it: what is in a FIFO that nobody has open is lost.
exec 4<>"$home/calls"
echo "$n $$" >&4
[ ! -e "$home/gone" ] || echo gone 1<>"$call/reply"
reply=
# An interrupt ends `read` without a line.
until read -r reply <&3 && [ -n "$reply" ]; do :; done
case $reply in
  gone)
    code=; read -r code <"$home/gone"
    # What the interpreter wrote when it started or ended.
    [ -s "$home/earlier" ] && cat "$home/earlier" >&2
    exit "${code:-1}" ;;
  *) exit "$reply" ;;
esac
