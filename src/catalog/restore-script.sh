#!/bin/sh
# Restores one archive with stock tools. It runs under dash, bash, busybox sh, ksh93 and yash; mksh has no printf of its own,
# and zsh does not end as it should.
#
# A pipeline of sh tells only its last command's status, so there is none: the stages are connected by named pipes, each
# is a background job whose status `wait` gives, and `blame` names the first cause among several failures.
#
# The lines down to the mark stand for one archive; restore-script.ts writes others in their place.
archive='web #1'
archive_bytes=0
volumes_total=0
unpacker=''
encrypted=yes
gpg_minimum=20221
gpg_minimum_text='2.2.21'
problems=''
tar_bytes=''
plain=yes
packed_by=''
access=key
expires=0
expires_text=''
base=''
token=''
authorize_url='https://api.backblazeb2.com/b2api/v4/b2_authorize_account'
volumes() { :; }
unpack() { cat; }
# ---- the same for every archive from here on ----

set -u
LC_ALL=C
export LC_ALL

usage() {
  cat <<'USAGE'
Usage: sh THIS_FILE [-C] DIR            restore everything into DIR (made if missing; must be empty)
       sh THIS_FILE -C DIR -x PATH...   restore only these members, named as -t shows them
       sh THIS_FILE -t                  list what is in the archive
       sh THIS_FILE -o FILE             write the tar to FILE ("-": standard output) and unpack nothing
Options, before -x:
       --passphrase-file FILE           read the passphrase from the first line of FILE instead of asking
       -k                               use a secret key of gpg's keyring; ask no passphrase
       --keep-going                     leave out volumes that are damaged or gone, and give the rest
       -q                               say nothing but errors
Needs sh, curl, gpg, tar, sha1sum (or shasum, openssl or sha1) and the archive's decompressor. Temporary files, one piece
at a time, go to TMPDIR; with --keep-going one volume at a time.
Ends with 0: everything is there; 5: the archive was not complete; 11: volumes are damaged or gone; 1: it failed.
USAGE
}

work=
children=
terminal=
quiet=no
step=start

say() { [ "$quiet" = yes ] || printf '%s\n' "$*" >&2; }

fail() {
  printf 'restore of %s failed: %s\n' "$archive" "$*" >&2
  exit 1
}

# What is stored is not what was sent. With --keep-going the volume is left out, and the rest goes on.
broken() {
  [ "$keep_going" = yes ] || fail "$*"
  printf '%s\n' "$*" >&2
  exit 11
}

