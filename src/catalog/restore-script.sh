#!/bin/sh
# Restores one archive with stock tools. It runs under dash, bash, busybox sh, ksh93 and zsh; mksh has no built-in printf, and
# yash accepts only octets that are text.
#
# A pipeline in sh reports only the status of its last command, so there are none: named pipes connect the stages, each stage is a
# background job whose status `wait` returns, and `blame` names the first cause among several failures.
#
# The lines down to the mark describe one archive; restore-script.ts replaces them.
archive='web #1'
archive_bytes=0
volumes_total=0
unpacker=''
encrypted=yes
gpg_minimum=20221
gpg_minimum_text='2.2.21'
problems=''
tar_bytes=''
tar_end=yes
plain=yes
packed_by=''
access=key
expires=0
expires_text=''
base=''
token=''
authorize_url='https://api.backblazeb2.com/b2api/v4/b2_authorize_account'
own_streams=no
plan() { :; }
index_plan() { :; }
unpack() { cat; }
# ---- the same for every archive from here on ----

# In this order: usage and messages, options, tools, kept pieces and target, temporary files and passphrase, access to B2, pieces, small
# volumes in advance, session keys, progress, volumes, member index, the tar and what failed first, the run.

# zsh has its own rules unless it is called as sh.
[ -z "${ZSH_VERSION-}" ] || emulate sh
set -u
LC_ALL=C
export LC_ALL

# ---- usage and messages

usage() {
  cat <<'USAGE'
Usage: sh THIS_FILE [-C] DIR            restore everything into DIR (made if missing; must be empty). Until all has come, a new one
                                        is called DIR.incomplete, and another one has a file RESTORE-INCOMPLETE in it
       sh THIS_FILE -C DIR -x PATH...   restore only these members and what is below them, named as -t shows them
       sh THIS_FILE -t                  list what is in the archive
       sh THIS_FILE -o FILE             write the tar to FILE ("-": standard output) and unpack nothing
Options, before -x:
       --passphrase-file FILE           read the passphrase from the first line of FILE instead of asking
       -k                               use a secret key of gpg's keyring; ask no passphrase
       --keep-going                     leave out volumes that are damaged or gone, and give the rest
       --keep-pieces DIR                keep what has been fetched, as it is stored, in DIR until all is done: where a restore breaks
                                        off, the same command goes on from there. DIR takes as much room as the archive
       -q                               say nothing but errors
Where the archive has a member index, -t fetches that alone, and where its volumes were cut by content, -x fetches it and the
volumes that hold what is asked for.
Needs sh, curl, gpg, tar, sha1sum (or shasum, openssl or sha1) and the archive's decompressor; for the index gzip and awk.
Temporary files go to TMPDIR: one piece at a time, or some 32 MB of small volumes; with --keep-going one volume, with -x through the
index two. They are encrypted but for those of --keep-going and of the index.
On a terminal its last line shows percent, rate, time left and time elapsed.
Ends with 0: everything is there; 5: the archive was not complete; 9: a full disk, a file that cannot be written, or members that tar
could not make; 11: volumes are damaged or gone; 12: nobody reads its output any more; 13: the index has nothing of such a name;
1: it failed otherwise.
USAGE
}

work=
unfinished=
children=
terminal=
quiet=no
step=start
into=
filling=no
keep=
keeping=no
bar=no
ticker=

# Whatever is written goes where the line of the progress was.
clear_line() { [ "$bar" = no ] || printf '\r\033[K' >&2; }

say() {
  [ "$quiet" = no ] || return 0
  clear_line
  printf '%s\n' "$*" >&2
}

# What another program has said
show() {
  clear_line
  cat "$@" >&2
}

stop_progress() {
  [ -n "$ticker" ] || return 0
  kill "$ticker" 2>/dev/null
  wait "$ticker" 2>/dev/null
  ticker=
  clear_line
  bar=no
}

# give_up STATUS REASON
give_up() {
  [ "$keeping" = no ] || say "$keeps_pieces"
  clear_line
  printf 'restore of %s failed: %s\n' "$archive" "$2" >&2
  exit "$1"
}

fail() { give_up 1 "$*"; }

# Another try may go better.
broke_off() {
  [ "$keeping" = yes ] || say 'hint: with --keep-pieces DIR the next try goes on where this one has broken off'
  fail "$*"
}

# A full disk, a file that cannot be written
unwritten() { give_up 9 "$*"; }

not_found() {
  clear_line
  printf 'restore of %s failed: %s\n' "$archive" "$*" >&2
  exit 13
}

# What is stored is not what was sent. With --keep-going the volume is skipped, and the rest goes on.
broken() {
  [ "$keep_going" = yes ] || fail "$*"
  clear_line
  printf '%s\n' "$*" >&2
  exit 11
}

# What has arrived may not be complete: it keeps the name that says so. If nothing has arrived, nothing stays.
leave_incomplete() {
  case $filling in
  beside) rmdir "$into" 2>/dev/null ;;
  marked)
    for entry in "$into"/* "$into"/.[!.]* "$into"/..?*; do
      case $entry in */lost+found | */RESTORE-INCOMPLETE) continue ;; esac
      if [ -e "$entry" ] || [ -h "$entry" ]; then break; fi
      entry=
    done
    [ -n "$entry" ] || rm -f "$into/RESTORE-INCOMPLETE"
    ;;
  esac
}

# Runs on every exit.
cleanup() {
  result=$?
  trap - EXIT HUP INT TERM
  [ -z "$terminal" ] || stty "$terminal" </dev/tty
  stop_progress
  for child in $children; do kill "$child" 2>/dev/null; done
  # They may be about to open what is about to be removed.
  for child in $children; do wait "$child" 2>/dev/null; done
  # A gpg that is being killed may still leave a file there.
  [ -z "$work" ] || rm -rf "$work" 2>/dev/null || { sleep 1 && rm -rf "$work"; }
  [ -z "$unfinished" ] || rm -f -- "$unfinished"
  leave_incomplete
  if [ "$keeping" = yes ]; then
    rm -f "$keep/running"
    [ "$result" -le 128 ] || say "$keeps_pieces"
  fi
  exit "$result"
}
trap cleanup EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# ---- options

mode=extract
target=
output=
passphrase_file=
keyring=no
keep_going=no
picking=no
while [ $# -gt 0 ]; do
  case $1 in
  -h | --help) usage && exit 0 ;;
  -t) mode=list ;;
  -k) keyring=yes ;;
  -q) quiet=yes ;;
  --keep-going) keep_going=yes ;;
  -C | -o | --passphrase-file | --keep-pieces)
    if [ $# -lt 2 ]; then
      usage >&2
      fail "$1 needs an argument"
    fi
    case $1 in
    -C) target=$2 ;;
    -o) mode=keep output=$2 ;;
    --keep-pieces) keep=$2 ;;
    *) passphrase_file=$2 ;;
    esac
    shift
    ;;
  --passphrase-file=*) passphrase_file=${1#*=} ;;
  --keep-pieces=*) keep=${1#*=} ;;
  -x)
    shift
    picking=yes
    break
    ;;
  -*)
    usage >&2
    fail "unknown option $1"
    ;;
  *)
    [ -z "$target" ] || fail "one target directory, please: $target or $1 (paths to pick go behind -x)"
    target=$1
    ;;
  esac
  shift
