# The bash kernel of a session: keeps one shell, and evaluates the code of each call in it. Needs bash 4.
# See call.sh for the files that it shares with the calls. All that it says is untrusted: it lives in the same process
# as the code. Its own names begin with kgents_.
kgents_home=$KGENTS_KERNEL
unset KGENTS_KERNEL
kgents_calls=0
exec {kgents_queue}<>"$kgents_home/calls" {kgents_late1}>>"$kgents_home/late.1" {kgents_late2}>>"$kgents_home/late.2"
exec </dev/null >&"$kgents_late1" 2>&"$kgents_late2"
# An interrupt ends the whole call: DEBUG runs before each further command of it, and returns from each function.
set -o functrace
kgents_interrupt() {
  kgents_interrupted=yes
  trap '[ "$BASHPID" != $$ ] || return 130 2>/dev/null' DEBUG
}
trap '' INT

echo $$ >"$kgents_home/kernel.new" && mv "$kgents_home/kernel.new" "$kgents_home/kernel"
while read -r -u "$kgents_queue" kgents_n kgents_client; do
  # Messages about errors name this file, with the line.
  kgents_source=$kgents_home/$kgents_n/code
  cat "/proc/$kgents_client/fd/5" >"$kgents_source"
  if ! { : >>"/proc/$kgents_client/fd/6" && : >>"/proc/$kgents_client/fd/7"; } 2>/dev/null; then
    # The call has ended before it began, or its streams are no pipes and no files.
    echo 126 1<>"$kgents_home/$kgents_n/reply"
    continue
  fi
  cat "$kgents_home/late.1" >"/proc/$kgents_client/fd/6" && : >"$kgents_home/late.1"
  cat "$kgents_home/late.2" >"/proc/$kgents_client/fd/7" && : >"$kgents_home/late.2"
  kgents_interrupted=
  exec >>"/proc/$kgents_client/fd/6" 2>>"/proc/$kgents_client/fd/7"
  trap kgents_interrupt INT
  # Not in a function, where `declare` would be local.
  . "$kgents_source" </dev/null
  kgents_code=$?
  trap - DEBUG
  trap '' INT
  exec >&"$kgents_late1" 2>&"$kgents_late2" </dev/null
  kgents_status=ok
  [ "$kgents_code" = 0 ] || kgents_status=error
  [ -z "$kgents_interrupted" ] || kgents_status=interrupted kgents_code=130
  kgents_calls=$((kgents_calls + 1))
  printf '{"status":"%s","displays":[],"displaysOmitted":0,"call":%d}' "$kgents_status" "$kgents_calls" \
    >"$kgents_home/$kgents_n/result.new" && mv "$kgents_home/$kgents_n/result.new" "$kgents_home/$kgents_n/result"
  echo "$kgents_code" 1<>"$kgents_home/$kgents_n/reply"
done