# Runs on every way out.
cleanup() {
  status=$?
  trap - EXIT HUP INT TERM
  [ -z "$terminal" ] || stty "$terminal" </dev/tty
  for child in $children; do kill "$child" 2>/dev/null; done
  # They may be about to open what is removed now.
  for child in $children; do wait "$child" 2>/dev/null; done
  [ -z "$work" ] || rm -rf "$work"
  exit "$status"
}
trap cleanup EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

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
  -C | -o | --passphrase-file)
    if [ $# -lt 2 ]; then
      usage >&2
      fail "$1 needs an argument"
    fi
    case $1 in
    -C) target=$2 ;;
    -o) mode=keep output=$2 ;;
    *) passphrase_file=$2 ;;
    esac
    shift
    ;;
  --passphrase-file=*) passphrase_file=${1#*=} ;;
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
# What is left in "$@" are the paths to pick.
if [ "$picking" = yes ] && [ $# -eq 0 ]; then fail '-x needs at least one PATH'; fi
if [ "$picking" = yes ] && [ "$mode" != extract ]; then fail '-x goes with neither -t nor -o'; fi
if [ "$mode" = extract ] && [ -z "$target" ]; then
  usage >&2
  fail 'no target directory given'
fi

if [ -n "$packed_by" ] && [ "$mode" != keep ]; then
  fail "the archive is compressed by $packed_by, and nothing here can undo that: -o FILE writes it as it is stored"
fi

step='check of the tools'
not_installed=
needs() {
  command -v "$1" >/dev/null 2>&1 || not_installed="$not_installed $1"
}
for tool in curl mktemp mkfifo mkdir wc sed grep date cat rm mv sleep kill tee tail tr head; do needs "$tool"; done
[ "$mode" = keep ] || needs tar
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
# A printf that is a program would show the passphrase in the list of processes.
# shellcheck disable=SC2123 # in a subshell: only what the shell itself has is found
(PATH=/nonexistent && printf '') 2>/dev/null ||
  fail 'this shell has no printf of its own: run the script with dash, bash or busybox sh'
if [ "$encrypted" = yes ]; then
  # A letter stands in front of each number, so that none with a zero in front is taken for octal.
  version=$(gpg --version | sed -n '1s/^gpg (.*) 0*\([0-9][0-9]*\)\.0*\([0-9][0-9]*\)\.0*\([0-9][0-9]*\).*/\1 * 10000 + \2 * 100 + \3/p')
  number=$((${version:-0}))
  [ "$number" -ge "$gpg_minimum" ] || fail "gpg is too old: this archive needs $gpg_minimum_text or later"
fi

if [ "$access" = token ] && [ "$(date +%s)" -ge "$expires" ]; then
  fail "this script expired on $expires_text: make a new one with 'backuppc-b2 script'"
fi
[ -z "$problems" ] || say "WARNING: this archive is not complete: $problems"

case $mode in
extract)
  mkdir -p -- "$target" || fail "cannot make the directory $target"
  for entry in "$target"/* "$target"/.[!.]* "$target"/..?*; do
    # A new file system has a lost+found: that is empty enough.
    case $entry in */lost+found) continue ;; esac
    if [ -e "$entry" ] || [ -h "$entry" ]; then fail "$target is not empty"; fi
  done
  ;;
keep)
  if [ "$output" != - ] && [ -e "$output" ]; then fail "$output exists already"; fi
  ;;
esac

work=$(mktemp -d "${TMPDIR:-/tmp}/restore.XXXXXX") || fail 'cannot make a temporary directory (TMPDIR)'
mkfifo "$work/sealed" "$work/packed" "$work/tar" "$work/counted" "$work/last" "$work/out" || fail 'cannot make named pipes in the temporary directory'

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
    # A last line without newline is one too.
    IFS= read -r passphrase <"$passphrase_file" || [ -n "$passphrase" ] || fail "no passphrase in $passphrase_file"
    # As backuppc-b2 reads it: without the carriage return at its end, without a byte-order mark in front.
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
# A passphrase needs no keyring: neither a home that cannot be written, nor a gpg.conf or an agent, stands in the way.
if [ "$keyring" = no ]; then mkdir -m 700 "$work/gnupg"; fi
GPG_TTY=$(tty 2>/dev/null) && export GPG_TTY

# What a server gave goes into curl's configuration: nothing in it may end a line or a quoted word, and https stays https.
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

# request WHERE FROM TO: the bytes into $work/more, the HTTP status to stdout, curl's words into $work/curl.txt
request() {
  printf 'header = "Authorization: %s"\nurl = "%s%s"\n' "$token" "$base" "$1" |
    curl -q --config - --proto "=$protocol" --silent --show-error --fail --range "$2-$3" --output "$work/more" \
      --connect-timeout 30 --speed-limit 1 --speed-time 60 --write-out '%{http_code}' 2>"$work/curl.txt"
}

