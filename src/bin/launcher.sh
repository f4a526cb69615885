#!/bin/sh
# Starts backuppc-b2 with the Node it was installed with. Installed under three names: BackupPC_archiveHost_b2 (what
# $Conf{ArchiveClientCmd} names), backuppc-b2 and backup-manager.
#
# BackupPC runs us with PATH=/bin:/usr/bin, so Node is found by the path recorded at installation, then in the usual places.
# BackupPC stops an archive by signalling the process *group* of our pid, without ever having made us a group leader:
# setsid makes us one, under the same pid, so that the stop reaches us and tarCreate.

self=$(readlink -f -- "$0") || { echo "$0: cannot resolve its own path"; exit 9; }
name=$(basename -- "$0")
home=$(dirname -- "$(dirname -- "$self")")

case $name in
BackupPC_archiveHost_b2*) program=archive-host ;;
backup-manager*) program=backup-manager ;;
*) program=manager ;;
esac

recorded=
[ -r "$home/bin/node-path" ] && recorded=$(cat -- "$home/bin/node-path")
node=
for candidate in "$BACKUPPC_B2_NODE" "$recorded" "$(command -v node)" /usr/bin/node /usr/local/bin/node /opt/node/bin/node /usr/bin/nodejs; do
  if [ -n "$candidate" ] && [ -x "$candidate" ]; then node=$candidate && break; fi
done
if [ -z "$node" ]; then
  # On standard output too: BackupPC takes a failure without output for success.
  echo "$name: Node.js (20.19 or later) not found: install it or set BACKUPPC_B2_NODE to its path"
  exit 9
fi

# The bytes live outside the heap: a small young generation and one malloc arena cost no speed and save 50 MB
# (bench/README.md). Flags that a later Node may not know are set by the program itself (src/v8-flags.ts): here they would keep it from starting.
MALLOC_ARENA_MAX=${MALLOC_ARENA_MAX:-1}
export MALLOC_ARENA_MAX
# A package has all programs in one file, which starts in half of the time.
if [ -r "$home/bundle/load.cjs" ]; then
  set -- --max-semi-space-size=1 "$home/bundle/load.cjs" "$program" "$@"
else
  set -- --max-semi-space-size=1 "$home/src/$program.js" "$@"
fi
if [ "$program" = archive-host ] && command -v setsid >/dev/null 2>&1; then
  # A process-group leader (a job of an interactive shell) is one already; setsid would fork and return at once.
  # Field 5 of /proc/PID/stat is the process group; the name in field 2 may hold blanks, so count from its closing parenthesis.
  leader=$(sed 's/^.*) //' "/proc/$$/stat" 2>/dev/null | cut -d' ' -f3)
  [ "$leader" = "$$" ] || exec setsid "$node" "$@"
fi
exec "$node" "$@"
