#!/bin/sh
# Starts backuppc-b2 with the Node it was installed with. Installed under three names: BackupPC_archiveHost_b2 (what
# $Conf{ArchiveClientCmd} names), backuppc-b2 and backup-manager.
#
# BackupPC runs us with PATH=/bin:/usr/bin, so Node is found by the path recorded at installation, then in the usual places.
# BackupPC stops an archive by signalling the process *group* of our pid, without ever having made us a group leader:
# setsid makes us one, under the same pid, so that the stop reaches us and tarCreate.

name=$(basename -- "$0")
case $name in
BackupPC_archiveHost_b2*) program=archive-host ;;
backup-manager*) program=backup-manager ;;
*) program=manager ;;
esac

# BackupPC takes an end without output for success, whatever its status: from here on there is always a last line, also where somebody
# stops us before Node has begun. All of it goes to standard output, where BackupPC looks.
trap 'echo "$name: stopped before it began"; exit 12' INT TERM HUP

self=$(readlink -f -- "$0") || { echo "$name: cannot resolve the path $0"; exit 9; }
home=$(dirname -- "$(dirname -- "$self")")

# Said here already, because a kill before Node's first words would count as success, too.
if [ "$program" = archive-host ] && [ $# -ge 11 ]; then
  version=$(sed -n 's/^ *"version": *"\(.*\)".*/\1/p' "$home/../package.json" 2>/dev/null)
  echo "  backuppc-b2 $version: starting"
  BACKUPPC_B2_STARTING_SAID=1
  export BACKUPPC_B2_STARTING_SAID
fi

# What package.json asks for.
is_new_enough() {
  version=$("$1" --version 2>/dev/null) || return 1
  version=${version#v}
  major=${version%%.*}
  minor=${version#*.}
  minor=${minor%%.*}
  case $major.$minor in *[!0-9.]* | .* | *.) return 1 ;; esac
  [ "$major" -gt 20 ] || { [ "$major" -eq 20 ] && [ "$minor" -ge 19 ]; }
}

recorded=
[ -r "$home/bin/node-path" ] && recorded=$(cat -- "$home/bin/node-path")
node=
too_old=
for candidate in "$BACKUPPC_B2_NODE" "$recorded" "$(command -v node)" /usr/bin/node /usr/local/bin/node /opt/node/bin/node /usr/bin/nodejs; do
  if [ -z "$candidate" ] || [ ! -x "$candidate" ]; then continue; fi
  # What the installation recorded was looked at then, and the bundle looks again: asking costs a third of a start.
  if [ "$candidate" = "$recorded" ] || is_new_enough "$candidate"; then node=$candidate && break; fi
  too_old=${too_old:-"$candidate is ${version:-no Node.js}"}
done
if [ -z "$node" ]; then
  echo "$name: hint: install a newer Node.js, or set BACKUPPC_B2_NODE to the path of one"
  echo "$name: Node.js 20.19 or later not found${too_old:+ ($too_old)}"
  exit 9
fi

# `is_below LIMIT LEAST`: whether a limit, as ulimit tells it, is a number and too small.
is_below() {
  case $1 in '' | *[!0-9]*) return 1 ;; esac
  [ "$1" -lt "$2" ]
}

# Node raises the limit as far as it may, and crashes where that is not enough for it.
# shellcheck disable=SC3045 # not POSIX, but every sh that BackupPC runs on has it; without it there is no check
files=$(ulimit -Hn 2>/dev/null)
if is_below "$files" 256; then
  echo "$name: hint: raise the limit of open files to 1024 (ulimit -n, or LimitNOFILE= of the service)"
  echo "$name: no more than $files files may be open at once; 256 are needed"
  exit 9
fi

# It reserves far more address space than it uses, and crashes without a word where it may not.
# shellcheck disable=SC3045 # as above
space=$(ulimit -v 2>/dev/null)
if is_below "$space" 3000000; then
  echo "$name: hint: lift the limit of address space (ulimit -v, or LimitAS= of the service)"
  echo "$name: no more than $space KiB of address space may be used; Node.js reserves 3000000"
  exit 9
fi

# The bytes live outside the heap: a small young generation and one malloc arena cost no speed and save 50 MB
# (bench/README.md). Flags that a later Node may not know are set by the program itself (src/v8-flags.ts): here they would keep it from starting.
MALLOC_ARENA_MAX=${MALLOC_ARENA_MAX:-1}
# glibc raises these by itself once something large was freed, and then keeps 20 MB of what starting took.
MALLOC_MMAP_THRESHOLD_=${MALLOC_MMAP_THRESHOLD_:-2097152}
MALLOC_TRIM_THRESHOLD_=${MALLOC_TRIM_THRESHOLD_:-524288}
export MALLOC_ARENA_MAX MALLOC_MMAP_THRESHOLD_ MALLOC_TRIM_THRESHOLD_
# Node opens /dev/null where standard output is closed, and what is written would be lost without a word.
(: 3>&1) 2>/dev/null || export BACKUPPC_B2_STDOUT_CLOSED=1
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
