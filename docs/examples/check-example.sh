#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# check-example.sh lines|first|process|rot13|unzip PROGRAM...: runs an example on known input and looks at what it prints.
# check-example.sh echo SERVER CLIENT [INTERPRETER...]: both examples.
set -u
example=$1
shift

case $example in
  echo)
    server=$1
    client=$2
    shift 2
    folder=$(mktemp -d) || exit 1
    "$@" "$server" "$folder/socket" &
    server=$!
    # Tries until somebody answers; a server that has given up ends it.
    until output=$("$@" "$client" "$folder/socket" one two 2>/dev/null); do
      kill -0 "$server" 2>/dev/null || break
    done
    kill "$server"
    wait "$server" 2>/dev/null
    rm -rf "$folder"
    expected=$(printf 'one\ntwo')
    if [ "$output" != "$expected" ]; then
      printf 'expected: %s\nbut got: %s\n' "$expected" "$output"
      exit 1
    fi
    ;;
  lines)
    output=$("$@" seq 1000) || exit 1
    expected='1000 lines, 3893 bytes, '
    case $output in
      "$expected"*) ;;
      *)
        printf 'expected: %s...\nbut got: %s\n' "$expected" "$output"
        exit 1
        ;;
    esac
    ;;
  first)
    output=$(printf 'alpha\nbeta\n' | "$@") || exit 1
    expected=$(printf '1: alpha\n2: beta')
    if [ "$output" != "$expected" ]; then
      printf 'expected: %s\nbut got: %s\n' "$expected" "$output"
      exit 1
    fi
    ;;
  process)
    # Nobody says which of the two streams is read first.
    output=$("$@" sh -c 'cat; echo one; echo two >&2; exit 3' | sort) || exit 1
    expected=$(printf 'ended with 3\nerr: two\nout: one')
    if [ "$output" != "$expected" ]; then
      printf 'expected: %s\nbut got: %s\n' "$expected" "$output"
      exit 1
    fi
    if "$@" /nowhere/at/all > /dev/null 2>&1; then
      echo 'a command that is not there was run'
      exit 1
    fi
    ;;
  rot13)
    output=$(printf 'Uryyb,\nJbeyq!\n' | "$@") || exit 1
    expected=$(printf 'Hello,\nWorld!')
    if [ "$output" != "$expected" ]; then
      printf 'expected: %s\nbut got: %s\n' "$expected" "$output"
      exit 1
    fi
    ;;
  unzip)
    output=$(printf 'alpha\nbeta\n' | gzip | "$@") || exit 1
    expected=$(printf '1: alpha\n2: beta')
    if [ "$output" != "$expected" ]; then
      printf 'expected: %s\nbut got: %s\n' "$expected" "$output"
      exit 1
    fi
    # What is cut off is no end.
    if printf 'alpha\nbeta\n' | gzip | head -c 20 | "$@" > /dev/null 2>&1; then
      echo 'a file that is cut off was taken for a whole one'
      exit 1
    fi
    ;;
  *)
    echo "no such example: $example"
    exit 1
    ;;
esac
