#!/usr/bin/env bash
# Runs the built-in camera for five seconds and checks the log line by line.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cargo build --locked --release --quiet --bin tacho
target/release/tacho run --duration 5s --metrics-interval 1s \
    --log "$folder/metrics.json" --events "$folder/events.jsonl"
python3 ci/validate_log.py "$folder/metrics.json" --events "$folder/events.jsonl" --interval 1 --seconds 5 --fps 30
