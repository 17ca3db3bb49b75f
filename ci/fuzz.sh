#!/usr/bin/env bash
# Fuzzes every target for a while: ci/fuzz.sh [seconds per target, 15 by default] [targets, all by default]. See docs/fuzzing.md.
# Installs cargo-fuzz where it is missing; where it cannot be had it says so, and with CI=true that is an error.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-15}
shift || true

# The least executions per target that count as fuzzing, for 15 s on a busy machine: about a tenth of what was measured. More seconds must
# bring more, fewer may bring fewer.
declare -A floor=([y4m]=50000 [config]=10000 [log]=1400 [snapshot]=2400 [by_name]=700 [recorder]=250)
# Longest input in bytes: programs of calls get slow before they get more interesting.
declare -A longest=([by_name]=1024 [recorder]=1024)
targets=("$@")
[ "${#targets[@]}" -gt 0 ] || targets=(y4m config log snapshot by_name recorder)

if ! cargo fuzz --version >/dev/null 2>&1 && ! cargo install --locked --quiet cargo-fuzz@0.13.2; then
    echo '!!! SKIPPED: fuzzing, since cargo-fuzz cannot be installed here'
    [ "${CI:-}" != true ]
    exit
fi

cd fuzz
# No sanitizer: they find misuse of memory, and the workspace forbids unsafe code. Without one the stable compiler does, and inputs run
# several times as fast. Everything else that a debug build checks is checked, see Cargo.toml.
cargo fuzz build --sanitizer none
host=$(rustc -vV | sed -n 's/^host: //p')
programs=${CARGO_TARGET_DIR:-target}/$host/release

# The log's target works on files; where there is a file system in memory they need no disk.
scratch=$(mktemp -d "$([ -w /dev/shm ] && echo /dev/shm || echo "${TMPDIR:-/tmp}")/tachograph-fuzz.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
mkdir -p logs
failed=0
table=$(printf '%-10s %11s %10s %8s  %s' target executions 'new units' 'peak MiB' verdict)
for target in "${targets[@]}"; do
    log=logs/$target.log
    mkdir -p "corpus/$target" "artifacts/$target"
    options=(-max_total_time="$seconds" -max_len="${longest[$target]:-4096}" -timeout=10 -rss_limit_mb=1024
        -print_final_stats=1 -artifact_prefix="artifacts/$target/")
    [ ! -f "dictionaries/$target.dict" ] || options+=(-dict="dictionaries/$target.dict")
    verdict=ok
    TMPDIR=$scratch "$programs/$target" "${options[@]}" "corpus/$target" "seeds/$target" 2>"$log" >&2 ||
        verdict="FOUND SOMETHING, see above"
    stat() { sed -n "s/^stat::$1: *//p" "$log"; }
    executions=$(stat number_of_executed_units)
    least=$((floor[$target] * (seconds < 15 ? seconds : 15) / 15))
    if [ "$verdict" = ok ] && [ "${executions:-0}" -lt "$least" ]; then
        verdict="TOO FEW, at least $least are expected"
    fi
    if [ "$verdict" != ok ]; then
        failed=1
        grep -h -A 3 -e 'panicked at' -e 'ERROR: libFuzzer' -e 'Test unit written' "$log" | cut -c 1-500 || tail -n 20 "$log"
    fi
    table+=$(printf '\n%-10s %11s %10s %8s  %s' "$target" "${executions:--}" "$(stat new_units_added)" "$(stat peak_rss_mb)" "$verdict")
done
printf '%s\n' "$table"
exit "$failed"
