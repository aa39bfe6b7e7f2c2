#!/bin/bash
# Runs inside the machine, as root and as a unit of systemd; test/machine/run.ts reads the last line.
cd "$(dirname "$0")/../.." || exit 1
export PATH="$PWD/node_modules/.bin:$PATH" CI=true
echo "Linux $(uname -r), $(systemctl --version | head -1), $(stat -f -c %T /sys/fs/cgroup)"
status=0

echo "## an ordinary user who logged in, with a systemd user manager"
runuser -l tester -c "
  cd '$PWD' && cat /proc/self/cgroup
  PATH='$PATH' CI=true KGENTS_TEST_USER_GROUPS=yes vitest run --config test/machine/vitest.config.ts
" || status=1

echo "## root in a service, and a user without a manager"
# Root uses no program that belongs to another user.
chown -R root:root node_modules/.cache/kgents-tests
vitest run --config test/machine/vitest.config.ts test/sandbox/limits.test.ts || status=1

# On a separate line, because vitest ends its output with a terminal escape.
[ "$status" -eq 0 ] && printf '\nmachine: passed\n' || printf '\nmachine: failed\n'
