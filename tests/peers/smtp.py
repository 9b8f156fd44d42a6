"""A mail server for tests: aiosmtpd, which keeps each mail as a file, and misbehaves when a recipient asks for it.

Usage: smtp.py DIR [--port N] [--auth USER:PASSWORD] [--starttls | --tls] [--no-utf8]

The first line of output is the port. It ends with its standard input, so that it never outlives the test.

DIR gets, for the n-th mail, `n.eml` (its bytes) and before that `n.json` (envelope: from, to, options, connection, tls, user). With
TLS it also gets `ca.pem`, the authority that signed its certificate for `localhost`.

By the beginning of the recipient's local part:
  refuse-    550 for this recipient
  policy-    554 after the mail was given
  later-     451 for this recipient the first time; later-3- the first three times
  hang-      no answer, ever
  hangmail-  no answer after the mail was given
  drop-      the first mail: the connection is closed instead of an answer, and the mail is lost
  kept-      the first mail: the same, but the mail was kept
  slow-      the answer after the mail takes two seconds

If DIR has a file `answer` (such as `451 4.3.0 Not now`), its text is the answer to every MAIL command.
"""

import argparse
import asyncio
import json
import logging
import os
import pathlib
import re
import ssl
import sys
import warnings

import trustme
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword


class Keeper:
    def __init__(self, folder):
        self.folder = folder
        self.kept = 0
        self.seen = {}

    def first_times(self, address, times=1):
        """Is this one of the first times that this address is met?"""
        self.seen[address] = self.seen.get(address, 0) + 1
        return self.seen[address] <= times

    async def handle_MAIL(self, server, session, envelope, address, options):
        answer = self.folder / "answer"
        if answer.exists():
            return answer.read_text().strip()
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        local = address.partition("@")[0]
        if local.startswith("refuse-"):
            return "550 5.1.1 There is nobody of that name here"
        if local.startswith("hang-"):
            await asyncio.sleep(3600)
        if match := re.match(r"later-(?:(\d+)-)?", local):
            if self.first_times(address, int(match[1] or 1)):
                return "451 4.3.2 Please come back later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        locals_ = [address.partition("@")[0] for address in envelope.rcpt_tos]
        begins = lambda word: any(local.startswith(word) for local in locals_)
        if begins("policy-"):
            return "554 5.7.1 We do not want this"
        if begins("hangmail-"):
            await asyncio.sleep(3600)
        if begins("slow-"):
            await asyncio.sleep(2)
        first = (begins("drop-") or begins("kept-")) and self.first_times(envelope.rcpt_tos[0])
        if not (first and begins("drop-")):
            self.keep(server, session, envelope)
        if first:
            server.transport.abort()
        return "250 2.0.0 Kept"

    def keep(self, server, session, envelope):
        self.kept += 1
        about = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "options": envelope.mail_options,
            "connection": session.peer[1],
            "tls": server.transport.get_extra_info("ssl_object") is not None,
            "user": session.auth_data.login.decode() if session.auth_data else None,
        }
        name = f"{self.kept:06}"
        (self.folder / f"{name}.json").write_text(json.dumps(about))
        part = self.folder / f"{name}.part"
        part.write_bytes(envelope.original_content)
        part.rename(self.folder / f"{name}.eml")


def authenticator(expected):
    def check(server, session, envelope, mechanism, data):
        known = isinstance(data, LoginPassword) and f"{data.login.decode()}:{data.password.decode()}" == expected
        return AuthResult(success=known, handled=False, auth_data=data if known else None)

    return check


def certificate(folder):
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    return context


async def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("folder", type=pathlib.Path)
    arguments.add_argument("--port", type=int, default=0)
    arguments.add_argument("--auth")
    arguments.add_argument("--starttls", action="store_true")
    arguments.add_argument("--tls", action="store_true")
    arguments.add_argument("--no-utf8", action="store_true")
    given = arguments.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    context = certificate(given.folder) if given.tls or given.starttls else None
    keeper = Keeper(given.folder)

    def factory():
        return SMTP(
            keeper,
            hostname="peer.example",
            enable_SMTPUTF8=not given.no_utf8,
            tls_context=context if given.starttls else None,
            require_starttls=given.starttls,
            auth_required=given.auth is not None,
            auth_require_tls=given.starttls,
            authenticator=authenticator(given.auth) if given.auth else None,
        )

    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        factory, "127.0.0.1", given.port, ssl=context if given.tls else None
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    # It warns of its own deprecated parts, and of passwords without TLS, which is what some tests are about.
    warnings.simplefilter("ignore")
    logging.getLogger("mail.log").setLevel(logging.ERROR)
    asyncio.new_event_loop().run_until_complete(main())
    # Recipients that hang leave tasks behind, which a tidy end would wait for.
    os._exit(0)
