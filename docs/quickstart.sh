#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Installs what is missing, builds, and reads the output of a long command (find /usr) through a
# channel: by signal in C, by async for in Python, by for await in JavaScript.
# All three have to see the same lines and bytes as wc.
set -u

root=$(cd "$(dirname "$0")/.." && pwd) || exit 1
build=${KAA_BUILD_DIR:-$root/build-quickstart}
# shellcheck source=.ci/install.sh
. "$root/.ci/install.sh"

give_up ()
{
  echo "$*" >&2
  exit 1
}

say ()
{
  printf '\n== %s\n' "$*"
}

kaa_install build bindings quickstart || give_up "Some packages could not be installed."

say "building in $build"
build_all ()
{
  again=
  [ ! -f "$build/meson-private/coredata.dat" ] || again=--reconfigure
  # shellcheck disable=SC2086
  meson setup $again --buildtype=release -Dtests=false -Ddocs=false -Dexamples=true \
    "$build" "$root" </dev/null || return 1
  meson compile -C "$build" </dev/null
}

if ! build_all >"$build.log" 2>&1; then
  cat "$build.log"
  give_up "The project could not be built."
fi
rm -f "$build.log"
build=$(cd "$build" && pwd)

# The Python that has PyGObject is the system's, whichever is first on PATH.
python=/usr/bin/python3
[ -x "$python" ] || python=python3

# What `meson devenv` would set. Python shall not write into /usr while we count it.
export PYTHONDONTWRITEBYTECODE=1
export GI_TYPELIB_PATH="$build/kaaio${GI_TYPELIB_PATH:+:$GI_TYPELIB_PATH}"
export LD_LIBRARY_PATH="$build/kaaio${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
export PYTHONPATH="$root/kaaio/bindings/python${PYTHONPATH:+:$PYTHONPATH}"
export GJS_PATH="$root/kaaio/bindings/gjs${GJS_PATH:+:$GJS_PATH}"

# Prints "LINES BYTES"; it also warms the kernel's cache, so that the first run is not the slowest.
count_with_wc ()
{
  find /usr -xdev 2>/dev/null | wc -lc | awk '{ print $1, $2 }'
}

failed=0
different=0
before=$(count_with_wc)

# run LANGUAGE PROGRAM...
run ()
{
  language=$1
  shift
  # "162105 lines, 11148491 bytes, 1234567 lines/s"
  result=$("$@" find /usr -xdev 2>/dev/null) || {
    "$@" true >/dev/null # once more for its message
    echo "$language: failed"
    failed=1
    return
  }
  echo "$result" | awk -v language="$language" '{ printf "%-12s %9d %12d %12d\n", language, $1, $3, $5 }'
  counts=$(echo "$result" | awk '{ print $1, $3 }')
  [ "$counts" = "$before" ] || different=1
}

say "find /usr -xdev, through a channel"
printf '%-12s %9s %12s %12s\n' '' lines bytes lines/s
run 'C' "$build/docs/examples/example-lines"
run 'Python' "$python" "$root/docs/examples/lines.py"
run 'JavaScript' gjs -m "$root/docs/examples/lines.js"
echo "$before" | awk '{ printf "%-12s %9d %12d\n", "wc", $1, $2 }'

after=$(count_with_wc)
echo
[ "$failed" -eq 0 ] || give_up "A program failed."
if [ "$different" -eq 0 ]; then
  echo "All counts are equal."
elif [ "$before" != "$after" ]; then
  give_up "Files in /usr came or went meanwhile, so the counts cannot be compared: run it again."
else
  give_up "The counts are not equal."
fi
