#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Installs what is missing, makes a release build, and runs this library and its peers side by side.
#
#   sh tests/bench/run.sh                    all, five rounds
#   sh tests/bench/run.sh --only '^idle'     as tests/bench/run.py
#   sh tests/bench/run.sh --publish          and puts the results into docs/performance.md
#
# KAA_BUILD_DIR: where to build, instead of build-bench in the checkout. The machine should have nothing else to do.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
build=${KAA_BUILD_DIR:-$root/build-bench}
python=/usr/bin/python3
# shellcheck source=.ci/install.sh
. "$root/.ci/install.sh"

publish=
if [ "${1:-}" = --publish ]; then
  publish=yes
  shift
fi

kaa_install build bindings bench

# What a distribution builds.
again=
[ ! -f "$build/meson-private/coredata.dat" ] || again=--reconfigure
# shellcheck disable=SC2086
meson setup $again -Dbuildtype=release -Doptimization=2 -Db_ndebug=true \
  -Dbenchmarks=true -Dtests=false -Dexamples=false -Dvapi=false "$build" "$root" </dev/null
meson compile -C "$build" </dev/null

"$python" "$here/run.py" "$build" --output "$build/benchmark.json" "$@"
if [ -n "$publish" ]; then
  "$python" "$here/publish.py" "$build/benchmark.json" "$root/docs"
fi
