"""A CalDAV server for tests: Radicale, Xandikos or Cyrus, as they are, on a free port.

Usage: caldav_server.py radicale|xandikos|cyrus DIR

The first line of output is the port. It ends with its standard input, so that it never outlives the test. DIR keeps the
calendars; its file `log` has what the server says of its requests. Radicale lets `rosa` and `leo` in, with the password
`secret`; Xandikos asks nobody for a password and serves one user, at /rosa/; Cyrus
takes every password. Cyrus is not installed but unpacked: its folder is in MERIDIAN_TEST_CYRUS, see cyrus.sh.
"""

import argparse
import asyncio
import contextlib
import imaplib
import logging
import os
import pathlib
import pwd
import signal
import socket
import subprocess
import sys
import threading
import time


def when_input_ends(then):
    def wait():
        sys.stdin.read()
        then()

    threading.Thread(target=wait, daemon=True).start()


def radicale(folder):
    from radicale import config, server

    class Telling(server.ParallelHTTPServer):
        # Its settings take no port 0, for any that is free.
        def __init__(self, configuration, family, address, handler):
            super().__init__(configuration, family, (address[0], 0), handler)
            print(self.socket.getsockname()[1], flush=True)

    server.ParallelHTTPServer = Telling
    users = folder / "users"
    users.write_text("rosa:secret\nleo:secret\n")
    configuration = config.load()
    configuration.update(
        {
            "server": {"hosts": "127.0.0.1:5232"},
            "auth": {"type": "htpasswd", "htpasswd_filename": str(users), "htpasswd_encryption": "plain", "delay": "0"},
            "storage": {"filesystem_folder": str(folder / "collections")},
            "logging": {"level": "info"},
        },
        "test",
        privileged=True,
    )
    ours, theirs = socket.socketpair()
    when_input_ends(ours.close)
    server.serve(configuration, theirs)


def xandikos(folder):
    from aiohttp import web as aiohttp_web
    from xandikos import web

    class Telling(aiohttp_web.TCPSite):
        async def start(self):
            await super().start()
            print(self._server.sockets[0].getsockname()[1], flush=True)

    aiohttp_web.TCPSite = Telling
    parser = argparse.ArgumentParser()
    web.add_parser(parser)
    options = parser.parse_args(
        ["--directory", str(folder / "collections"), "--listen-address", "127.0.0.1", "--port", "0", "--defaults"]
        + ["--current-user-principal", "/rosa/", "--state-dir", str(folder / "state")]
    )
    options.metrics_port = None
    when_input_ends(lambda: os._exit(0))
    asyncio.run(web.main(options, parser))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def cyrus(folder):
    root = pathlib.Path(os.environ["MERIDIAN_TEST_CYRUS"])
    programs = root / "usr/lib/cyrus/bin"
    # It refuses to work as root.
    user = pwd.getpwnam("nobody") if os.getuid() == 0 else pwd.getpwuid(os.getuid())
    home = folder / "cyrus"
    for name in ["db", "proc", "socket", "log", "msg", "quota", "sieve", "user", "lock", "spool"]:
        (home / name).mkdir(parents=True)
    settings, services = home / "imapd.conf", home / "cyrus.conf"
    http, imap = free_port(), free_port()
    settings.write_text(
        f"configdirectory: {home}\npartition-default: {home}/spool\nproc_path: {home}/proc\n"
        f"mboxname_lockpath: {home}/lock\ncyrus_user: {user.pw_name}\nadmins: admin\nservername: localhost\n"
        "sasl_pwcheck_method: alwaystrue\nsasl_mech_list: PLAIN\nallowplaintext: yes\nhttpmodules: caldav\n"
        "unixhierarchysep: yes\naltnamespace: yes\nautocreate_users: anyone\nautocreate_quota: 0\n"
        "caldav_create_default: yes\n"
    )
    services.write_text(
        f'START {{\n  recover cmd="{programs}/ctl_cyrusdb -C {settings} -r"\n}}\nSERVICES {{\n'
        f'  imap cmd="{programs}/imapd -C {settings}" listen="127.0.0.1:{imap}" prefork=0\n'
        f'  http cmd="{programs}/httpd -C {settings}" listen="127.0.0.1:{http}" prefork=4\n}}\nEVENTS {{\n}}\n'
    )
    if os.getuid() == 0:
        folder.chmod(0o711)
        for path in [home, *home.rglob("*")]:
            os.chown(path, user.pw_uid, user.pw_gid)
    libraries = [str(path) for path in root.glob("**/x86_64-linux-gnu")] + [str(path) for path in root.glob("**/aarch64-linux-gnu")]
    master = subprocess.Popen(
        [programs / "master", "-C", settings, "-M", services, "-p", home / "pid", "-D"],
        stdin=subprocess.DEVNULL,
        env={**os.environ, "LD_LIBRARY_PATH": ":".join(libraries)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        user=user.pw_uid if os.getuid() == 0 else None,
        group=user.pw_gid if os.getuid() == 0 else None,
        extra_groups=[] if os.getuid() == 0 else None,
    )
    # The first login makes the mailbox, which calendars are parts of.
    deadline = time.monotonic() + 30
    while True:
        try:
            with imaplib.IMAP4("127.0.0.1", imap) as client:
                client.login("rosa", "secret")
            break
        except OSError:
            if time.monotonic() > deadline or master.poll() is not None:
                raise
            time.sleep(0.05)
    print(http, flush=True)
    sys.stdin.read()
    master.send_signal(signal.SIGTERM)
    try:
        master.wait(5)
    except subprocess.TimeoutExpired:
        master.kill()


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("server", choices=["radicale", "xandikos", "cyrus"])
    arguments.add_argument("folder", type=pathlib.Path)
    given = arguments.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    with open(given.folder / "log", "w") as log, contextlib.redirect_stderr(log):
        logging.basicConfig(stream=log)
        {"radicale": radicale, "xandikos": xandikos, "cyrus": cyrus}[given.server](given.folder)


if __name__ == "__main__":
    main()
