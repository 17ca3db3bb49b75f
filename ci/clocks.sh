#!/usr/bin/env bash
# Runs the tests of time on clocks that this machine does not have: the operating system's, as where the processor's counter is
# not invariant (an emulated processor that does not claim it is); a counter with a coarse tick (an emulated ARM); a wall clock
# that steps while `tacho run` works. Installs what it needs where apt-get can; what cannot be had is reported as SKIPPED, which
# with CI=true is an error.
set -euo pipefail
cd "$(dirname "$0")/.."

skipped=0
skip() {
    printf '!!! SKIPPED: %s\n' "$*"
    skipped=1
}

missing() {
    for tool in qemu-x86_64 qemu-aarch64 aarch64-linux-gnu-gcc faketime valgrind; do
        command -v "$tool" >/dev/null || echo "$tool"
    done
}

if [ -n "$(missing)" ] && command -v apt-get >/dev/null; then
    sudo=$([ "$(id -u)" = 0 ] || echo sudo)
    # What cannot be installed is reported below.
    { $sudo apt-get update -qq &&
        $sudo apt-get install -y -qq qemu-user gcc-aarch64-linux-gnu libc6-dev-arm64-cross faketime valgrind; } >/dev/null || true
fi

# Runs `cargo test` with the arguments after the first, and asserts that it ran at least as many tests as the first says.
tests_ran() {
    local least=$1 output passed
    shift
    output=$(RUST_BACKTRACE=0 cargo test --locked "$@" 2>&1) || { printf '%s\n' "$output"; return 1; }
    passed=$(sed -n 's/^test result: ok\. \([0-9]*\) passed.*/\1/p' <<<"$output" |
        awk '{ sum += $1 } END { print sum + 0 }')
    grep 'a tick is' <<<"$output" || true
    echo "$passed tests passed"
    [ "$passed" -ge "$least" ] || { printf '%s\n%s tests are expected\n' "$output" "$least"; return 1; }
}

# 1. A processor without an invariant counter: the clock must be the operating system's, in nanoseconds.
host=$(rustc -vV | sed -n 's/^host: //p')
if [ "$host" != x86_64-unknown-linux-gnu ]; then
    skip "the operating system's clock: this is $host, not x86-64 Linux"
elif ! command -v qemu-x86_64 >/dev/null; then
    skip "the operating system's clock: no qemu-x86_64"
else
    echo "--- an x86-64 processor without an invariant counter"
    TACHOGRAPH_EXPECT_CLOCK=os CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER="qemu-x86_64 -cpu qemu64,-invtsc" \
        tests_ran 4 -p tachograph-tests --test real_clock -- --nocapture
fi
if command -v valgrind >/dev/null; then
    echo "--- without a vDSO"
    runner=CARGO_TARGET_$(tr 'a-z-' 'A-Z_' <<<"$host")_RUNNER
    env "$runner=valgrind --quiet --error-exitcode=1" bash -c "$(declare -f tests_ran)"'
        tests_ran 2 -p tachograph-tests --test real_clock -- it_is_the it_does_not_run --nocapture'
else
    skip "a process without a vDSO: no valgrind"
fi

# 2. A coarse counter: 16 ns a tick.
target=aarch64-unknown-linux-gnu
if ! command -v qemu-aarch64 >/dev/null || ! command -v aarch64-linux-gnu-gcc >/dev/null; then
    skip "a coarse counter: no qemu-aarch64 or no aarch64-linux-gnu-gcc"
elif ! rustup target add "$target" 2>/dev/null; then
    skip "a coarse counter: no standard library for $target"
else
    echo "--- an emulated ARM processor"
    # Emulation is slow: a little optimisation takes a minute of tests down to some seconds.
    CARGO_PROFILE_DEV_OPT_LEVEL=1 TACHOGRAPH_EXPECT_CLOCK=coarse \
        CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc \
        CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER="qemu-aarch64 -L /usr/aarch64-linux-gnu" \
        tests_ran 60 --target "$target" -p tachograph-hotpath -p tachograph-reducer -p tachograph-tests --lib \
        --test recording --test real_clock --test time --test jumps --test durations --test windows -- --nocapture
fi

# 3. A wall clock that steps under a running `tacho`.
if ! command -v faketime >/dev/null; then
    skip "a wall clock that steps: no faketime"
else
    echo "--- a wall clock that steps while tacho runs"
    ./ci/stepping-clock.sh
fi

[ "$skipped" = 0 ] || [ "${CI:-}" != true ]
