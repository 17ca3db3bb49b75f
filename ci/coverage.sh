#!/usr/bin/env bash
# Line coverage of each library crate by the test suite; fails under 85 %.
set -euo pipefail
cd "$(dirname "$0")/.."
floor=85
if ! cargo llvm-cov --version >/dev/null 2>&1; then
    rustup component add llvm-tools
    cargo install --locked cargo-llvm-cov
fi
cargo llvm-cov --no-report --quiet
cargo llvm-cov report --json --summary-only --output-path target/coverage.json
python3 - "$floor" <<'EOF'
import collections, json, sys

floor = float(sys.argv[1])
lines = collections.defaultdict(lambda: [0, 0])
for file in json.load(open("target/coverage.json"))["data"][0]["files"]:
    parts = file["filename"].split("/crates/")[-1].split("/")
    summary = file["summary"]["lines"]
    lines[parts[0]][0] += summary["covered"]
    lines[parts[0]][1] += summary["count"]
failed = False
for crate in ("hotpath", "reducer", "tachograph", "cli"):
    covered, count = lines[crate]
    percent = 100 * covered / count
    verdict = "ok" if percent >= floor or crate == "cli" else "TOO LOW"
    failed |= verdict != "ok"
    print(f"{crate:12} {percent:6.2f} % of {count} lines  {verdict}")
sys.exit(failed)
EOF
