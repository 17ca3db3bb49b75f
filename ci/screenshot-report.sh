#!/usr/bin/env bash
# Makes docs/report.png: the top of the report of three days, as a real browser shows it. Needs chromium and pngquant.
# Run it as: ./ci/screenshot-report.sh
set -euo pipefail
cd "$(dirname "$0")/.."

for tool in chromium pngquant; do
    command -v "$tool" >/dev/null || { apt-get update -qq && apt-get install -y -qq "$tool"; }
done

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
pngquant --force --quality=60-95 --strip --output docs/report.png "$folder/report.png"
ls -l docs/report.png
