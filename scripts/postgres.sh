#!/usr/bin/env bash
# A throw-away PostgreSQL: its own folder, a random port on loopback, nothing kept.
#
#   scripts/postgres.sh run COMMAND…  runs COMMAND with MERIDIAN_TEST_POSTGRES set, then stops the server,
#                                     also when COMMAND fails or Ctrl-C is pressed
#   scripts/postgres.sh start         starts one that stays, and prints its address
#   scripts/postgres.sh stop          stops that one
# shellcheck source=scripts/env.sh
. "$(dirname "$0")/env.sh"

remembered=target/postgres # folder and address of the server that `start` left running

# PostgreSQL refuses to run as root.
as_owner() {
    if [ "$(id -u)" = 0 ]; then (cd / && runuser -u postgres -- "$@"); else "$@"; fi
}

# start: sets `dir` and `url`.
start() {
    local bin password port
    bin=$(postgres_bin)
    [ -n "$bin" ] || { scripts/tools.sh test && bin=$(postgres_bin); }

    # In /tmp whatever TMPDIR says: a socket's path must stay short, and its owner must be able to get there.
    dir=$(mktemp -d /tmp/meridian-postgres.XXXXXX)
    password=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
    printf '%s' "$password" >"$dir/password"
    if [ "$(id -u)" = 0 ]; then chown -R postgres "$dir"; fi
    # The password as it is, which never leaves this machine: SCRAM's rounds of hashing are slow in a debug build.
    as_owner "$bin/initdb" --pgdata "$dir/data" --username meridian --pwfile "$dir/password" \
        --auth password --encoding UTF8 --locale C --no-sync >"$dir/initdb.log" 2>&1 ||
        { cat "$dir/initdb.log" >&2 && die "initdb failed"; }

    # Nothing here must survive a crash, so nothing waits for the disk.
    local settings="-c listen_addresses=127.0.0.1 -c unix_socket_directories=$dir -c max_connections=200
        -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c timezone=UTC"
    # Below the range from which the system takes outgoing ports; a port in use means another try.
    for _ in 1 2 3 4 5 6 7 8; do
        port=$((20000 + RANDOM % 12000))
        if as_owner "$bin/pg_ctl" start --silent --wait --pgdata "$dir/data" --log "$dir/server.log" \
            --options "-p $port ${settings//$'\n'/ }" >/dev/null 2>&1; then
            url=postgres://meridian:$password@127.0.0.1:$port/postgres
            return
        fi
    done
    tail -n 20 "$dir/server.log" >&2
    die "PostgreSQL does not start"
}

# stop DIR
stop() {
    as_owner "$(postgres_bin)/pg_ctl" stop --silent --mode immediate --pgdata "$1/data" >/dev/null 2>&1 || true
    rm -rf "$1"
}

run() {
    local child status=0
    start
    trap 'stop "$dir"' EXIT
    say "Throw-away PostgreSQL on port $(sed -n 4p "$dir/data/postmaster.pid")"
    export MERIDIAN_TEST_POSTGRES=$url
    # In a process group of its own, so that a signal reaches everything that the command started.
    set -m
    "$@" </dev/null &
    child=$!
    set +m
    trap 'kill -TERM -- "-$child" 2>/dev/null || true' INT TERM HUP
    wait "$child" || status=$?
    # A signal ends the first wait early.
    if kill -0 "$child" 2>/dev/null; then wait "$child" || status=$?; fi
    exit "$status"
}

case ${1:-} in
run)
    shift
    run "$@"
    ;;
start)
    if [ -f "$remembered" ]; then
        read -r dir url <"$remembered"
        if [ -f "$dir/data/postmaster.pid" ]; then
            printf '%s\n' "$url"
            exit
        fi
    fi
    start
    mkdir -p target
    printf '%s %s\n' "$dir" "$url" >"$remembered"
    printf '%s\n' "$url"
    ;;
stop)
    if [ -f "$remembered" ]; then
        read -r dir url <"$remembered"
        stop "$dir"
        rm -f "$remembered"
    fi
    ;;
*) die "usage: scripts/postgres.sh run COMMAND… | start | stop" ;;
esac