done
# What remains in "$@" are the paths to pick.
if [ "$picking" = yes ] && [ $# -eq 0 ]; then fail '-x needs at least one PATH'; fi
for path; do [ -n "$path" ] || fail '-x: an empty PATH'; done
if [ "$picking" = yes ] && [ "$mode" != extract ]; then fail '-x goes with neither -t nor -o'; fi
if [ "$mode" = extract ] && [ -z "$target" ]; then
  usage >&2
  fail 'no target directory given (-C DIR; it goes before -x)'
fi

if [ -n "$packed_by" ] && [ "$mode" != keep ]; then
  fail "the archive is compressed by $packed_by, which no known program decompresses: -o FILE writes it as it is stored"
fi

# ---- tools

step='check of the tools'
not_installed=
needs() {
  command -v "$1" >/dev/null 2>&1 || not_installed="$not_installed $1"
}
for tool in curl mktemp mkfifo mkdir wc sed grep date cat rm mv sleep kill tee tail tr head; do needs "$tool"; done
[ "$mode" = keep ] || needs tar
if [ "$mode" = extract ]; then
  needs rmdir
  needs touch
fi
# The member index is used for the list, and for picking members if a volume can be opened without those before it.
indexed=no
if [ "$tar_end" = yes ] && [ -n "$(index_plan)" ] && { [ "$mode" = list ] || { [ "$picking" = yes ] && [ "$own_streams" = yes ]; }; }; then
  indexed=yes
  needs gzip
  needs awk
fi
# With --keep-going, volumes that are separate compressed streams are decompressed one by one: damage to one does not affect the others.
singly=no
if [ "$keep_going$own_streams" = yesyes ] && [ "$plain" = no ] && [ -z "$packed_by" ]; then singly=yes; fi
[ "$encrypted" = no ] || needs gpg
[ -z "$unpacker" ] || needs "$unpacker"
# SHA-1 of standard input, its hex digits first.
if command -v sha1sum >/dev/null 2>&1; then
  digest() { sha1sum; }
elif command -v shasum >/dev/null 2>&1; then
  digest() { shasum -a 1; }
elif command -v openssl >/dev/null 2>&1; then
  digest() { openssl dgst -sha1 -r; }
elif command -v sha1 >/dev/null 2>&1; then
  digest() { sha1; }
else
  not_installed="$not_installed sha1sum"
fi
[ -z "$not_installed" ] || fail "not installed:$not_installed"
[ -z "${YASH_VERSION-}" ] ||
  fail 'yash changes octets that are not text in names and passphrases: run the script with dash, bash or busybox sh'
# A printf that is not built in would show the passphrase in the process list.
# shellcheck disable=SC2123 # in a subshell: only built-in commands are found
(PATH=/nonexistent && printf '') 2>/dev/null ||
  fail 'this shell has no printf of its own: run the script with dash, bash or busybox sh'
if [ "$encrypted" = yes ]; then
  # Leading zeros are dropped, so that no number is taken for octal.
  version=$(gpg --version | sed -n '1s/^gpg (.*) 0*\([0-9][0-9]*\)\.0*\([0-9][0-9]*\)\.0*\([0-9][0-9]*\).*/\1 * 10000 + \2 * 100 + \3/p')
  number=$((${version:-0}))
  [ "$number" -ge "$gpg_minimum" ] || fail "gpg is too old: this archive needs $gpg_minimum_text or later"
fi

if [ "$access" = token ] && [ "$(date +%s)" -ge "$expires" ]; then
  fail "this script expired on $expires_text: make a new one with 'backuppc-b2 script'"
fi
[ -z "$problems" ] || say "WARNING: this archive is not complete: $problems"

# ---- kept pieces and target

# $keep/restore tells which archive the pieces are of, which directory a run before this one has begun to fill, and with which members.
earlier=
earlier_asked=
asked=$*
keeps_pieces="what has been fetched is in $keep: the same command goes on from there"
if [ -n "$keep" ]; then
  case $keep in -*) keep=./$keep ;; esac
  (umask 077 && mkdir -p "$keep") || unwritten "cannot make the directory $keep"
  if [ -f "$keep/restore" ]; then
    { IFS= read -r pieces_of && IFS= read -r earlier && IFS= read -r earlier_asked; } <"$keep/restore"
    case $pieces_of in
    "$archive, $archive_bytes bytes") ;;
    # The power failed.
    '') earlier= ;;
    *) fail "$keep holds pieces of $pieces_of: take another directory" ;;
    esac
    if [ -f "$keep/running" ] && read -r running <"$keep/running" && kill -0 "$running" 2>/dev/null; then
      fail "another restore works with $keep: process $running (if that is something else, remove $keep/running)"
    fi
  else
    for entry in "$keep"/* "$keep"/.[!.]* "$keep"/..?*; do
      case $entry in */lost+found) continue ;; esac
      if [ -e "$entry" ] || [ -h "$entry" ]; then fail "--keep-pieces: $keep is not empty"; fi
    done
  fi
fi

