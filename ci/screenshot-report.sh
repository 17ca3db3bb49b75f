#!/usr/bin/env bash
# Makes docs/report.png, or FILE: the top of the report of three days, as a real browser shows it.
# Run it as: ./ci/screenshot-report.sh [FILE]
set -euo pipefail
picture=${1:+$(realpath "$1")}
cd "$(dirname "$0")/.."
picture=${picture:-docs/report.png}
./ci/show-tools.sh

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cargo build --locked --quiet -p tachograph-tests --bin month_log
cargo build --locked --quiet -p tachograph-cli --bin tacho
target=${CARGO_TARGET_DIR:-target}/debug
target=$(realpath "$target")

mkdir "$folder/logs"
"$target/month_log" --minutes 4320 --out "$folder/logs/metrics.json"
(cd "$folder" && "$target/tacho" report)

# The page's height depends on its fonts; what is below is left out.
chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking \
    --disable-component-update --disable-sync --hide-scrollbars --user-data-dir="$folder/profile" \
    --virtual-time-budget=10000 --window-size=1280,1900 --screenshot="$folder/report.png" "file://$folder/report.html" 2>/dev/null
pngquant --force --quality=60-95 --strip --output "$picture" "$folder/report.png"
ls -l "$picture"
