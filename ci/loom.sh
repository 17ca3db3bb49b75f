#!/usr/bin/env bash
# Explores every interleaving of the loom models. Each model asserts how many it must at least have seen.
#
#     ci/loom.sh [NAME]        only the models whose name contains NAME
set -euo pipefail
cd "$(dirname "$0")/.."
# A cfg of our own instead of `loom`, which other crates in the tree would react to. A target folder of its own, since the
# cfg would otherwise rebuild everything back and forth. --release: loom is slow; what only makes linking slow is off.
export RUSTFLAGS="--cfg tachograph_loom" CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/loom"
export CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_PROFILE_RELEASE_DEBUG=0
packages=()
for crate in hotpath reducer; do
    if grep -q "fn .*${1:-}" "crates/$crate/src/models.rs"; then packages+=(-p "tachograph-$crate"); fi
done
[ "${#packages[@]}" -gt 0 ] || { echo "no model is called ${1:-}"; exit 1; }
log=$CARGO_TARGET_DIR/models.log
mkdir -p "$CARGO_TARGET_DIR"
cargo test --locked --release "${packages[@]}" --lib "models::${1:-}" -- --nocapture 2>&1 | tee "$log"
passed=$(sed -n 's/^test result: ok\. \([0-9]*\) passed.*/\1/p' "$log" | awk '{ sum += $1 } END { print sum + 0 }')
least=$([ -n "${1:-}" ] && echo 1 || echo 10)
[ "$passed" -ge "$least" ] || { echo "$passed models were run, $least are expected"; exit 1; }
echo "$passed models hold"