# fetch_piece WHERE FROM BYTES SHA1: the checked piece into $work/piece. A broken transfer goes on where it stopped.
fetch_piece() {
  piece_last=$(($2 + $3 - 1))
  damaged=0
  renewed=no
  while :; do
    : >"$work/piece" || fail "cannot write to $work"
    have=0
    tries=0
    while [ "$have" -lt "$3" ]; do
      rm -f "$work/more"
      code=$(request "$1" $(($2 + have)) "$piece_last")
      ended=$?
      got=0
      [ -f "$work/more" ] && got=$(size "$work/more")
      # 200 means the whole file, whatever was asked: good only where it was asked for from its beginning.
      if [ "$code" = 206 ] || { [ "$code" = 200 ] && [ "$2" -eq 0 ] && [ "$have" -eq 0 ]; }; then
        if [ "$got" -gt 0 ] && [ $((have + got)) -le "$3" ]; then
          if [ "$have" -eq 0 ]; then
            mv -f "$work/more" "$work/piece"
          else
            cat "$work/more" >>"$work/piece"
          fi || fail "cannot write to $work (disk full?)"
          have=$((have + got))
          tries=0
          continue
        fi
      fi
      case $code in
      401)
        if [ "$access" = key ] && [ "$renewed" = no ]; then
          renewed=yes
          authorize
          continue
        fi
        [ "$access" = key ] && fail "$step: B2 refuses this key for this file (HTTP 401)"
        fail "$step: B2 does not take this script's token (HTTP 401); it was good until $expires_text"
        ;;
      403) fail "$step: HTTP 403: the account's download cap is reached, or access is denied" ;;
      404) broken "$step: HTTP 404: it is not there any more" ;;
      400 | 416) broken "$step: HTTP $code: B2 does not have these bytes" ;;
      esac
      # 23: curl could not write.
      [ "$ended" -ne 23 ] || fail "$step: cannot write to $work (disk full?)"
      tries=$((tries + 1))
      [ "$tries" -le 10 ] || fail "$step: no progress in 10 tries: $(cat "$work/curl.txt") (HTTP $code)"
      pause=$((tries < 6 ? 1 << tries : 60))
      say "$step: interrupted (HTTP $code), going on in ${RESTORE_PAUSE:-$pause} s"
      sleep "${RESTORE_PAUSE:-$pause}"
    done
    [ "$4" = - ] && return
    sum=$(digest <"$work/piece") || fail "$step: the program for SHA-1 does not work"
    [ "${sum%% *}" = "$4" ] && return
    damaged=$((damaged + 1))
    [ "$damaged" -lt 4 ] || broken "$step: SHA-1 of bytes $2-$piece_last is ${sum%% *} instead of $4"
    say "$step: bytes $2-$piece_last came damaged, fetching them again"
  done
}

# One OpenPGP message, descriptor 5 to stdout. gpg gets the passphrase through a pipe: not in its arguments, not in the environment.
open_message() {
  if [ "$1" = no ]; then
    cat <&5
  elif [ "$keyring" = yes ]; then
    gpg --quiet --status-fd 4 --decrypt <&5 4>"$work/gpg.txt" 2>"$work/gpg.err"
  else
    printf '%s\n' "$passphrase" |
      GNUPGHOME=$work/gnupg gpg --no-autostart --batch --no-tty --quiet --pinentry-mode loopback \
        --passphrase-fd 3 --status-fd 4 \
        --decrypt 3<&0 <&5 4>"$work/gpg.txt" 2>"$work/gpg.err"
  fi
}

volume_number=0
opened=0
whole=0
lost=
gone=
over=no
# volume NAME WHERE BYTES ENCRYPTED DATA_BYTES <PIECES: decrypts to stdout
volume() {
  volume_number=$((volume_number + 1))
  if [ "$over" = yes ]; then return 0; fi
  say "volume $volume_number of $volumes_total: $1 ($3 bytes)"
  if [ "$keep_going" = no ]; then
    open_volume "$@"
    return
  fi
  # Nothing of it goes on before all of it is known to be good.
  (open_volume "$@" >"$work/whole" || refused)
  case $? in
  0)
    whole=$((whole + 1))
    cat "$work/whole" 2>/dev/null || return 1
    ;;
  11)
    lost="$lost $volume_number"
    # Its gpg may not have ended yet: what it still reads and writes is no longer what the next volume uses.
    rm -f "$work/sealed" "$work/whole" "$work/gpg.txt" "$work/gpg.err"
    mkfifo "$work/sealed" || fail "cannot write to $work"
    instead "$5"
    ;;
  *) exit 1 ;;
  esac
  rm -f "$work/whole"
}

