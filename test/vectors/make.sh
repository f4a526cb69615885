#!/bin/sh
# Makes the messages in this folder anew: what other programs write, for the reader to open.
# Needs gpg, rnp and openssl (Debian: gnupg rnp openssl) and `npm ci`. Passphrase: "correct horse". Plaintext: the output of `seq 800`.
# The messages differ each time (fresh keys and salts), what is in them does not.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'gpgconf --homedir "$work/gpg" --kill all; rm -rf "$work"' EXIT
mkdir -m 700 "$work/gpg" "$work/rnp"
export GNUPGHOME="$work/gpg"
seq 800 >"$work/plain"

gpg --batch --quiet --passphrase '' --quick-generate-key 'Vector <vector@example.org>' future-default default never
gpg --batch --quiet --passphrase '' --quick-generate-key 'RSA <rsa@example.org>' rsa2048 sign never
gpg --batch --quiet --passphrase '' --quick-add-key "$(gpg --list-keys --with-colons rsa@example.org | sed -n 's/^fpr:*\([0-9A-F]*\):.*/\1/p' | head -n 1)" rsa2048 encr never
gpg --batch --export-secret-keys --armor vector@example.org >ecc.key
gpg --batch --export-secret-keys rsa@example.org >rsa.key

by_passphrase() {
	out=$1
	shift
	gpg --batch --quiet --yes --pinentry-mode loopback --passphrase 'correct horse' --s2k-count 65536 -o "$out" "$@" -c "$work/plain"
}
by_passphrase gpg-cfb-zip.gpg
by_passphrase gpg-cfb-plain.gpg -z 0
by_passphrase gpg-cfb-zlib.gpg --compress-algo zlib
by_passphrase gpg-cfb-bzip2.gpg --compress-algo bzip2
by_passphrase gpg-cfb-aes128-sha1.gpg --cipher-algo AES --s2k-digest-algo SHA1
by_passphrase gpg-cfb-simple-s2k.gpg --s2k-mode 0
gpg --batch --quiet --pinentry-mode loopback --passphrase 'correct horse' -c <"$work/plain" >gpg-cfb-pipe.gpg
gpg --batch --quiet --yes --trust-model always -o gpg-cfb-ecc.gpg -r vector@example.org -e "$work/plain"
gpg --batch --quiet --yes --trust-model always -o gpg-cfb-rsa-signed.gpg -u vector@example.org -r rsa@example.org -se "$work/plain"
gpg --batch --quiet --yes --trust-model always -o gpg-cfb-hidden.gpg -R vector@example.org -e "$work/plain"

for mode in ocb eax; do
	rnp --homedir "$work/rnp" --password 'correct horse' -c --aead=$mode --aead-chunk-bits 4 --overwrite --output "rnp-$mode.gpg" "$work/plain"
done
rnp --homedir "$work/rnp" --password 'correct horse' -c --aead=ocb -z 0 --overwrite --output rnp-ocb-plain.gpg "$work/plain"

node --input-type=module - "$work/plain" <<'JS'
import { readFileSync, writeFileSync } from 'node:fs';
import * as openpgp from 'openpgp';
const binary = new Uint8Array(readFileSync(process.argv[2]));
const config = { aeadProtect: true, aeadChunkSizeByte: 4, s2kIterationCountByte: 96 };
for (const [name, more] of [
  ['openpgpjs-cfb', { aeadProtect: false }],
  ['openpgpjs-gcm', { preferredAEADAlgorithm: openpgp.enums.aead.gcm }],
  ['openpgpjs-ocb', { preferredAEADAlgorithm: openpgp.enums.aead.ocb }],
]) {
  const message = await openpgp.createMessage({ binary });
  writeFileSync(`${name}.gpg`, await openpgp.encrypt({ message, passwords: 'correct horse', format: 'binary', config: { ...config, ...more } }));
}
JS

# A server on this machine, its key and its certificate.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 36500 -subj /CN=localhost \
	-addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout "$work/key.pem" -out "$work/certificate.pem" 2>/dev/null
cat "$work/key.pem" "$work/certificate.pem" >localhost.pem
