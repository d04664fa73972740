#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Builds what is named, or everything. Quiet but for progress and what went wrong.
#
#   build.sh [TARGET...]      PRESET=NAME: which of CMakePresets.json (release); BUILD=DIR: where;
#                             VERBOSE=1: every command
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tree=$(cd "$here/../.." && pwd)
export VNIC_LOG_NAME=build
# shellcheck source=lib.sh
. "$here/lib.sh"
preset=${PRESET:-release}
build=$tree/build
[ "$preset" = release ] || build=$tree/build-$preset
build=$(realpath -m "${BUILD:-$build}")
export CCACHE_DIR=${CCACHE_DIR:-$VNIC_CACHE/ccache}
# Another clone of the same sources finds what this one has compiled.
export CCACHE_BASEDIR=$tree CCACHE_NOHASHDIR=true
# What ccache's manual asks for with precompiled headers.
export CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime

configure() {
  local log=$build/configure.log
  # Its own summary is worth reading only when it fails.
  if ! cmake -S "$tree" --preset "$preset" -B "$build" ${BUILD_TYPE:+-DCMAKE_BUILD_TYPE="$BUILD_TYPE"} \
    >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    die "CMake cannot configure the build, see above."
  fi
}

# every_tenth: of the lines "[DONE/ALL] ..." those that matter when nobody watches; all others.
every_tenth() {
  awk '
    match($0, /^\[[0-9]+\/[0-9]+\]/) {
      split(substr($0, 2, RLENGTH - 2), count, "/")
      tenth = int(count[1] * 10 / count[2])
      if (tenth != said) { said = tenth; print; fflush() }
      next
    }
    { print; fflush() }'
}

main() {
  for name in cmake ninja ccache g++; do
    command -v "$name" >/dev/null || die "$name is missing: run tests/support/setup.sh build first."
  done
  mkdir -p "$build"
  local lock
  exec {lock}>"$build/.lock"
  if ! flock -n "$lock"; then
    note "another build in $build is running; waiting for its end"
    flock "$lock"
  fi
  if [ ! -f "$build/build.ninja" ]; then
    require_disk "$build" 2
    configure
  fi
  if [ -n "${VERBOSE:-}" ]; then
    ninja -C "$build" -v "$@"
  elif [ -t 1 ]; then
    ninja -C "$build" "$@"
  else
    ninja -C "$build" "$@" | every_tenth
  fi || die "the build failed, see above."
  note "built in $build"
}

main "$@"
