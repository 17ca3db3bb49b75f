#!/usr/bin/env bash
# Plants regressions and sees to it that the overhead gate refuses each. Takes minutes: it builds everything four times.
set -euo pipefail
cd "$(dirname "$0")/.."
CI=true ./ci/gate-tools.sh
cargo test --locked --release -p tachograph-benches --test gate -- --ignored
