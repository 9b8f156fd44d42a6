#!/usr/bin/env bash
# The figures of the budget table: the slot engine, then the program over HTTP and two-way sync, on both databases.
# shellcheck source=scripts/env.sh
. "$(dirname "$0")/env.sh"

scripts/tools.sh test build
if [ -z "${MERIDIAN_TEST_POSTGRES:-}" ]; then exec scripts/postgres.sh run "$0" "$@"; fi

export MERIDIAN_SITE_DIR=$PWD/target/site
scripts/build.sh
step "Slot engine" cargo bench "${quiet[@]}" --locked --features ssr --bench engine
if [ -f examples/bench_http.rs ]; then
    step "HTTP" cargo run "${quiet[@]}" --release --locked --features ssr --example bench_http
fi
step "Two-way sync" cargo run "${quiet[@]}" --release --locked --features ssr --example bench_sync
for hook in scripts/bench_http.*; do
    if [ -x "$hook" ]; then step "$hook" "$hook"; fi
done
