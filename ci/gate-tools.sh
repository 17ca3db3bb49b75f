#!/usr/bin/env bash
# Installs what the overhead gate drives, where it is missing: valgrind, objdump, strace. Where one cannot be had it says so;
# with CI=true that is an error.
set -euo pipefail

missing() {
    for tool in valgrind objdump strace; do
        command -v "$tool" >/dev/null || echo "$tool"
    done
}

if [ -n "$(missing)" ] && command -v apt-get >/dev/null; then
    sudo=$([ "$(id -u)" = 0 ] || echo sudo)
    # What cannot be installed is reported below.
    { $sudo apt-get update -qq && $sudo apt-get install -y -qq valgrind binutils strace; } || true
fi

if [ -n "$(missing)" ]; then
    for tool in $(missing); do
        printf '!!! SKIPPED: what needs %s, which cannot be installed here\n' "$tool"
    done
    [ "${CI:-}" != true ]
fi