# missing NAME DATA_BYTES: a volume that was not there when this script was made
missing() {
  volume_number=$((volume_number + 1))
  if [ "$over" = yes ]; then return 0; fi
  say "volume $volume_number of $volumes_total: $1 is missing"
  gone="$gone $volume_number"
  instead "$2"
}

# instead DATA_BYTES: what stands for a volume's data. In a plain tar, as many bytes that are neither header nor end mark: tar finds
# the next header behind them. A compressed stream ends here.
instead() {
  if [ "$plain" = yes ] && [ "$1" != - ]; then
    head -c "$1" /dev/zero | tr '\000' '\377'
  else
    over=yes
    say "the $((volumes_total - volume_number)) volume(s) behind it cannot be read without it"
  fi
}

# gpg did not take the volume.
refused() {
  cat "$work/gpg.err" >&2
  if [ "$whole" -eq 0 ] && grep -q -e BAD_PASSPHRASE -e NO_SECKEY "$work/gpg.txt"; then fail "$step: wrong passphrase or key"; fi
  broken "$step: gpg cannot decrypt it"
}

# open_volume NAME WHERE BYTES ENCRYPTED <PIECES: decrypts to stdout
open_volume() {
  : >"$work/gpg.txt"
  : >"$work/gpg.err"
  open_message "$4" 5<"$work/sealed" &
  opener=$!
  children="$children $opener"
  at=0
  send_pieces "$2" "$1" >"$work/sealed"
  sent=$?
  wait "$opener"
  opened=$?
  # What was made by "gpg --store" gives its content and status 0 without any key.
  if [ "$opened" -eq 0 ] && [ "$4" = yes ] && ! grep -q 'DECRYPTION_OKAY' "$work/gpg.txt"; then
    opened=2
    printf '%s\n' "$1 is not an encrypted message" >>"$work/gpg.err"
  fi
  if [ "$sent" -ne 0 ] || [ "$opened" -ne 0 ]; then return 1; fi
}

# send_pieces WHERE NAME <PIECES: non-zero when nobody takes the bytes any more
send_pieces() {
  while read -r piece_bytes piece_sha1; do
    step="download of volume $volume_number ($2)"
    fetch_piece "$1" "$at" "$piece_bytes" "$piece_sha1"
    step="decryption of volume $volume_number ($2)"
    cat "$work/piece" 2>/dev/null || return 1
    at=$((at + piece_bytes))
  done
}

# The tar from stdin. What follows its end is read too: a tar that stops reading must not look like a failure upstream.
sink() {
  case $mode in
  list) tar -tf - ;;
  extract) tar -xpf - -C "$target" -- "$@" ;;
  keep) if [ "$output" = - ]; then cat; else umask 077 && cat >"$output.part"; fi ;;
  esac || return
  cat >/dev/null
}

