#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# check-tls.sh SERVER CLIENT [INTERPRETER]: both examples, with a certificate that is made for it.
set -u
server=$1
client=$2
shift 2

if ! command -v openssl > /dev/null; then
  echo 'openssl is missing'
  exit 77
fi
folder=$(mktemp -d) || exit 1
pid=
cleanup () {
  [ -z "$pid" ] || kill "$pid"
  rm -rf "$folder"
}
trap cleanup EXIT

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost \
  -keyout "$folder/key.pem" -out "$folder/certificate.pem" 2> /dev/null || exit 1
cat "$folder/certificate.pem" "$folder/key.pem" > "$folder/both.pem"

# The server says its port when it listens.
mkfifo "$folder/port"
"$@" "$server" 127.0.0.1:0 "$folder/both.pem" > "$folder/port" &
pid=$!
read -r port < "$folder/port" || exit 1

output=$(printf 'alpha\nbeta\n' | "$@" "$client" "localhost:$port" "$folder/certificate.pem") || exit 1
expected=$(printf 'ALPHA\nBETA')
if [ "$output" != "$expected" ]; then
  printf 'expected: %s\nbut got: %s\n' "$expected" "$output"
  exit 1
fi

# Nobody vouches for this certificate.
if printf 'alpha\n' | "$@" "$client" "localhost:$port" > "$folder/output" 2> /dev/null || [ -s "$folder/output" ]; then
  echo 'a certificate that is not trusted was accepted'
  exit 1
fi
exit 0
