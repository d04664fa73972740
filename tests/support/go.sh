# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# How Go modules are built, for everything under tests. Sourced after lib.sh.

# Module and build caches, and what is built.
go_cache=$VNIC_CACHE/go-tools
readonly go_cache go_wanted=1.26.8

# at_least HAVE WANTED: compares versions like 1.26 and 1.26.8.
at_least() { [[ $(printf '%s\n%s\n' "$1" "$2" | sort -V | head -1) == "$2" ]]; }

# go_version GO: the version of that go itself, not of a toolchain that it would fetch.
go_version() {
  local version
  version=$(GOTOOLCHAIN=local "$1" env GOVERSION 2>/dev/null) && printf '%s' "${version#go}"
}

# choose_go: sets `go` to a command that can build the modules, and its surroundings. Any go from
# 1.21 on can fetch a newer toolchain by itself, through the module proxy; older ones cannot, and
# then the distribution's backport is installed for its sake.
choose_go() {
  go=$(command -v go || true)
  local version=0
  [[ -z $go ]] || version=$(go_version "$go" || echo 0)
  if ! at_least "$version" 1.21; then
    go=/usr/lib/go-1.23/bin/go
    if [[ ! -x $go ]]; then
      [[ $EUID -eq 0 ]] ||
        die "needs Go 1.21 or later; install it, or run as root so that it can be installed"
      note "installing Go from bookworm-backports"
      DEBIAN_FRONTEND=noninteractive \
        apt-get install -qq -y -t bookworm-backports golang-1.23-go >/dev/null ||
        die "cannot install golang-1.23-go from bookworm-backports; install Go 1.21 or later"
    fi
    version=$(go_version "$go")
  fi
  if at_least "$version" 1.26; then
    export GOTOOLCHAIN=local
  else
    export GOTOOLCHAIN=go$go_wanted
  fi
  export GOMODCACHE=${GOMODCACHE:-$go_cache/mod} GOCACHE=${GOCACHE:-$go_cache/build} CGO_ENABLED=0
  # A module cache that is read-only cannot be removed by a plain rm -r.
  export GOFLAGS=-modcacherw
}
