#!/usr/bin/env bash
# Explores every interleaving of the loom models. Each model asserts how many it must at least have seen.
set -euo pipefail
cd "$(dirname "$0")/.."
# A cfg of our own instead of `loom`, which other crates in the tree would react to. A target folder of its own, since the
# cfg would otherwise rebuild everything back and forth. --release: loom is slow.
RUSTFLAGS="--cfg tachograph_loom" CARGO_TARGET_DIR=target/loom \
    cargo test --release -p tachograph-hotpath --lib models -- --nocapture
