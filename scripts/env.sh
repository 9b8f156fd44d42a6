# shellcheck shell=bash disable=SC2034
# Sourced by every script: where things are, and how to talk about it.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Outside the checkout, so that a fresh clone rebuilds only the project's own crate.
MERIDIAN_CACHE=${MERIDIAN_CACHE:-$HOME/.cache/meridian}
TOOLS=$MERIDIAN_CACHE/tools
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$MERIDIAN_CACHE/target}

# Cargo names what it builds of a workspace's own package by its place in the workspace: two checkouts that share a
# folder would take each other's for up to date, and test a program that is not theirs.
mkdir -p "$CARGO_TARGET_DIR"
if [ "$(cat "$CARGO_TARGET_DIR/checkout" 2>/dev/null)" != "$PWD" ]; then
    find "$CARGO_TARGET_DIR" -type d -path '*/.fingerprint/meridian-*' -prune -exec rm -rf {} +
    printf '%s' "$PWD" >"$CARGO_TARGET_DIR/checkout"
fi

# cargo-leptos downloads what it does not find on PATH, so ours come first.
export PATH="$TOOLS/bin:$PWD/node_modules/.bin:${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"

# Leptos reads this while it compiles. cargo-leptos sets it; plain cargo must see the same, or the two
# keep rebuilding Leptos for each other.
export LEPTOS_OUTPUT_NAME=meridian

# Playwright uses the system's Chromium.
export PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1

# Without a terminal, progress is noise.
quiet=()
[ -t 2 ] || quiet=(--quiet)

say() {
    if [ -t 1 ]; then printf '\033[1m==> %s\033[0m\n' "$*"; else printf '==> %s\n' "$*"; fi
}

die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

has() { command -v "$1" >/dev/null 2>&1; }

# step NAME COMMAND…: says what runs, and how long it took.
step() {
    local name=$1 began=$SECONDS
    shift
    say "$name"
    "$@" || die "$name: failed"
    say "$name: done in $((SECONDS - began)) s"
}

# lock NAME: two scripts in one checkout take turns; held until this script ends.
lock() {
    mkdir -p target
    exec 9>"target/$1.lock"
    if has flock; then flock 9; fi
}

# apt_install PACKAGE…: installs them when root, otherwise says exactly what to do.
apt_install() {
    if [ "$(id -u)" = 0 ] && has apt-get; then
        say "Installing $* with apt (about a minute)"
        export DEBIAN_FRONTEND=noninteractive
        apt-get update -qq
        apt-get install -y -qq --no-install-recommends "$@" >/dev/null
    else
        die "missing system packages. Run this, then start again:
    sudo apt-get update && sudo apt-get install -y --no-install-recommends $*"
    fi
}

chromium_path() { printf '%s' "${CHROMIUM:-/usr/bin/chromium}"; }

# PostgreSQL's own programs; Debian keeps them off PATH.
postgres_bin() {
    if has initdb; then
        dirname "$(readlink -f "$(command -v initdb)")"
    else
        find /usr/lib/postgresql -path '*/bin/initdb' 2>/dev/null | sort -V | tail -n 1 | xargs -r dirname
    fi
}

# What the tests hold mails and calendars against; `tools.sh test` makes it.
export MERIDIAN_TEST_PYTHON=$TOOLS/python/bin/python

# The optimised program, as `build.sh` leaves it.
export MERIDIAN_BIN=$PWD/target/meridian
