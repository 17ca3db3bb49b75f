#!/usr/bin/env bash
# Installs what the tests of what people look at drive, where it is missing: a browser, jq and its like, a renderer of manual pages, and what the
# pictures of the README are made with. A test that lacks its tool says so and, with CI=true, fails.
set -euo pipefail

# Tool and Debian package.
wanted='chromium chromium
jq jq
sqlite3 sqlite3
groff groff
pdftoppm poppler-utils
tmux tmux
aha aha
pngquant pngquant'

packages=
while read -r tool package; do
    command -v "$tool" >/dev/null || packages="$packages $package"
done <<<"$wanted"
if [ -n "$packages" ]; then
    sudo=$([ "$(id -u)" = 0 ] || echo sudo)
    $sudo apt-get update -qq
    # shellcheck disable=SC2086 # one word each
    $sudo apt-get install -y -qq fonts-dejavu-core $packages
fi
