#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Installs what is missing, builds, runs every test suite, and ends with the plain line
# "N passed, N failed" (", N skipped" where some were).
#
#   sh tests/run.sh                     all suites
#   sh tests/run.sh --only c            one suite (may be given several times)
#   sh tests/run.sh --setup valgrind    the C and Vala programs under valgrind
#   sh tests/run.sh --sanitize          the C programs with address and undefined sanitizers
#   sh tests/run.sh --on SUITE          all of this in a root file system of a Debian suite (trixie, sid, ...):
#                                       of the last commit, with whatever options follow; as root
#   sh tests/run.sh --matrix            this machine, trixie and sid, with a table of them at the end
#   ... --fresh                         makes the root file systems anew
#
# KAA_BUILD_DIR: where to build, instead of build-tests (build-sanitize) in the checkout.
set -u

root=$(cd "$(dirname "$0")/.." && pwd) || exit 1
# shellcheck source=.ci/install.sh
. "$root/.ci/install.sh"

case ${1-} in
  --on | --matrix) exec sh "$root/tests/matrix.sh" "$@" ;;
esac

setup=
sanitize=
suites=

usage ()
{
  echo "usage: $0 [--on SUITE | --matrix] [--fresh] [--setup NAME] [--sanitize] [--only SUITE]..." >&2
  exit 2
}

while [ $# -gt 0 ]; do
  case $1 in
    --setup)
      [ $# -ge 2 ] || usage
      setup=$2
      shift
      ;;
    --only)
      [ $# -ge 2 ] || usage
      suites="$suites --suite $2"
      shift
      ;;
    --sanitize) sanitize=yes ;;
    *) usage ;;
  esac
  shift
done

say ()
{
  printf '\n== %s\n' "$*"
}

# The closing line of a run that did not get as far as a test.
give_up ()
{
  printf '\n%s\n0 passed, 1 failed\n' "$*"
  exit 1
}

groups="build bindings check"
[ -z "$sanitize" ] || groups="$groups sanitizers"
[ "$setup" != valgrind ] || groups="$groups valgrind"
# shellcheck disable=SC2086
kaa_install $groups || give_up "Some packages could not be installed."
kaa_install_optional check-optional programs

if [ -n "$sanitize" ]; then
  build=${KAA_BUILD_DIR:-$root/build-sanitize}
  # Neither the interpreters nor the program that g-ir-scanner makes are sanitized.
  options="-Db_sanitize=address,undefined -Db_lundef=false -Dintrospection=false -Dvapi=false -Ddocs=false"
else
  build=${KAA_BUILD_DIR:-$root/build-tests}
  options="-Dintrospection=true -Dvapi=true"
  if command -v gi-docgen >/dev/null; then
    options="$options -Ddocs=true"
  else
    options="$options -Ddocs=false"
  fi
fi
options="$options -Dtests=true -Dexamples=true -Dstrict=true"

say "configuring $build"
again=
[ ! -f "$build/meson-private/coredata.dat" ] || again=--reconfigure
# shellcheck disable=SC2086
if ! meson setup --fatal-meson-warnings $again $options "$build" "$root" </dev/null; then
  # A directory of an older meson, or of other options, cannot always be brought up to date.
  [ -n "$again" ] || give_up "The project could not be configured."
  # shellcheck disable=SC2086
  meson setup --fatal-meson-warnings --wipe $options "$build" "$root" </dev/null || give_up "The project could not be configured."
fi

say "building"
meson compile -C "$build" </dev/null || give_up "The project could not be built."

log=testlog
setup_option=
if [ -n "$setup" ]; then
  log="testlog-$setup"
  setup_option="--setup=$setup"
fi
log="$build/meson-logs/$log"
rm -f "$log.json"

say "testing"
# shellcheck disable=SC2086
meson test -C "$build" --no-rebuild --print-errorlogs $setup_option $suites </dev/null
status=$?

[ -f "$log.json" ] || give_up "No test was run."
[ -z "$sanitize" ] || echo "Python, JavaScript and Vala are not tested in a sanitized build."
python=/usr/bin/python3
[ -x "$python" ] || python=python3
"$python" "$root/tests/count-results.py" "$log" "$status"
