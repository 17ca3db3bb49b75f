# To be sourced. Nightly tools that a check needs: installed where that works; where it does not, the check is skipped with a
# loud word, which is an error if CI=true says that everything must be there.

need_nightly() {
    if { rustup toolchain list | grep -q '^nightly' || rustup toolchain install nightly --profile minimal; } &&
        rustup component add --toolchain nightly "$@"; then
        return
    fi
    printf '!!! SKIPPED: %s needs the nightly toolchain with %s, which cannot be installed here\n' "$0" "$*"
    [ "${CI:-}" = true ] && exit 1
    exit 0
}
