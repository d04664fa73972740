#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Builds what is measured, as a release: the operator with hosts in memory, the load, the
# micro-benchmarks, and the peer. BUILD says where (default build-bench).
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tree=$(cd "$here/../.." && pwd)
export BUILD=${BUILD:-build-bench} BUILD_TYPE=RelWithDebInfo
# shellcheck source=tests/support/lib.sh
. "$here/../support/lib.sh"
# shellcheck source=tests/support/go.sh
. "$here/../support/go.sh"

cd "$tree"
tests/support/build.sh bench_operator bench_load bench_micro
BUILD=$(realpath "$BUILD")
choose_go
cd "$here/peer"
"$go" build -trimpath -buildvcs=false -mod=readonly -ldflags '-s -w' -o "$BUILD/bench_peer" .
