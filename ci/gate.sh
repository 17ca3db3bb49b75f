#!/usr/bin/env bash
# The overhead gate: refuses a change that makes the hot path slower. See docs/overhead-gate.md.
set -euo pipefail
cd "$(dirname "$0")/.."
./ci/gate-tools.sh
# In release too: what the optimiser makes of it is what counts.
cargo test --locked --release --quiet -p tachograph-tests --test allocations --test system_calls
cargo test --locked --release --quiet -p tachograph-benches --lib
cargo run --locked --release --quiet -p tachograph-benches --bin gate -- check "$@"
