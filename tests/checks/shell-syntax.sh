#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# shell-syntax.sh SOURCE-ROOT [SHELLCHECK]: every script parses, and shellcheck has nothing to say.
root=$1
shellcheck=$2
failed=0

for script in "$root"/.ci/run "$root"/.ci/*.sh "$root"/docs/*.sh "$root"/tests/*.sh "$root"/tests/*/*.sh; do
  [ -f "$script" ] || continue
  case $(head -n 1 "$script") in
    *bash*) shell='bash' ;;
    *) shell='sh' ;;
  esac
  if "$shell" -n "$script"; then
    echo "$script: parses with $shell"
  else
    failed=1
  fi
  if [ -n "$shellcheck" ] && ! "$shellcheck" -x -s "$shell" -P "$root" "$script"; then
    failed=1
  fi
done
exit "$failed"
