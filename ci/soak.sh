#!/usr/bin/env bash
# A minute of the soak test (or `--duration 10m` and so on, as arguments), then short runs in which something goes wrong on purpose: each
# must be refused, and for the right reason.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --locked --release --quiet -p tachograph-tests --bin soak
soak=target/release/soak
"$soak" --duration 60s "$@"

refused() {
    local plant=$1 reason=$2 said
    if said=$("$soak" --duration 12s --threads 4 --readers 1 --plant "$plant" 2>&1 >/dev/null); then
        echo "planted $plant: not noticed"
        exit 1
    fi
    grep -q "$reason" <<<"$said" || { echo "planted $plant: refused for another reason: $said"; exit 1; }
    echo "planted $plant: $said"
}

refused leak "Resident memory grew"
refused handle "Open files grew"
refused thread "Threads grew"
refused slow "recording grew"
refused frame "There are .* frames, and not"
refused line "a line before it is missing"
refused twice "out of order or there twice"
