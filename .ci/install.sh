# shellcheck shell=sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Sourced by tests/run.sh, tests/bench/run.sh and docs/quickstart.sh: kaa_install GROUP... installs what is
# missing of these groups of Debian packages, and touches nothing where all is there. kaa_install_optional
# GROUP... does the same with what is to be had, and names what is not.

# The only list of packages.
kaa_packages ()
{
  case $1 in
    build) echo gcc libc6-dev binutils meson ninja-build pkg-config libglib2.0-dev ;;
    bindings) echo gobject-introspection libgirepository1.0-dev gir1.2-glib-2.0 python3 python3-gi gjs valac ;;
    check) echo git ca-certificates glib-networking openssl ;;
    # Each for a few tests, which are skipped without it.
    check-optional) echo gi-docgen mypy python3-gbulb node-typescript bash gdb procps shellcheck ;;
    programs) echo redis-server nginx-light socat util-linux ;;
    suites) echo debootstrap util-linux git ;;
    sanitizers) echo libasan8 libubsan1 ;;
    valgrind) echo valgrind libc6-dbg ;;
    bench) echo libevent-dev libuv1-dev nodejs gnuplot-nox ;;
    quickstart) echo findutils coreutils ;;
    *)
      echo "kaa_packages: no group '$1'" >&2
      return 1
      ;;
  esac
}

# What is missing, one line.
kaa_missing ()
{
  missing=
  for package in "$@"; do
    case $(dpkg-query -W -f '${Status}' "$package" 2>/dev/null) in
      'install ok installed') ;;
      *) missing="$missing $package" ;;
    esac
  done
  echo "${missing# }"
}

kaa_apt_get ()
{
  # A machine that has just started may still be installing something: wait for the lock.
  set -- env DEBIAN_FRONTEND=noninteractive apt-get -q -y \
    -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 "$@"
  if [ "$(id -u)" -eq 0 ]; then
    "$@" </dev/null
  elif [ -t 0 ]; then
    sudo "$@"
  else
    sudo -n "$@" </dev/null
  fi
}

kaa_is_debian ()
{
  command -v apt-get >/dev/null && command -v dpkg-query >/dev/null
}

kaa_is_root_possible ()
{
  [ "$(id -u)" -eq 0 ] || command -v sudo >/dev/null
}

# An outdated list of packages may still be good enough: what counts is the install.
kaa_update ()
{
  kaa_apt_get update || echo "apt-get update failed; trying with the lists that are there" >&2
}

kaa_install ()
{
  wanted=
  for group in "$@"; do
    wanted="$wanted $(kaa_packages "$group")" || return 1
  done

  if ! kaa_is_debian; then
    echo "This is not Debian; the equivalents of these packages are needed:$wanted" >&2
    return 0
  fi

  # shellcheck disable=SC2086 # words are packages
  missing=$(kaa_missing $wanted)
  [ -n "$missing" ] || return 0

  if ! kaa_is_root_possible; then
    echo "These packages are missing: $missing" >&2
    echo "Install them as root: apt-get install $missing" >&2
    return 1
  fi

  echo "Installing: $missing"
  kaa_update
  # shellcheck disable=SC2086
  kaa_apt_get install --no-install-recommends $missing
}

# Always succeeds. Where all together cannot be installed, each is tried by itself.
kaa_install_optional ()
{
  wanted=
  for group in "$@"; do
    wanted="$wanted $(kaa_packages "$group")" || return 1
  done

  # shellcheck disable=SC2086
  if ! kaa_is_debian || [ -z "$(kaa_missing $wanted)" ]; then
    return 0
  fi
  # shellcheck disable=SC2086
  missing=$(kaa_missing $wanted)

  if kaa_is_root_possible; then
    echo "Installing for some tests: $missing"
    kaa_update
    # shellcheck disable=SC2086
    if ! kaa_apt_get install --no-install-recommends $missing; then
      for package in $missing; do
        kaa_apt_get install --no-install-recommends "$package"
      done
    fi
  fi

  # shellcheck disable=SC2086
  missing=$(kaa_missing $wanted)
  [ -z "$missing" ] || echo "Not to be had here, so the tests that need it are skipped: $missing"
}
