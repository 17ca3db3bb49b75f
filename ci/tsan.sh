#!/usr/bin/env bash
# Runs the tests in which threads race under ThreadSanitizer. Our own crates forbid unsafe code, so what it watches at work is
# what they stand on: arc-swap, crossbeam's queue, and how both are used.
set -euo pipefail
cd "$(dirname "$0")/.."
. ci/nightly.sh
need_nightly rust-src

target=x86_64-unknown-linux-gnu
export RUSTFLAGS="-Zsanitizer=thread" CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/tsan"
# A crowd that is small, since each step takes ten times as long under it, and may take the memory that it keeps books in.
export TACHOGRAPH_STRESS_MEMORY=10
export TACHOGRAPH_STRESS_SCALE="${TACHOGRAPH_STRESS_SCALE:-0.02}"
export CARGO_PROFILE_DEV_OPT_LEVEL=1 CARGO_PROFILE_DEV_DEBUG=line-tables-only
# With the standard library built in too: otherwise its atomics are not seen, and every lock is a false alarm.
build=(cargo +nightly test --locked --target "$target" -Zbuild-std)

# First that it sees a race at all: an example that is nothing but one.
mkdir -p "$CARGO_TARGET_DIR"
if "${build[@]}" --quiet --manifest-path ci/race/Cargo.toml >"$CARGO_TARGET_DIR/race.log" 2>&1 ||
    ! grep -q "WARNING: ThreadSanitizer: data race" "$CARGO_TARGET_DIR/race.log"; then
    cat "$CARGO_TARGET_DIR/race.log"
    echo "ThreadSanitizer does not see a race that is there"
    exit 1
fi
echo "ThreadSanitizer sees the race on purpose"

log="$CARGO_TARGET_DIR/tests.log"
"${build[@]}" -p tachograph-hotpath -p tachograph-reducer -p tachograph-tests \
    --lib --test recording --test racing --test windows --test stress >"$log" 2>&1 || { cat "$log"; exit 1; }
passed=$(sed -n 's/^test result: ok\. \([0-9]*\) passed.*/\1/p' "$log" | awk '{ sum += $1 } END { print sum + 0 }')
[ "$passed" -ge 50 ] || { echo "only $passed tests ran"; exit 1; }
echo "ThreadSanitizer: $passed tests passed without a race"
