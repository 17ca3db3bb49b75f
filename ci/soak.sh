#!/usr/bin/env bash
# A minute of the soak test (or `--duration 10m` and so on, as arguments), then short runs in which something goes wrong on purpose: each
# must be refused, and for the right reason.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --locked --release --quiet -p tachograph-tests --bin soak
soak=target/release/soak
[ $# -gt 0 ] || set -- --duration 60s
"$soak" "$@"

# All at once, since they wait most of the time: without readers, which would not.
pids=()
refused() {
    local plant=$1 reason=$2 said
    if said=$("$soak" --duration 12s --threads 2 --readers 0 --plant "$plant" 2>&1 >/dev/null); then
        echo "planted $plant: not noticed"
        return 1
    fi
    grep -q "$reason" <<<"$said" || { echo "planted $plant: refused for another reason: $said"; return 1; }
    echo "planted $plant: $said"
}

refused leak "Resident memory grew" & pids+=($!)
refused handle "Open files grew" & pids+=($!)
refused thread "Threads grew" & pids+=($!)
refused slow "recording grew" & pids+=($!)
refused frame "There are .* frames, and not" & pids+=($!)
refused line "a line before it is missing" & pids+=($!)
refused twice "out of order or there twice" & pids+=($!)
for pid in "${pids[@]}"; do wait "$pid"; done
