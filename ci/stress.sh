#!/usr/bin/env bash
# The stress test in full, and the ring under a real writer: on all cores, then with writers and reducer on a single one, where a copy
# is preempted in its middle. Takes a few seconds once built.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo test --locked --release --quiet -p tachograph-hotpath -p tachograph-tests --lib --test stress --no-run

stress() {
    "$@" cargo test --locked --release --quiet -p tachograph-tests --test stress -- --nocapture
    "$@" cargo test --locked --release --quiet -p tachograph-hotpath --lib ring:: -- --nocapture
}

echo "on all cores"
stress
if ! command -v taskset >/dev/null; then
    echo "!!! SKIPPED: on a single core, since there is no taskset here"
    [ "${CI:-}" != true ]
    exit
fi
echo "on a single core"
stress taskset -c 0 | tee target/stress.txt
# The test says so when it finds itself on several cores, and would then have shown nothing.
grep -q "Preempted { lapped: .* in " target/stress.txt
