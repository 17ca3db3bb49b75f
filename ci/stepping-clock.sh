#!/usr/bin/env bash
# Steps the wall clock of `tacho run` by years, back and forth, while it runs and between runs, and checks what it logs.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cargo build --locked --quiet -p tachograph-cli
# faketime would set the clock once; its library reads it anew from a file. Only the wall clock is faked.
library=$(faketime -f +0 printenv LD_PRELOAD)
library=${library/libfaketime.so/libfaketimeMT.so}

tacho() {
    LD_PRELOAD=$library FAKETIME_TIMESTAMP_FILE=$folder/step FAKETIME_NO_CACHE=1 DONT_FAKE_MONOTONIC=1 \
        target/debug/tacho run --duration "$1" --metrics-interval 1s \
        --log "$folder/metrics.json" --events "$folder/events.jsonl" >/dev/null
}

echo +0 >"$folder/step"
tacho 6s &
sleep 1.5
for step in +86400 -86400 -60y +0; do
    echo "$step" >"$folder/step"
    sleep 1
done
wait $!
echo -60y >"$folder/step"
tacho 2s
echo +0 >"$folder/step"
tacho 2s

python3 ci/validate_log.py "$folder/metrics.json"
python3 - "$folder/metrics.json" <<'PYTHON'
import json
import sys

lines = [json.loads(line) for line in open(sys.argv[1])]
stamps = [line["timestamp"] for line in lines]
assert min(stamps) < 0 and max(stamps) - stamps[-1] > 86_000, f"the clock did not step: {stamps}"
assert len(lines) >= 6 + 2 + 2, f"{len(lines)} lines"
last = lines[-1]
assert last["system_start_time"] == lines[0]["system_start_time"], "the first start is lost"
for line in lines:
    assert line["suspended_seconds"] == 0, f"a clock that was set is no suspension: {line['suspended_seconds']} s"
    assert line["downtime_seconds"] < 5, f"{line['downtime_seconds']} s down"
assert 9.5 < last["observed_seconds"] < 15, f"{last['observed_seconds']} s watched"
first_run = [line["uptime_seconds"] for line in lines[:6]]
assert all(0.9 < b - a < 1.1 for a, b in zip(first_run, first_run[1:])), f"the schedule is off: {first_run}"
print(f"the clock stepped from {min(stamps):.0f} to {max(stamps):.0f}; {last['observed_seconds']:.1f} s watched, "
      f"{last['downtime_seconds']:.1f} s down")
PYTHON