absolute() { case $1 in /*) printf '%s' "$1" ;; *) printf '%s' "$PWD/$1" ;; esac }

# Whether a run before this one has begun to fill the directory, with the same: then tar replaces what it left.
begun_before() {
  [ -n "$keep" ] && [ -d "$1" ] && [ ! -h "$1" ] && [ "$(absolute "$1")" = "$earlier" ] && [ "$asked" = "$earlier_asked" ]
}

case $mode in
extract)
  # A name that is all slashes is the root directory.
  while [ "${target%/}" != "$target" ] && [ -n "${target%/}" ]; do target=${target%/}; done
  case $target in -*) target=./$target ;; esac
  if begun_before "$target" && [ -f "$target/RESTORE-INCOMPLETE" ]; then
    into=$target
    filling=marked
  elif [ -e "$target" ] || [ -h "$target" ]; then
    [ -d "$target" ] || fail "$target is not a directory"
    for entry in "$target"/* "$target"/.[!.]* "$target"/..?*; do
      # A new file system has a lost+found: that is empty enough.
      case $entry in */lost+found) continue ;; esac
      if [ -e "$entry" ] || [ -h "$entry" ]; then fail "$target is not empty"; fi
    done
    (set -C && printf 'A restore into this directory has not come to a good end, or still goes on.\n' >"$target/RESTORE-INCOMPLETE") ||
      unwritten "cannot write to $target"
    into=$target
    filling=marked
  else
    case $target in */*) mkdir -p "${target%/*}/" || unwritten "cannot make the directory ${target%/*}" ;; esac
    into=$target.incomplete
    if ! begun_before "$into"; then
      if [ -e "$into" ] || [ -h "$into" ]; then fail "$into is there: what a restore that failed has left. Remove it first"; fi
      mkdir "$into" || unwritten "cannot make the directory $into"
    fi
    filling=beside
    say "extracting into $into, which becomes $target once everything has arrived"
  fi
  ;;
keep)
  if [ "$output" != - ] && [ -e "$output" ]; then fail "$output exists already"; fi
  ;;
esac
if [ -n "$keep" ]; then
  [ "$mode" != extract ] || earlier=$(absolute "$into") earlier_asked=$asked
  {
    mkdir -p "$keep/pieces" &&
      printf '%s\n' "$archive, $archive_bytes bytes" "$earlier" "$earlier_asked" >"$keep/restore" &&
      printf '%s\n' "$$" >"$keep/running"
  } || unwritten "cannot write to $keep"
  keeping=yes
fi

# ---- temporary files and passphrase

work=$(mktemp -d "${TMPDIR:-/tmp}/restore.XXXXXX") || unwritten 'cannot make a temporary directory (TMPDIR)'
pieces_in=$work/fetched
mkdir "$pieces_in" || unwritten 'cannot write to the temporary directory'
[ -z "$keep" ] || pieces_in=$keep/pieces
mkfifo "$work/sealed" "$work/packed" "$work/tar" "$work/counted" "$work/last" "$work/end" "$work/nonzero" "$work/out" ||
  unwritten 'cannot make named pipes in the temporary directory'

# ask PROMPT: one line from the terminal, without showing it, into $answer
ask() {
  # shellcheck disable=SC2217 # only whether it opens
  if ! (: </dev/tty) 2>/dev/null; then return 1; fi
  terminal=$(stty -g </dev/tty) && stty -echo </dev/tty
  printf '%s' "$1" >/dev/tty
  IFS= read -r answer </dev/tty
  stty "$terminal" </dev/tty
  terminal=
  printf '\n' >/dev/tty
}

passphrase=
marked=no
if [ "$encrypted" = yes ] && [ "$keyring" = no ]; then
  if [ -n "$passphrase_file" ]; then
    # The last line may lack a newline.
    IFS= read -r passphrase <"$passphrase_file" || [ -n "$passphrase" ] || fail "no passphrase in $passphrase_file"
    # As backuppc-b2 reads it: without a trailing carriage return, without a leading byte-order mark.
    passphrase=${passphrase%"$(printf '\r')"}
    whole=$passphrase
    passphrase=${passphrase#"$(printf '\357\273\277')"}
    [ "$whole" = "$passphrase" ] || marked=yes
  else
    ask "Passphrase of $archive (only Enter: a secret key of gpg's keyring): " ||
      fail 'no terminal to ask for the passphrase: use --passphrase-file FILE'
    passphrase=$answer
    [ -n "$passphrase" ] || keyring=yes
  fi
fi
# A passphrase needs no keyring: gpg gets a home of its own, so that a read-only home, a gpg.conf or an agent cannot get in the way.
if [ "$keyring" = no ]; then mkdir -m 700 "$work/gnupg"; fi
GPG_TTY=$(tty 2>/dev/null) && export GPG_TTY

# ---- access to B2

# What a server sent goes into curl's configuration: nothing in it may end a line or a quoted word, and https stays https.
check_access() {
  case $token in
  '' | *[!A-Za-z0-9+/=_.:~-]*) fail "$1: that is no token of B2" ;;
  esac
  case $base in
  *[!A-Za-z0-9._~:/?=%@\[\]-]*) fail "$1: that is no URL of B2" ;;
  https://*) ;;
  http://127.0.0.1[:/]* | http://localhost[:/]* | 'http://[::1]'[:/]*)
    case $authorize_url in https://*) fail "$1: a URL without https" ;; esac
    ;;
  *) fail "$1: a URL without https" ;;
  esac
  protocol=${base%%:*}
}

# An account token from the owner's own key, through standard input: nothing secret is an argument of a program.
authorize() {
  key_id=${B2_APPLICATION_KEY_ID:-}
  key=${B2_APPLICATION_KEY:-}
  if [ -z "$key_id" ]; then
    ask 'B2 application key id: ' || fail 'no terminal to ask for the key: set B2_APPLICATION_KEY_ID and B2_APPLICATION_KEY'
    B2_APPLICATION_KEY_ID=$answer key_id=$answer
  fi
  if [ -z "$key" ]; then
    ask 'B2 application key: ' || fail 'no terminal to ask for the key: set B2_APPLICATION_KEY'
    B2_APPLICATION_KEY=$answer key=$answer
  fi
  case $key_id$key in
  *[!A-Za-z0-9+/=_-]*) fail 'that is no application key: it has characters that none has' ;;
  esac
  tries=0
  until printf 'user = "%s:%s"\nurl = "%s"\n' "$key_id" "$key" "$authorize_url" |
    curl -q --config - --proto "=${authorize_url%%:*}" --silent --show-error --connect-timeout 30 --max-time 120 \
      --write-out '\n%{http_code}\n' >"$work/account" 2>"$work/curl.txt" &&
    [ "$(sed -n '$p' "$work/account")" = 200 ]; do
    code=$(sed -n '$p' "$work/account")
    case $code in
    400 | 401 | 403) fail "B2 refuses the application key (HTTP $code)" ;;
    esac
    tries=$((tries + 1))
    [ "$tries" -le 8 ] || fail "authorization: $(cat "$work/curl.txt") (HTTP $code)"
    sleep "${RESTORE_PAUSE:-$((tries * tries))}"
  done
  token=$(sed -n 's/.*"authorizationToken"[[:space:]]*:[[:space:]]*"\([^"]*\)".*/\1/p' "$work/account" | sed -n 1p)
  base=$(sed -n 's/.*"downloadUrl"[[:space:]]*:[[:space:]]*"\([^"]*\)".*/\1/p' "$work/account" | sed -n 1p)
  rm -f "$work/account"
  if [ -z "$token" ] || [ -z "$base" ]; then fail 'the answer to the authorization is not understood'; fi
  base="$base/b2api/v4/b2_download_file_by_id?fileId="
  check_access 'the answer to the authorization'
}

# size FILE
size() { echo $(($(wc -c <"$1"))); }

# request WHERE FROM TO: the bytes into $piece.more, the HTTP status to stdout, curl's words into $work/curl.txt
request() {
  printf 'header = "Authorization: %s"\nurl = "%s%s"\n' "$token" "$base" "$1" |
    curl -q --config - --proto "=$protocol" --silent --show-error --fail --range "$2-$3" --output "$piece.more" \
      --connect-timeout 30 --speed-limit 1 --speed-time 60 --write-out '%{http_code}' 2>"$work/curl.txt"
}

# ---- pieces

# They are called by their SHA-1: a script that was made anew finds those of the one before. What has come of a piece is PIECE.part; what
# a transfer adds is PIECE.more until it has ended, or until the next run, if this one is killed.

# right FILE BYTES SHA1: whether the file is the whole piece
right() {
  [ -f "$1" ] && [ "$(size "$1")" -eq "$2" ] || return 1
  sum=$(digest <"$1") || fail "$step: the program for SHA-1 does not work"
  sum=${sum%% *}
  [ "$sum" = "$3" ]
}

# add_more BYTES: what has come to what there is of a piece of so many bytes; $have is how much that is
add_more() {
  have=0
  [ ! -f "$piece.part" ] || have=$(size "$piece.part")
  got=0
  [ ! -f "$piece.more" ] || got=$(size "$piece.more")
  if [ "$got" -gt 0 ] && [ $((have + got)) -le "$1" ]; then
    if [ "$have" -eq 0 ]; then
      mv -f "$piece.more" "$piece.part"
    else
      cat "$piece.more" >>"$piece.part"
    fi || unwritten "cannot write to $pieces_in (disk full?)"
    have=$((have + got))
  else
    got=0
  fi
  rm -f "$piece.more"
}

