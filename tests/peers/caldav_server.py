"""A CalDAV server for tests: Radicale or Xandikos, as they are, on a free port.

Usage: caldav_server.py radicale|xandikos DIR

The first line of output is the port. It ends with its standard input, so that it never outlives the test. DIR keeps the
calendars; its file `log` has what the server says of its requests. Radicale lets `rosa` and `leo` in, with the password
`secret`; Xandikos asks nobody for a password and serves one user, at /rosa/.
"""

import argparse
import asyncio
import contextlib
import logging
import os
import pathlib
import socket
import sys
import threading


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


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("server", choices=["radicale", "xandikos"])
    arguments.add_argument("folder", type=pathlib.Path)
    given = arguments.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    with open(given.folder / "log", "w") as log, contextlib.redirect_stderr(log):
        logging.basicConfig(stream=log)
        {"radicale": radicale, "xandikos": xandikos}[given.server](given.folder)


if __name__ == "__main__":
    main()
