#!/usr/bin/env bash
# Installs what is missing, and nothing else. Usage: scripts/tools.sh [versions] [build] [lint] [test]
# shellcheck source=scripts/env.sh
. "$(dirname "$0")/env.sh"

# 0.3.11 refuses rustc 1.95.
CARGO_LEPTOS=0.3.10
CARGO_DENY=0.20.2

# wasm-bindgen's command must be exactly the version of the library.
wasm_bindgen_version() {
    sed -n '/^name = "wasm-bindgen"$/{n;s/^version = "\(.*\)"$/\1/p;}' Cargo.lock
}

# cargo_tool NAME VERSION ABOUT [OPTION…]: installs a command unless that version is there.
# An interrupted installation goes on where it stopped: its build products stay until it is done.
cargo_tool() {
    local name=$1 version=$2 about=$3 products=$TOOLS/build/$1
    shift 3
    if has "$name" && [ "$("$name" --version | cut -d ' ' -f 2)" = "$version" ]; then return; fi
    say "Installing $name $version (once, about $about on two cores)"
    CARGO_TARGET_DIR=$products cargo install "${quiet[@]}" --root "$TOOLS" --version "=$version" "$@"
    rm -rf "$products"
    rmdir "$TOOLS/build" 2>/dev/null || true
}

# A build tool is compiled once and works for seconds: optimising it costs more than it ever returns.
cheap() {
    CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=256 \
        "$@"
}

rust() {
    has cargo || die "Rust is missing. Install rustup from https://rustup.rs, then start again."
    has cc || apt_install build-essential
}

node_packages() {
    local lock major=0
    if has npm; then major=$(node -p 'process.versions.node.split(".")[0]'); fi
    [ "$major" -ge 20 ] || die "Node.js 20 or later is missing. Install it with npm, then start again."
    lock=$(sha256sum <package-lock.json)
    if [ "$(cat node_modules/.lock-installed 2>/dev/null)" != "$lock" ]; then
        say "Installing the Node packages (about 15 seconds)"
        npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
        printf '%s\n' "$lock" >node_modules/.lock-installed
    fi
}

# rust_part KIND NAME: adds a target or a component to the toolchain unless it is there.
rust_part() {
    local kind=$1 name=$2
    has rustup || return 0 # a toolchain that comes whole, from a distribution
    if grep -q "^$name" <<<"$(rustup "$kind" list --installed)"; then return; fi
    say "Adding $name to the Rust toolchain (some seconds)"
    rustup "$kind" add "$name"
}

build() {
    lock tools
    rust
    rust_part target wasm32-unknown-unknown
    node_packages
    cheap cargo_tool cargo-leptos "$CARGO_LEPTOS" "5 minutes" cargo-leptos --locked
    # No --locked: the lock file it ships names a version that was withdrawn.
    cargo_tool wasm-bindgen "$(wasm_bindgen_version)" "2 minutes" wasm-bindgen-cli --bin wasm-bindgen
}

lint() {
    lock tools
    rust
    rust_part component clippy
    rust_part component rustfmt
    rust_part target wasm32-unknown-unknown
    node_packages
    cheap cargo_tool cargo-deny "$CARGO_DENY" "a minute" cargo-deny --locked
}

# What Meridian sends is held against Python programs: a mail server, and a reader of mails and calendars.
python_peers() {
    local home=$TOOLS/python wanted
    wanted=$(sha256sum <tests/peers/requirements.txt)
    if [ -x "$home/bin/python" ] && [ "$(cat "$home/.installed" 2>/dev/null)" = "$wanted" ]; then return; fi
    { has python3 && python3 -c 'import ensurepip, venv' 2>/dev/null; } || apt_install python3 python3-venv
    say "Installing the Python programs that the tests talk to, into $home (about a minute)"
    rm -rf "$home"
    python3 -m venv "$home"
    "$home/bin/pip" install --quiet --disable-pip-version-check --no-deps -r tests/peers/requirements.txt
    printf '%s\n' "$wanted" >"$home/.installed"
}

test_tools() {
    lock tools
    python_peers
    node_packages
    local packages=()
    [ -x "$(chromium_path)" ] || packages+=(chromium)
    [ -n "$(postgres_bin)" ] || packages+=(postgresql)
    [ "${#packages[@]}" = 0 ] || apt_install "${packages[@]}"
}

versions() {
    printf '%s\n' "cargo-leptos $CARGO_LEPTOS" "cargo-deny $CARGO_DENY" "wasm-bindgen $(wasm_bindgen_version)"
}

for group in "$@"; do
    case $group in
    versions) versions ;;
    build) build ;;
    lint) lint ;;
    test) test_tools ;;
    *) die "unknown group: $group" ;;
    esac
done
