#!/bin/sh
# The night's work, each step by itself: what one step leaves must not keep the next from running. The exit status is the first that is
# not 0; 14 (some objects are locked, and stay) counts only where nothing worse happened.
set -u
umask 077
hosts='' archive_host=archiveb2 delete='' cleanup='' scripts=''
settings=${1:-/etc/backuppc/backuppc-b2.nightly}
# shellcheck source=/dev/null
[ ! -r "$settings" ] || . "$settings"
start=${BACKUPPC_ARCHIVE_START:-/usr/share/backuppc/bin/BackupPC_archiveStart}
result=0

step() {
  "$@"
  ended=$?
  [ "$ended" -eq 0 ] && return
  echo "nightly: '$*' ended with status $ended" >&2
  if [ "$result" -eq 0 ] || [ "$result" -eq 14 ]; then result=$ended; fi
}

# shellcheck disable=SC2086 # the settings are several words each
{
  [ -z "$delete" ] || step backuppc-b2 delete $delete --yes
  [ -z "$cleanup" ] || step backuppc-b2 cleanup $cleanup --yes
  step backuppc-b2 list
  for host in $hosts; do
    [ -z "$scripts" ] || step backuppc-b2 script --host "$host" --no-token --output "$scripts/restore-$host.sh"
  done
  [ -z "$hosts" ] || step "$start" "$archive_host" backuppc $hosts
}
exit "$result"