# fetch_piece WHERE FROM BYTES SHA1: the checked piece into the file $piece. A broken transfer resumes where it stopped.
fetch_piece() {
  piece=$pieces_in/$4
  if [ "$4" = - ]; then
    # Nobody knows what it has to be: nothing of an earlier run can be trusted.
    piece=$work/piece
    rm -f "$piece" "$piece.part" "$piece.more"
  elif right "$piece" "$3" "$4"; then
    return
  fi
  piece_last=$(($2 + $3 - 1))
  damaged=0
  renewed=no
  while :; do
    add_more "$3"
    # More than there can be.
    if [ "$have" -gt "$3" ]; then rm -f "$piece.part" && have=0; fi
    tries=0
    while [ "$have" -lt "$3" ]; do
      code=$(request "$1" $(($2 + have)) "$piece_last")
      ended=$?
      # 200 means the whole file, whatever was requested: only good if the request began at its first byte.
      if [ "$code" = 206 ] || { [ "$code" = 200 ] && [ "$2" -eq 0 ] && [ "$have" -eq 0 ]; }; then
        add_more "$3"
        if [ "$got" -gt 0 ]; then
          tries=0
          continue
        fi
      fi
      rm -f "$piece.more"
      case $code in
      401)
        if [ "$access" = key ] && [ "$renewed" = no ]; then
          renewed=yes
          authorize
          continue
        fi
        [ "$access" = key ] && fail "$step: B2 refuses this key for this file (HTTP 401)"
        broke_off "$step: B2 does not take this script's token (HTTP 401); it was good until $expires_text"
        ;;
      403) fail "$step: HTTP 403: the account's download cap is reached, or access is denied" ;;
      404) broken "$step: HTTP 404: it is not there any more" ;;
      400 | 416) broken "$step: HTTP $code: B2 does not have these bytes" ;;
      esac
      # 23: curl could not write. Over 128: it was killed, by a limit on the size of files for example.
      [ "$ended" -ne 23 ] || unwritten "$step: cannot write to $pieces_in (disk full?)"
      [ "$ended" -le 128 ] || unwritten "$step: curl was killed (status $ended); is there a limit on the size of files?"
      tries=$((tries + 1))
      [ "$tries" -le 10 ] || broke_off "$step: no progress in 10 tries: $(cat "$work/curl.txt") (HTTP $code)"
      pause=$((tries < 6 ? 1 << tries : 60))
      say "$step: interrupted (HTTP $code), going on in ${RESTORE_PAUSE:-$pause} s"
      sleep "${RESTORE_PAUSE:-$pause}"
    done
    if [ "$4" = - ] || right "$piece.part" "$3" "$4"; then
      mv -f "$piece.part" "$piece" || unwritten "cannot write to $pieces_in"
      return
    fi
    rm -f "$piece.part"
    damaged=$((damaged + 1))
    [ "$damaged" -lt 4 ] || broken "$step: SHA-1 of bytes $2-$piece_last is $sum instead of $4"
    say "$step: bytes $2-$piece_last came damaged, fetching them again"
  done
}

# It has been opened.
drop_piece() { if [ "$keeping" = no ] || [ "$1" = "$work/piece" ]; then rm -f "$1"; fi; }

# ---- small volumes in advance

# Small volumes are fetched many at a time, by one curl that keeps its connection: a process and a TLS handshake for each would
# take longer than their bytes. It is only an attempt: what does not come, or comes damaged, is fetched again by itself.
ahead_volumes=200
ahead_bytes=33554432
small_bytes=8388608
looked=0
# From $volume_number on. Descriptor 7 runs through the plan in front of 8.
look_ahead() {
  count=0
  total=0
  while [ "$count" -lt "$ahead_volumes" ] && [ "$total" -lt "$ahead_bytes" ]; do
    read -r next_what next_number next_pieces next_where _ <&7 || break
    looked=$next_number
    next_bytes=0
    next_sha1=-
    many=$next_pieces
    while [ "$many" -gt 0 ]; do
      read -r next_bytes next_sha1 <&7
      many=$((many - 1))
    done
    if [ "$next_number" -lt "$volume_number" ] || [ "$next_what" = missing ] || [ -f "$pieces_in/$next_sha1" ]; then continue; fi
    if [ "$next_pieces" -ne 1 ] || [ "$next_sha1" = - ] || [ "$next_bytes" -gt "$small_bytes" ]; then
      # Each of its pieces takes a while, and the volumes after it can wait that long.
      break
    fi
    [ "$count" -eq 0 ] || printf 'next\n'
    printf 'header = "Authorization: %s"\nurl = "%s%s"\noutput = "%s"\nrange = "0-%s"\n' \
      "$token" "$base" "$next_where" "$next_sha1.part" "$((next_bytes - 1))"
    printf 'silent\nproto = "=%s"\nconnect-timeout = 30\nspeed-limit = 1\nspeed-time = 60\n' "$protocol"
    count=$((count + 1))
    total=$((total + next_bytes))
  done >"$work/request"
  # A single one may as well be fetched the other way.
  [ "$count" -le 1 ] || (cd "$pieces_in" && curl -q --config - --fail-early >/dev/null 2>&1) <"$work/request"
  rm -f "$work/request"
}

# check_ahead BYTES SHA1: the file of a volume of one piece that has come, in this run or one before, into $ready; else status 1
check_ahead() {
  ready=
  [ "$2" != - ] || return 1
  ready=$pieces_in/$2
  if right "$ready" "$1" "$2"; then return; fi
  if right "$ready.part" "$1" "$2" && mv -f "$ready.part" "$ready"; then return; fi
  # It may be what B2 says of an error.
  [ "$1" -gt "$small_bytes" ] || rm -f "$ready.part"
  ready=
  return 1
}

# ---- session keys

# Turning a passphrase into a key takes gpg a tenth of a second and more. Volumes with the same key packets have the same session key: once
# gpg has opened one of them with the passphrase, it reveals that key, which opens the others. Only the shell ever holds it.
keys=
session=
can_override=no

# key_packets FILE: what precedes the data packet of an OpenPGP message, in hex; nothing if it is not understood
key_packets() {
  od -An -v -tu1 -N 4096 "$1" | awk '
    BEGIN { at = count = 0 }
    { for (i = 1; i <= NF; i++) octet[count++] = $i }
    END {
      while (octet[at] == 193 || octet[at] == 195) {
        if (octet[at + 1] < 192) at += 2 + octet[at + 1]
        else if (octet[at + 1] < 224) at += 3 + (octet[at + 1] - 192) * 256 + octet[at + 2] + 192
        else exit
      }
      if (at < count) for (i = 0; i < at; i++) printf "%02x", octet[i]
    }'
}

# find_session FILE: the volume's session key into $session; empty if the passphrase is to be used
find_session() {
  session=
  # If each volume has packets of its own, there is nothing to gain.
  if [ "$can_override" = no ] || [ ${#keys} -gt 100000 ]; then return; fi
  packets=$(key_packets "$1")
  [ -n "$packets" ] || return 0
  case $keys in
  *" $packets="*)
    session=${keys#*" $packets="}
    session=${session%% *}
    ;;
  *" $packets "*)
    session=$(tell_session "$1")
    keys=" $packets=$session$keys"
    ;;
  *) keys=" $packets $keys" ;;
  esac
}

# tell_session FILE: the session key, if gpg opens the message with the passphrase
tell_session() {
  printf '%s\n' "$passphrase" |
    GNUPGHOME=$work/gnupg gpg --no-autostart --batch --no-tty --quiet --pinentry-mode loopback \
      --passphrase-fd 3 --show-session-key --status-fd 4 --decrypt 3<&0 <"$1" 4>&1 >/dev/null 2>&1 |
    awk '
      $2 == "SESSION_KEY" && $3 ~ /^9(\.[0-9])?:[0-9A-F]+$/ && length($3) - index($3, ":") == 64 { key = $3 }
      $2 == "DECRYPTION_OKAY" { good = 1 }
      END { if (good) print key }'
}

# The message from stdin without its passphrase packets, where it has packets for recipients too: gpg 2.4 asks for the passphrase first, and
# fails if it cannot ask. dd reads no octet more than it is told to.
for_secret_key() {
  if command -v dd >/dev/null 2>&1 && command -v od >/dev/null 2>&1 && command -v awk >/dev/null 2>&1; then
    dd bs=1 count=4096 of="$work/head" 2>/dev/null
    od -An -v -tu1 "$work/head" | awk '
      BEGIN { at = count = kept = left = 0 }
      { for (i = 1; i <= NF; i++) octet[count++] = $i }
      END {
        while (at < count && (octet[at] == 193 || octet[at] == 195)) {
          from = at
          if (octet[at + 1] < 192) at += 2 + octet[at + 1]
          else if (octet[at + 1] < 224) at += 3 + (octet[at + 1] - 192) * 256 + octet[at + 2] + 192
          else break
          if (octet[from] == 195) left++
          else stretch[kept++] = from " " (at - from)
        }
        if (at >= count || kept == 0 || left == 0) print "0 " count
        else {
          for (i = 0; i < kept; i++) print stretch[i]
          print at " " (count - at)
        }
      }' >"$work/stretches"
    while read -r from length; do
      tail -c "+$((from + 1))" "$work/head" 2>/dev/null | head -c "$length"
    done <"$work/stretches"
    rm -f "$work/head" "$work/stretches"
  fi
  cat
}