# Several stages fail together when one does. Name the first cause and stop.
blame() {
  # gpg's status lines cannot be relied on: of an AEAD message that does not authenticate, gpg 2.2 says DECRYPTION_OKAY and GOODMDC,
  # and exits with 2. Only "Broken pipe" means that it failed because the next stage had ended.
  if [ "$opened" -ne 0 ] && ! grep -q 'Broken pipe' "$work/gpg.err"; then
    cat "$work/gpg.err" >&2
    if grep -q BAD_PASSPHRASE "$work/gpg.txt"; then
      [ "$marked" = no ] || say 'hint: a byte-order mark in front of the passphrase was left out; version 1.0 had sealed with it'
      fail "$step: wrong passphrase"
    fi
    if grep -q NO_SECKEY "$work/gpg.txt"; then fail "$step: neither this passphrase nor a secret key here opens it"; fi
    fail "$step: gpg cannot decrypt it (wrong passphrase, or damaged)"
  fi
  # Over 128: stopped by a signal, here SIGPIPE, because the next stage had ended.
  if [ "$unpacked" -ne 0 ] && [ "$unpacked" -le 128 ]; then
    cat "$work/unpack.err" >&2
    fail "decompression: status $unpacked"
  fi
  if [ "$sunk" -ne 0 ]; then
    cat "$work/tar.err" >&2
    if [ "$mode" = keep ]; then fail "writing to $output: status $sunk"; fi
    # Devices and owners take root, for example: tar goes on behind each of them.
    members=$(grep -c ': Cannot ' "$work/tar.err")
    if [ "$mode" = extract ] && [ "$members" -gt 0 ] && [ "$decrypted" -eq 0 ] && [ "$unpacked" -eq 0 ]; then
      fail "tar: status $sunk: $members message(s) about members, above; everything else is in $target"
    fi
    fail "tar: status $sunk"
  fi
  cat "$work/gpg.err" >&2
  fail "$step"
}

if [ "$access" = token ]; then check_access 'this script'; else authorize; fi
# What tar and the decompressor say is shown at the end, or left out where they only complain of a failure before them.
sink "$@" <"$work/out" 2>"$work/tar.err" &
sink_pid=$!
# The tar is counted, and its last two blocks are looked at, while it passes.
wc -c <"$work/counted" >"$work/bytes" &
count_pid=$!
tail -c 1024 <"$work/last" | tr -d '\000' | wc -c >"$work/rest" &
rest_pid=$!
tee "$work/counted" "$work/last" <"$work/tar" >"$work/out" 2>/dev/null &
tee_pid=$!
unpack <"$work/packed" >"$work/tar" 2>"$work/unpack.err" &
unpack_pid=$!
children="$sink_pid $unpack_pid $tee_pid $count_pid $rest_pid"
volumes >"$work/packed"
decrypted=$?
wait "$unpack_pid"
unpacked=$?
wait "$sink_pid"
sunk=$?
wait "$count_pid"
wait "$rest_pid"
children=
if [ -n "$lost$gone" ]; then
  # The decompressor and tar complain of what is left out.
  cat "$work/unpack.err" "$work/tar.err" >&2
  [ "$decrypted" -eq 0 ] || say 'this tar does not go on behind what is missing; GNU tar does'
else
  if [ "$decrypted" -ne 0 ] || [ "$unpacked" -ne 0 ] || [ "$sunk" -ne 0 ]; then blame; fi
  [ ! -s "$work/tar.err" ] || cat "$work/tar.err" >&2
  bytes=$(($(cat "$work/bytes")))
  if [ -n "$tar_bytes" ] && [ "$bytes" -ne "$tar_bytes" ]; then
    fail "damaged: the tar has $bytes bytes, the manifest says $tar_bytes"
  fi
  if [ -z "$packed_by$problems" ] && [ $(($(cat "$work/rest"))) -ne 0 ]; then
    fail 'damaged: the tar has no end mark'
  fi
fi
if [ "$mode" = keep ] && [ "$output" != - ]; then
  mv -f -- "$output.part" "$output" || fail "cannot rename $output.part"
fi
say "done: $archive, $volumes_total volume(s), $archive_bytes bytes"
if [ -n "$problems" ]; then
  say "WARNING: this archive is not complete: $problems"
fi
if [ -n "$lost" ]; then
  printf 'restore of %s: volume(s)%s of %s are damaged or gone; members in them are missing, and one that reaches into them is damaged\n' \
    "$archive" "$lost$gone" "$volumes_total" >&2
  exit 11
fi
[ -z "$problems$gone" ] || exit 5
