#!/usr/bin/env bash
# Everything that can be said without running the program.
# shellcheck source=scripts/env.sh
. "$(dirname "$0")/env.sh"

scripts/tools.sh lint

dependencies() {
    local checks=(bans licenses sources)
    if timeout 120 cargo-deny fetch db >/dev/null 2>&1; then
        checks+=(advisories)
    else
        say "Advisories are NOT checked: the advisory database cannot be fetched"
    fi
    # Duplicate versions are warnings; `cargo deny check bans` lists them.
    cargo-deny --log-level error --locked check --hide-inclusion-graph "${checks[@]}" || return 1

    # The server sends the zone rules that a page needs; a database in the browser would cost 200 KB and disagree.
    local packages zones
    packages=$(cargo tree --locked --edges normal --prefix none --target wasm32-unknown-unknown --features hydrate) ||
        return 1
    zones=$(grep -E '^(chrono-tz|jiff|tzdb)' <<<"$packages") || return 0
    say "A time-zone database is on its way into the browser: $zones"
    return 1
}

shell_scripts() {
    local script
    for script in scripts/*.sh .ci/run; do bash -n "$script" || return 1; done
    if has shellcheck; then shellcheck -x scripts/*.sh .ci/run || return 1; fi
}

step "Format" cargo fmt --check
step "Shell scripts" shell_scripts
step "TypeScript" tsc --project end2end
step "Dependencies" dependencies
step "Clippy, server (about 2 minutes the first time)" \
    cargo clippy "${quiet[@]}" --locked --all-targets --features ssr -- -D warnings
step "Clippy, browser (about a minute the first time)" \
    cargo clippy "${quiet[@]}" --locked --lib --target wasm32-unknown-unknown --features hydrate -- -D warnings
step "Documentation" env RUSTDOCFLAGS="-D warnings" \
    cargo doc "${quiet[@]}" --locked --no-deps --lib --document-private-items --features ssr