# One OpenPGP message, descriptor 5 to stdout. gpg gets the passphrase through a pipe: not in its arguments, not in the environment.
open_message() {
  if [ "$1" = no ]; then
    cat <&5
  elif [ "$keyring" = yes ]; then
    for_secret_key <&5 | gpg --quiet --status-fd 4 --decrypt 4>"$work/gpg.txt" 2>"$work/gpg.err"
  elif [ -n "$session" ]; then
    # Some versions of gpg show the key among their messages.
    printf '%s\n' "$session" |
      GNUPGHOME=$work/gnupg gpg --no-autostart --batch --no-tty --quiet \
        --override-session-key-fd 3 --status-fd 4 \
        --decrypt 3<&0 <&5 4>"$work/gpg.txt" 2>/dev/null
  else
    printf '%s\n' "$passphrase" |
      GNUPGHOME=$work/gnupg gpg --no-autostart --batch --no-tty --quiet --pinentry-mode loopback \
        --passphrase-fd 3 --status-fd 4 \
        --decrypt 3<&0 <&5 4>"$work/gpg.txt" 2>"$work/gpg.err"
  fi
}

# ---- progress

# The last line of a terminal, drawn each second by a job of its own: from what has come, in $work/passed, and the size of what is coming.
passed=0
to_pass=0

# note_progress BYTES: so many of the volume have come, too
note_progress() { [ -z "$ticker" ] || printf '%s\n' $((passed + $1)) >"$work/passed"; }

# Once; not while gpg may ask for the passphrase of a secret key.
start_progress() {
  if [ "$bar" = no ] || [ -n "$ticker" ]; then return; fi
  printf '%s\n' "$passed" >"$work/passed"
  # exec, not a redirection of the function: dash would keep standard output open beside it, here the pipe of the volumes.
  (exec >/dev/null && draw_progress) &
  ticker=$!
}

# bytes_text BYTES: as 12.3 MiB, into $text
bytes_text() {
  tenths=$(($1 * 10))
  unit=B
  for next_unit in KiB MiB GiB TiB; do
    [ "$tenths" -ge 10240 ] || break
    tenths=$((tenths / 1024)) unit=$next_unit
  done
  text="$((tenths / 10)).$((tenths % 10)) $unit"
  if [ "$unit" = B ] || [ "$tenths" -ge 1000 ]; then text="$((tenths / 10)) $unit"; fi
}

# time_text SECONDS: 4 s, 12 m 05 s, 3 h 07 m, 2 d 04 h, into $text
time_text() {
  if [ "$1" -lt 60 ]; then
    text="$1 s"
    return
  elif [ "$1" -lt 3600 ]; then
    high="$(($1 / 60)) m" low=$(($1 % 60)) unit=s
  elif [ "$1" -lt 86400 ]; then
    high="$(($1 / 3600)) h" low=$(($1 / 60 % 60)) unit=m
  else
    high="$(($1 / 86400)) d" low=$(($1 / 3600 % 24)) unit=h
  fi
  [ "$low" -gt 9 ] || low=0$low
  text="$high $low $unit"
}

