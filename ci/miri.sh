#!/usr/bin/env bash
# Runs the tests in which threads race under Miri, with its weak-memory emulation, once per seed: each seed is another
# schedule and other choices of what a load may see.
#
#     ci/miri.sh [SEEDS [TEST...]]       default: 8 seeds, all tests; for a night: ci/miri.sh 5000
set -euo pipefail
cd "$(dirname "$0")/.."
seeds=${1:-8}
shift || true
. ci/nightly.sh
need_nightly miri rust-src

# No crate of ours needs a real clock here, and quanta reads CPUID on x86, which Miri does not know. So another architecture,
# which Miri interprets as well as this one: 64 bits, and big-endian for good measure.
target=s390x-unknown-linux-gnu
# Nothing is random here but what the seeds decide: many threads are switched between at any step.
export MIRIFLAGS="-Zmiri-many-seeds=0..$seeds -Zmiri-preemption-rate=0.05"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/miri"

tests=("$@")
[ "${#tests[@]}" -gt 0 ] || tests=(
    the_newest_are_always_there_under_a_racing_writer
    of_two_counters_raised_in_order_the_second_is_never_seen_ahead
    recorders_at_the_same_time_have_lanes_of_their_own
    a_lane_goes_on_with_its_next_owner
    snapshots_are_reused_when_nobody_holds_them
    a_snapshot_that_is_held_never_changes
    a_reader_in_a_tight_loop_sees_whole_snapshots_in_order
    recorders_come_and_go_while_it_is_reduced_and_read
)
miri() { cargo +nightly miri test --locked --quiet --target "$target" -p tachograph-hotpath -p tachograph-reducer --lib --tests -- "$@"; }

# Miri fails if any seed does; what the seeds print side by side cannot be counted, so what is run is counted before.
found=$(MIRIFLAGS="" miri --list "${tests[@]}" | grep -c ': test$' || true)
[ "$found" = "${#tests[@]}" ] || { echo "$found tests were found, not ${#tests[@]}"; exit 1; }
miri "${tests[@]}"
echo "Miri: ${#tests[@]} tests passed with each of $seeds seeds"
