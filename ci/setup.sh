#!/usr/bin/env bash
# Installs what building tachograph needs, if it is missing: a C linker and Rust 1.95 or newer. Does nothing where all is there.
set -euo pipefail
need=1.95

say() { printf 'setup: %s\n' "$*" >&2; }

if ! command -v cc >/dev/null; then
    if command -v apt-get >/dev/null; then
        say "installing a C compiler for linking"
        sudo=$([ "$(id -u)" = 0 ] || echo sudo)
        $sudo apt-get update -qq && $sudo apt-get install -y -qq gcc libc6-dev
    else
        say "no C compiler found; install one first (on macOS: xcode-select --install)"
        exit 1
    fi
fi

if ! command -v cargo >/dev/null && [ -f "$HOME/.cargo/env" ]; then
    # shellcheck source=/dev/null
    . "$HOME/.cargo/env"
fi
if ! command -v cargo >/dev/null; then
    say "installing Rust by rustup"
    curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y --profile minimal
    # shellcheck source=/dev/null
    . "$HOME/.cargo/env"
    say "open a new shell or run '. ~/.cargo/env' to have cargo on the path"
fi

have=$(rustc --version | awk '{print $2}')
if [ "$(printf '%s\n%s\n' "$need" "$have" | sort -V | head -n 1)" != "$need" ]; then
    say "Rust $have is too old, updating to stable"
    rustup update stable --no-self-update
fi