# add_field TEXT: to $line, where it fits
add_field() {
  [ "$full" = no ] || return 0
  longer=$line${line:+, }$1
  if [ $((${#longer} + left)) -ge "$columns" ]; then full=yes; else line=$longer; fi
}

# The bar, where the terminal is wide enough, and as many fields as fit, as backuppc-b2 draws them.
progress_line() {
  columns=$(stty size <&2 2>/dev/null)
  columns=${columns#* }
  case $columns in '' | 0 | *[!0-9]*) columns=80 ;; esac
  left=0
  share=
  if [ "$columns" -ge 60 ]; then
    left=17
    while [ ${#share} -lt 16 ]; do
      if [ ${#share} -lt $((percent * 16 / 100)) ]; then share=$share#; else share=$share.; fi
    done
    share="$share "
  fi
  line=
  full=no
  add_field "$percent %"
  bytes_text "$rate" && add_field "$text/s"
  if [ "$rate" -gt 0 ]; then time_text $(((to_pass - come) / rate)) && add_field "$text left"; fi
  time_text $((now - started)) && add_field "$text elapsed"
  bytes_text "$come" && come_text=$text
  bytes_text "$to_pass" && add_field "$come_text of $text"
  add_field "$archive"
  line=$share$line
}

# Until it is killed. Its arguments are what had come at the last ticks, as SECONDS:BYTES.
draw_progress() {
  started=$(date +%s)
  set --
  while sleep 1; do
    read -r come <"$work/passed" || continue
    # shellcheck disable=SC2012 # the names are our own
    come=$(ls -ln "$pieces_in"/*.part "$pieces_in"/*.more "$work"/piece.part "$work"/piece.more 2>/dev/null | {
      while read -r _ _ _ _ bytes _; do come=$((come + bytes)); done
      printf '%s' "$come"
    })
    [ "$come" -le "$to_pass" ] || come=$to_pass
    now=$(date +%s)
    set -- "$@" "$now:$come"
    [ $# -le 11 ] || shift
    rate=0
    if [ "$now" -gt "${1%:*}" ]; then rate=$(((come - ${1#*:}) / (now - ${1%:*}))); fi
    [ "$rate" -ge 0 ] || rate=0
    # Something is always left while it is drawn.
    percent=$((come * 100 / to_pass))
    [ "$percent" -lt 100 ] || percent=99
    progress_line
    printf '\r\033[K%s' "$line" >&2
  done
}

# ---- volumes

volume_number=0
opened=0
whole=0
lost=
gone=
over=no
fetched=0
# The tar bytes wanted of a volume are cut out of it; no: all of it is wanted.
cutting=no

# Each volume of the plan, decrypted to stdout; of those that are cut, what is wanted of their tar.
volumes() {
  while read -r what volume_number pieces where bytes encrypted data_bytes name <&8; do
    : >"$work/pieces" || unwritten "cannot write to $work"
    piece_bytes=0
    piece_sha1=-
    many=$pieces
    while [ "$many" -gt 0 ]; do
      read -r piece_bytes piece_sha1 <&8
      printf '%s %s\n' "$piece_bytes" "$piece_sha1"
      many=$((many - 1))
    done >"$work/pieces"
    thing="volume $volume_number ($name)"
    if [ "$over" = yes ]; then return 0; fi
    [ "$keyring" = yes ] || start_progress
    if [ "$what" = missing ]; then missing || return 1; else volume || return 1; fi
    start_progress
    passed=$((passed + bytes))
    note_progress 0
  done
  # The end mark of a tar.
  [ "$cutting" = no ] || head -c 1024 /dev/zero
}

# The volume that volumes() has read from the plan
volume() {
  [ "$bar" = yes ] || say "volume $volume_number of $volumes_total: $name ($bytes bytes)"
  fetched=$((fetched + bytes))
  session=
  [ "$looked" -ge "$volume_number" ] || look_ahead
  ready=
  if [ "$pieces" -eq 1 ] && check_ahead "$piece_bytes" "$piece_sha1"; then
    note_progress "$bytes"
    [ "$encrypted" = no ] || find_session "$ready"
  fi
  if [ "$keep_going$cutting" = nono ]; then
    open_volume
    return
  fi
  # None of it is passed on before all of it is known to be good.
  (open_volume >"$work/whole" || refused)
  state=$?
  if [ "$state$singly$cutting" = 0yesno ] && ! unpack_whole; then state=11; fi
  case $state in
  0)
    whole=$((whole + 1))
    if [ "$cutting" = yes ]; then
      cut_volume || return 1
    else
      cat "$work/whole" 2>/dev/null || return 1
    fi
    ;;
  11)
    lost="$lost $volume_number"
    # Its gpg may not have ended yet: the next volume must not use the files that it still reads and writes.
    rm -f "$work/sealed" "$work/whole" "$work/gpg.txt" "$work/gpg.err"
    mkfifo "$work/sealed" || unwritten "cannot write to $work"
    instead
    ;;
  *) exit "$state" ;;
  esac
  rm -f "$work/whole"
}

# What could not be written is not damaged.
check_room() {
  head -c 65536 /dev/zero >"$work/room" 2>/dev/null || unwritten "cannot write to $work (disk full?)"
  rm -f "$work/room"
}

# The volume's compressed stream, in place. Status 1: it is damaged
unpack_whole() {
  if unpack <"$work/whole" >"$work/one" 2>"$work/unpack.err" && mv -f "$work/one" "$work/whole"; then return 0; fi
  check_room
  show "$work/unpack.err"
  say "decompression of $thing: it is damaged"
  return 1
}

# The stretches of the volume's tar that hold what is wanted, to stdout
cut_volume() {
  step="decompression of $thing"
  unpack <"$work/whole" >"$work/one" 2>"$work/unpack.err" || {
    check_room
    show "$work/unpack.err"
    fail "$step"
  }
  one_bytes=$(size "$work/one")
  while read -r from length; do
    [ $((from + length)) -le "$one_bytes" ] || fail "$step: its tar is shorter than the member index says"
    tail -c "+$((from + 1))" "$work/one" 2>/dev/null | head -c "$length" 2>/dev/null || return 1
  done <<STRETCHES
$(sed -n "s/^range $((volume_number - 1)) //p" "$work/found")
STRETCHES
  rm -f "$work/one"
}

# A volume that was not there when this script was made
missing() {
  say "volume $volume_number of $volumes_total: $name is missing"
  gone="$gone $volume_number"
  instead
}

# Stands in for a volume's data. In a plain tar, the same number of bytes that are neither header nor end mark: tar finds the next header
# after them. For a volume that is a separate compressed stream, the index says how many; without it the next volume follows, which begins
# with a header unless it continues a long member. A single stream through all volumes ends here.
instead() {
  if [ "$cutting" = yes ]; then
    data_bytes=$(awk -v volume=$((volume_number - 1)) '$1 == "range" && $2 == volume { sum += $4 } END { printf "%.0f", sum }' "$work/found")
  fi
  if [ "$cutting$singly" = noyes ]; then
    data_bytes=$(sed -n "s/^$((volume_number - 1)) //p" "$work/lengths")
    data_bytes=${data_bytes:-0}
  fi
  if [ "$cutting" = yes ] || [ "$singly" = yes ] || { [ "$plain" = yes ] && [ "$data_bytes" != - ]; }; then
    head -c "$data_bytes" /dev/zero | tr '\000' '\377'
  else
    over=yes
    say "the $((volumes_total - volume_number)) volume(s) behind it cannot be read without it"
  fi
}

# gpg did not accept the volume.
refused() {
  check_room
  show "$work/gpg.err"
  if [ "$whole" -eq 0 ] && grep -q -e BAD_PASSPHRASE -e NO_SECKEY "$work/gpg.txt"; then fail "$step: wrong passphrase or key"; fi
  broken "$step: gpg cannot decrypt it"
}

# The volume, decrypted to stdout
open_volume() {
  : >"$work/gpg.txt"
  : >"$work/gpg.err"
  if [ -n "$ready" ]; then
    step="decryption of $thing"
    sent=0
    open_message "$encrypted" 5<"$ready"
    opened=$?
    if [ "$opened" -ne 0 ] && [ -n "$session" ]; then
      # With the passphrase gpg says why; if it succeeds, nobody took the bytes.
      session=
      if open_message "$encrypted" 5<"$ready" >/dev/null; then printf 'Broken pipe\n' >"$work/gpg.err"; fi
    fi
    drop_piece "$ready"
  else
    open_message "$encrypted" 5<"$work/sealed" &
    opener=$!
    children="$children $opener"
    at=0
    send_pieces <"$work/pieces" >"$work/sealed"
    sent=$?
    wait "$opener"
    opened=$?
  fi
  # A message made by "gpg --store" yields its content and status 0 without any key.
  if [ "$opened" -eq 0 ] && [ "$encrypted" = yes ] && ! grep -q 'DECRYPTION_OKAY' "$work/gpg.txt"; then
    opened=2
    printf '%s\n' "$name is not an encrypted message" >>"$work/gpg.err"
  fi
  if [ "$sent" -ne 0 ] || [ "$opened" -ne 0 ]; then return 1; fi
}

# Sends the pieces listed on stdin. Non-zero if nobody takes the bytes any more
send_pieces() {
  while read -r piece_bytes piece_sha1; do
    step="download of $thing"
    fetch_piece "$where" "$at" "$piece_bytes" "$piece_sha1"
    step="decryption of $thing"
    at=$((at + piece_bytes))
    note_progress "$at"
    cat "$piece" 2>/dev/null || return 1
    drop_piece "$piece"
  done
}

# ---- member index

# The member index into $work/index.gz. Status 1: it is damaged or gone
fetch_index() {
  index_plan >"$work/plan"
  { read -r what volume_number pieces where bytes encrypted data_bytes name && cat >"$work/pieces"; } <"$work/plan"
  ready=
  thing="the member index ($name)"
  say "member index: $name ($bytes bytes)"
  fetched=$((fetched + bytes))
  (
    keep_going=yes
    open_volume >"$work/index.gz" || refused
  )
  state=$?
  case $state in
  0) gzip -t <"$work/index.gz" 2>/dev/null ;;
  11) return 1 ;;
  *) exit "$state" ;;
  esac
}

# Names as the index has them, from the paths asked for: line ends and tabs as \n, \t and \r. A backslash may be one of the index, or stand
# for itself.
wanted_paths() {
  for path; do
    printf '%s\n' "$path" | awk '
      function doubled(text,    done, at) {
        while ((at = index(text, "\\")) > 0) {
          done = done substr(text, 1, at) "\\"
          text = substr(text, at + 1)
        }
        return done text
      }
      function shown(text) {
        gsub(/\t/, "\\t", text)
        gsub(/\r/, "\\r", text)
        return text
      }
      {
        between = NR > 1 ? "\\n" : ""
        asked = asked between shown($0)
        meant = meant between shown(doubled($0))
      }
      END {
        print asked
        if (meant != asked) print meant
      }'
  done
}

# What of the index is wanted: "range VOLUME FROM BYTES" in order, "target PATH" of hard links whose target must come too, "none PATH".
# Status 1: the index is not whole.
search_index() {
  gzip -dc <"$work/index.gz" | awk -F '\t' '
    BEGIN { count = runs = 0 }
    function bare(path) {
      while (substr(path, 1, 2) == "./") path = substr(path, 3)
      sub(/\/+$/, "", path)
      return path == "." ? "" : path
    }
    function matches(path,    some) {
      for (;;) {
        if (path in wanted) { found[path] = 1; some = 1 }
        if (path == "") return some
        if (match(path, "/[^/]*$")) path = substr(path, 1, RSTART - 1)
        else path = ""
      }
    }
    input == "paths" { wanted[bare($0)] = 1; next }
    input == "targets" { target[bare($0)] = 1; next }
    /^#/ { next }
    $1 == "@" { if ($3 != "-") { number[count] = $3; start[count] = $2 + 0; begins[$3] = $2 + 0; count++; offset = bytes = 0 }; next }
    $1 == "!" { damaged = 1; next }
    $1 == "$" { whole = 1; tar = $3 + 0; next }
    {
      # A dot: it begins after the previous one, or has one header block.
      offset = $6 == "." ? offset + bytes : $6 + 0
      bytes = $7 == "." ? 512 + ($1 ~ /^-/ ? 512 * int(($3 + 511) / 512) : 0) : $7 + 0
      path = bare($8)
      if (!matches(path) && !(path in target)) next
      if ($1 ~ /^h/ && !(bare($9) in target) && !matches(bare($9))) need[bare($9)] = 1
      from = begins[$5] + offset
      if (runs == 0 || from != to[runs - 1]) { first[runs] = from; runs++ }
      to[runs - 1] = from + bytes
    }
    END {
      if (!whole || damaged) exit 1
      for (path in wanted) if (!(path in found)) print "none " path
      for (path in need) print "target " path
      volume = 0
      for (run = 0; run < runs; run++) {
        while (volume + 1 < count && start[volume + 1] <= first[run]) volume++
        at = first[run]
        for (v = volume; v < count && at < to[run]; v++) {
          end = v + 1 < count && start[v + 1] < to[run] ? start[v + 1] : to[run]
          printf "range %d %.0f %.0f\n", number[v], at - start[v], end - at
          at = end
        }
      }
    }' input=paths "$work/paths" input=targets "$work/targets" input=index - >"$work/found"
}

# "VOLUME BYTES" of the tar, from the index into $work/lengths; nothing if it does not say
tar_lengths() {
  : >"$work/lengths"
  [ -n "$(index_plan)" ] && command -v gzip >/dev/null 2>&1 && command -v awk >/dev/null 2>&1 && fetch_index || return 0
  gzip -dc <"$work/index.gz" | awk -F '\t' '
    $1 == "@" && $3 != "-" { if (volume != "") printf "%d %.0f\n", volume, $2 - start; volume = $3; start = $2 + 0 }
    $1 == "$" { if (volume != "") printf "%d %.0f\n", volume, $3 - start }' >"$work/lengths"
  rm -f "$work/index.gz"
}

# The members of the index, as -t shows them
list_index() {
  gzip -dc <"$work/index.gz" | awk -F '\t' '
    $1 == "!" { exit 1 }
    $1 == "$" { whole = 1 }
    !/^[#@!$]/ { print $8 }
    END { exit !whole }'
}

# The plan of the volumes that hold what was asked for. Status 1: the index does not say
pick_volumes() {
  wanted_paths "$@" >"$work/paths"
  : >"$work/targets"
  search_index || return 1
  if sed -n 's/^target //p' "$work/found" >"$work/targets" && [ -s "$work/targets" ]; then search_index || return 1; fi
  # Named as they were asked for.
  for path; do
    if wanted_paths "$path" | awk 'BEGIN { status = 1 }
      input == "none" { if (sub(/^none /, "")) none[$0] = 1; next }
      { path = $0; while (substr(path, 1, 2) == "./") path = substr(path, 3); sub(/\/+$/, "", path); if (path == ".") path = ""
        if (!(path in none)) status = 0 }
      END { exit status }' input=none "$work/found" input=path -; then continue; fi
    absent=yes
    printf 'not in the archive: %s\n' "$path" >&2
  done
  grep -q '^range ' "$work/found" || not_found 'nothing in the archive has such a name'
  plan | awk '
    input == "found" { if ($1 == "range") wanted[$2 + 0] = 1; next }
    $1 == "volume" || $1 == "missing" { on = ($2 - 1) in wanted }
    on' input=found "$work/found" input=plan - >"$work/plan"
}

# ---- the tar and what failed first

# The tar from stdin. What follows its end is read too: a tar that stops reading must not look like a failure upstream.
sink() {
  case $mode in
  list) tar -tf - ;;
  extract) tar -xpf - -C "$into" -- "$@" ;;
  keep) if [ "$output" = - ]; then cat; else umask 077 && cat >"$output.part"; fi ;;
  esac || return
  cat >/dev/null
}

# From pax headers, busybox's tar takes names only. The rest it silently gets wrong: a member whose size is given there is cut short, and
# zeros in its data are taken for the end of the archive. Such records are counted: a tar inside the archive may have some, too.
small_tar=no
odd_records() {
  tr '\000' '\n' | grep -F -e ' size=' -e ' uid=' -e ' GNU.sparse.' | grep -c -E '^[0-9]+ (size|uid|GNU\.sparse\.(real)?size)='
}

# They have done their service.
end_pieces() {
  [ "$keeping" = yes ] || return 0
  rm -rf "$keep/pieces" "$keep/running" "$keep/restore"
  rmdir "$keep" 2>/dev/null
  keeping=no
}

# All of it has arrived and is what was stored.
settle() {
  case $filling in
  beside)
    if [ -e "$target" ] || [ -h "$target" ]; then fail "$target has come into being meanwhile: all of it is in $into"; fi
    mv "$into" "$target" || unwritten "cannot rename $into to $target: all of it is there"
    ;;
  marked)
    # The archive may contain a member of that name, and the directory's own time and mode.
    if [ "$(sed -n '1s/ .*//p' "$into/RESTORE-INCOMPLETE" 2>/dev/null)" = A ]; then
      touch -r "$into" "$work/time"
      if rm -f "$into/RESTORE-INCOMPLETE" 2>/dev/null; then
        touch -r "$work/time" "$into" 2>/dev/null
      else
        say "remove $into/RESTORE-INCOMPLETE: all of the archive is there"
      fi
    fi
    ;;
  esac
  filling=no
}

# When one stage fails, others fail with it. Name the first cause and stop.
blame() {
  # gpg's status lines cannot be relied on: of an AEAD message that does not authenticate, gpg 2.2 says DECRYPTION_OKAY and GOODMDC,
  # and exits with 2. Only "Broken pipe" means that it failed because the next stage had ended.
  if [ "$opened" -ne 0 ] && ! grep -q 'Broken pipe' "$work/gpg.err"; then
    show "$work/gpg.err"
    if grep -q BAD_PASSPHRASE "$work/gpg.txt"; then
      [ "$marked" = no ] || say 'hint: a byte-order mark in front of the passphrase was left out; version 1.0 had sealed with it'
      fail "$step: wrong passphrase"
    fi
    if [ "$keyring" = yes ]; then
      if grep -q NO_SECKEY "$work/gpg.txt"; then fail "$step: no secret key of gpg's keyring opens it"; fi
      fail "$step: gpg cannot decrypt it (its own words are above; or it is damaged)"
    fi
    if grep -q NO_SECKEY "$work/gpg.txt"; then fail "$step: neither this passphrase nor a secret key here opens it"; fi
    fail "$step: gpg cannot decrypt it (wrong passphrase, or damaged)"
  fi
  # Over 128: stopped by a signal, here SIGPIPE, because the next stage had ended.
  if [ "$unpacked" -ne 0 ] && [ "$unpacked" -le 128 ]; then
    show "$work/unpack.err"
    fail "decompression: status $unpacked"
  fi
  if [ "$sunk" -ne 0 ]; then
    if [ "$tar_end" = no ] && [ "$mode" != keep ] && grep -q -e 'not look like a tar' -e 'Archive is compressed' -e 'invalid tar' -e 'short read' -e 'Unrecognized archive' "$work/tar.err"; then
      fail 'what is in this archive is no tar: -o FILE writes it as it is'
    fi
    # Whoever reads standard output has read enough. 13: ksh93's SIGPIPE, as its function returned it.
    if { [ "$sunk" -gt 128 ] || [ "$sunk" -eq 13 ]; } && { [ "$mode" = list ] || [ "$output" = - ]; } && [ ! -s "$work/tar.err" ]; then exit 12; fi
    show "$work/tar.err"
    if [ "$mode" = keep ]; then unwritten "writing to $output: status $sunk"; fi
    # Devices and owners need root, for example: tar carries on after each of them.
    members=$(grep -c ': Cannot ' "$work/tar.err")
    if [ "$mode" = extract ] && [ "$members" -gt 0 ] && [ "$decrypted" -eq 0 ] && [ "$unpacked" -eq 0 ] &&
      ! grep -q -e ': Cannot write: ' -e 'No space left on device' "$work/tar.err"; then
      settle
      end_pieces
      unwritten "tar: status $sunk: $members message(s) about members, above; everything else is in $target"
    fi
    [ "$small_tar" = no ] || say "hint: this is busybox's tar, which ends at the first member it cannot make: GNU tar goes on"
    if [ "$mode" = extract ] && grep -q -e ': Cannot ' -e "can't " -e ' error: ' -e 'No space left on device' -e 'Wrote only' "$work/tar.err"; then
      unwritten "tar: status $sunk"
    fi
    fail "tar: status $sunk"
  fi
  show "$work/gpg.err"
  fail "$step"
}

# ---- the run

if [ "$access" = token ]; then check_access 'this script'; else authorize; fi
if [ "$encrypted" = yes ] && [ "$keyring" = no ] && command -v od >/dev/null 2>&1 && command -v awk >/dev/null 2>&1; then
  if gpg --dump-options 2>/dev/null | grep -q -x -e --override-session-key-fd; then can_override=yes; fi
fi
absent=no
if [ "$indexed" = yes ]; then
  if ! fetch_index; then
    say 'the member index is damaged or gone: going through the whole archive'
    indexed=no
  elif [ "$mode" = list ]; then
    # Through a file: an incomplete list is not shown.
    if list_index >"$work/list"; then
      cat "$work/list"
      shown=$?
      [ "$shown" -le 128 ] || exit 12
      [ "$shown" -eq 0 ] || unwritten 'cannot write the list to standard output'
      end_pieces
      say "done: $archive, from its member index: fetched $fetched of $archive_bytes bytes"
      [ -z "$problems" ] || exit 5
      exit 0
    fi
    say 'the member index does not tell all: going through the whole archive'
    indexed=no
  elif pick_volumes "$@"; then
    cutting=yes
    tar_bytes=
    set --
  else
    say 'the member index does not tell all: going through the whole archive'
    indexed=no
  fi
  rm -f "$work/index.gz"
fi
[ "$cutting$singly" != noyes ] || tar_lengths
[ "$cutting" = yes ] || plan >"$work/plan" || unwritten "cannot write to $work"
exec 7<"$work/plan" 8<"$work/plan"
to_pass=$archive_bytes
[ "$cutting" = no ] || to_pass=$(awk '$1 == "volume" { sum += $5 } END { printf "%.0f", sum }' "$work/plan")
if [ "$quiet" = no ] && [ -t 2 ] && [ "${TERM:-dumb}" != dumb ] && [ "$to_pass" -gt 0 ]; then bar=yes; fi
if [ "$mode" = keep ] && [ "$output" != - ]; then unfinished=$output.part; fi
looked_at=
if [ "$mode" = extract ]; then
  case $(tar --version 2>&1) in *[Bb]usy[Bb]ox*) small_tar=yes looked_at=$work/looked-at ;; esac
fi
# Messages of tar and the decompressor are shown at the end, or omitted if they only complain of an earlier failure.
sink "$@" <"$work/out" 2>"$work/tar.err" &
sink_pid=$!
# The tar is counted, and its last two blocks are checked, as it passes.
wc -c <"$work/counted" >"$work/bytes" 2>/dev/null &
count_pid=$!
# No pipeline: what waits in one for a pipe to be opened is no child of this shell, which could not end it.
tail -c 1024 <"$work/last" >"$work/end" &
tail_pid=$!
tr -d '\000' <"$work/end" >"$work/nonzero" &
tr_pid=$!
wc -c <"$work/nonzero" >"$work/rest" 2>/dev/null &
rest_pid=$!
odd_pid=
if [ "$small_tar" = yes ]; then
  mkfifo "$looked_at" || unwritten "cannot write to $work"
  (odd_records <"$looked_at" >"$work/odd" 2>/dev/null) &
  odd_pid=$!
fi
tee "$work/counted" "$work/last" ${looked_at:+"$looked_at"} <"$work/tar" >"$work/out" 2>/dev/null &
tee_pid=$!
if [ "$cutting" = yes ] || [ "$singly" = yes ]; then cat; else unpack 2>"$work/unpack.err"; fi <"$work/packed" >"$work/tar" &
unpack_pid=$!
children="$sink_pid $unpack_pid $tee_pid $count_pid $tail_pid $tr_pid $rest_pid $odd_pid"
volumes >"$work/packed"
decrypted=$?
wait "$unpack_pid"
unpacked=$?
wait "$sink_pid"
sunk=$?
measured=yes
wait "$count_pid" || measured=no
wait "$rest_pid" || measured=no
# grep's status says whether there were any.
[ -z "$odd_pid" ] || wait "$odd_pid"
children=
stop_progress
if [ -n "$lost$gone" ]; then
  # The decompressor and tar complain about what is left out.
  show "$work/unpack.err" "$work/tar.err"
  [ "$decrypted" -eq 0 ] || say 'this tar does not go on behind what is missing; GNU tar does'
else
  if [ "$decrypted" -ne 0 ] || [ "$unpacked" -ne 0 ] || [ "$sunk" -ne 0 ]; then blame; fi
  [ ! -s "$work/tar.err" ] || show "$work/tar.err"
  [ "$measured" = yes ] || unwritten "cannot write to $work (disk full?)"
  bytes=$(($(cat "$work/bytes")))
  if [ -n "$tar_bytes" ] && [ "$bytes" -ne "$tar_bytes" ]; then
    fail "damaged: the tar has $bytes bytes, the manifest says $tar_bytes"
  fi
  if [ -z "$packed_by$problems" ] && [ "$tar_end" = yes ] && [ $(($(cat "$work/rest"))) -ne 0 ]; then
    fail 'damaged: the tar has no end mark'
  fi
fi
if [ "$small_tar" = yes ] && [ "$(sed -n 1p "$work/odd")" != 0 ]; then
  say "hint: install GNU tar (Alpine: apk add tar), or write the tar to a file with -o FILE"
  fail "tar is busybox's, which does not understand sizes or owners in this archive: $into is not whole"
fi
settle
if [ "$mode" = keep ] && [ "$output" != - ]; then
  mv -f -- "$output.part" "$output" || unwritten "cannot rename $output.part"
  unfinished=
fi
end_pieces
if [ "$cutting" = yes ]; then
  say "done: $archive: fetched $fetched of $archive_bytes bytes"
else
  say "done: $archive, $volumes_total volume(s), $archive_bytes bytes"
fi
if [ -n "$problems" ]; then
  say "WARNING: this archive is not complete: $problems"
fi
if [ -n "$lost" ]; then
  printf 'restore of %s: volume(s)%s of %s are damaged or gone; members in them are missing, and one that reaches into them is damaged\n' \
    "$archive" "$lost$gone" "$volumes_total" >&2
  exit 11
fi
[ "$absent" = no ] || not_found 'some of the members asked for are not in the archive; the others were restored'
[ -z "$problems$gone" ] || exit 5
