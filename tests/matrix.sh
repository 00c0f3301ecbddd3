#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# What tests/run.sh does for --on and --matrix: the tests of the last commit, on other platforms than this machine.
#
#   --on SUITE [--fresh] [OPTION...]    in a root file system of a Debian suite; the options are those of tests/run.sh
#   --matrix [--fresh]                  on this machine, then in each of $KAA_MATRIX (trixie sid), and a table of all
#
# A root file system is made once, and kept in $KAA_ROOTS (outside of the checkout); --fresh makes it anew. That needs root, and
# a mirror ($KAA_MIRROR, or the one that this machine uses). Where it cannot be, that is said, and counts as skipped.
set -u

root=$(cd "$(dirname "$0")/.." && pwd) || exit 1
# shellcheck source=.ci/install.sh
. "$root/.ci/install.sh"

roots=${KAA_ROOTS:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/kaaio-roots}
suites=${KAA_MATRIX:-trixie sid}
fresh=

say ()
{
  printf '\n== %s\n' "$*"
}

# Why there can be no root file system here; nothing if there can.
get_obstacle ()
{
  if ! kaa_is_debian; then
    echo "this is not Debian"
  elif [ "$(id -u)" -ne 0 ]; then
    echo "that needs root"
  elif ! unshare --mount --pid --fork --kill-child true 2>/dev/null; then
    echo "no namespaces can be made here"
  fi
}

get_mirror ()
{
  if [ -n "${KAA_MIRROR-}" ]; then
    echo "$KAA_MIRROR"
  else
    # shellcheck disable=SC2016 # for apt-get
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 2>/dev/null | grep -m 1 '/debian/*$')
    echo "${mirror:-http://deb.debian.org/debian}"
  fi
}

# make_root DIR SUITE
make_root ()
{
  kaa_install suites || return 1
  mkdir -p "$roots" || return 1
  rm -rf --one-file-system "$1" "$1.new" || return 1
  debootstrap --variant=minbase "$2" "$1.new" "$(get_mirror)" </dev/null || return 1

  # A mirror may be a snapshot of some days ago.
  echo 'Acquire::Check-Valid-Until "false";' >"$1.new/etc/apt/apt.conf.d/90kaaio"
  # No server is started because it was installed.
  printf '#!/bin/sh\nexit 101\n' >"$1.new/usr/sbin/policy-rc.d"
  chmod +x "$1.new/usr/sbin/policy-rc.d"
  mv "$1.new" "$1"
}

# enter DIR COMMAND: runs it with that root, in namespaces of its own, which take its mounts and processes with them.
enter ()
{
  cp /etc/resolv.conf "$1/etc/resolv.conf" 2>/dev/null
  # shellcheck disable=SC2016 # for the shell inside
  unshare --mount --pid --fork --kill-child --mount-proc="$1/proc" sh -c '
    mount --rbind /sys "$1/sys" && mount --rbind /dev "$1/dev" || exit 1
    exec chroot "$1" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 sh -c "$2"
  ' sh "$1" "$2" </dev/null
}

# run_on SUITE OPTION...: like tests/run.sh there. 77 where it cannot be.
run_on ()
{
  suite=$1
  shift
  dir=$roots/$suite

  obstacle=$(get_obstacle)
  if [ -n "$obstacle" ]; then
    echo "No root file system of $suite: $obstacle."
    return 77
  fi

  [ -z "$fresh" ] || rm -rf --one-file-system "$dir"
  if [ ! -d "$dir" ]; then
    say "making a root file system of $suite in $dir"
    if ! make_root "$dir" "$suite"; then
      echo "No root file system of $suite could be made."
      return 77
    fi
  fi

  say "testing $(git -C "$root" rev-parse --short HEAD) on $suite"
  [ -z "$(git -C "$root" status --porcelain)" ] || echo "What is not committed is not in it."
  rm -rf "$dir/root/kaaio"
  git clone -q "$root" "$dir/root/kaaio" || return 1
  enter "$dir" "cd && sh kaaio/tests/run.sh $*"
}

# run_matrix DIR: what is known of each platform goes there.
run_matrix ()
{
  build=${KAA_BUILD_DIR:-$root/build-tests}
  rm -f "$build/results.json"
  sh "$root/tests/run.sh"
  cp "$build/results.json" "$1/this machine.json"

  for suite in $suites; do
    rm -f "$roots/$suite/root/kaaio/build-tests/results.json"
    run_on "$suite"
    if [ $? -eq 77 ]; then
      touch "$1/$suite.skipped"
    else
      cp "$roots/$suite/root/kaaio/build-tests/results.json" "$1/$suite.json"
    fi
  done

  say "the matrix"
  # shellcheck disable=SC2086
  "$python" "$root/tests/matrix.py" "$1" "this machine" $suites
}

what=$1
shift
suite=
if [ "$what" = --on ]; then
  suite=${1:?--on SUITE}
  shift
fi
if [ "${1-}" = --fresh ]; then
  fresh=yes
  shift
fi
python=/usr/bin/python3
[ -x "$python" ] || python=python3

if [ "$what" = --on ]; then
  run_on "$suite" "$@"
  status=$?
  [ $status -ne 77 ] || printf '\n0 passed, 0 failed, 1 skipped\n'
  [ $status -eq 77 ] || exit $status
else
  results=$(mktemp -d) || exit 1
  trap 'rm -rf "$results"' EXIT
  trap 'exit 130' INT TERM
  run_matrix "$results"
fi
