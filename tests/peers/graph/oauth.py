"""The Microsoft identity platform, version 2.0: /{tenant}/oauth2/v2.0/authorize and /token. It consents at once."""

import base64
import datetime
import hashlib
import json
import secrets
import urllib.parse
import uuid

from graph.store import now

KNOWN = {
    "openid", "profile", "email", "offline_access", "user.read", "calendars.read", "calendars.readwrite", "calendars.readbasic",
    "calendars.read.shared", "calendars.readwrite.shared", "mailboxsettings.read",
}  # fmt: skip
# Those that an answer of the token endpoint does not repeat.
UNSPOKEN = {"offline_access"}
WORDS = {
    70000: "The request was denied because one or more scopes requested are unauthorized or expired.",
    70008: "The provided authorization code or refresh token has expired due to inactivity. Send a new interactive authorization request.",
    54005: "OAuth2 Authorization code was already redeemed, please retry with a new valid code or use an existing refresh token.",
    500112: "The reply address does not match the reply address provided when requesting Authorization code.",
    501481: "The Code_Verifier does not match the code_challenge supplied in the authorization request.",
    9002313: "Invalid request. Request is malformed or invalid.",
    7000215: "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value.",
    700016: "Application was not found in the directory.",
    700082: "The refresh token has expired due to inactivity.",
    50173: "The provided grant has expired due to it being revoked, a fresh auth token is needed.",
    50076: "Due to a configuration change made by your administrator, you must use multi-factor authentication to access the resource.",
    50011: "The redirect URI specified in the request does not match the redirect URIs configured for the application.",
    65004: "User declined to consent to access the app.",
    70011: "The provided value for the input parameter 'scope' isn't valid.",
}


def fault(status, error, code):
    return status, {}, {
        "error": error,
        "error_description": f"AADSTS{code}: {WORDS.get(code, 'Failed.')} Trace ID: {uuid.uuid4()} Correlation ID: {uuid.uuid4()}",
        "error_codes": [code],
        "timestamp": now().strftime("%Y-%m-%d %H:%M:%SZ"),
        "trace_id": str(uuid.uuid4()),
        "correlation_id": str(uuid.uuid4()),
        "error_uri": f"https://login.microsoftonline.com/error?code={code}",
    }  # fmt: skip


def bare(scope):
    return scope.removeprefix("https://graph.microsoft.com/")


class OAuth:
    def __init__(self, store, client, secret):
        self.store, self.client, self.secret = store, client, secret
        self.codes = {}
        # refresh token → (account, scopes)
        self.refresh = {}

    def authorize(self, query, violation):
        """A GET; → (status, headers, body). A mismatch of the redirect is a page, never a redirect."""
        given = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
        redirect = given.get("redirect_uri", "")
        allowed = self.store.options["redirect_uris"]
        page = lambda code: (400, {"Content-Type": "text/html; charset=utf-8"}, f"<p>AADSTS{code}: {WORDS[code]}</p>".encode())
        if given.get("client_id") != self.client:
            return page(700016)
        if not redirect or (allowed is not None and redirect not in allowed):
            return page(50011)

        def back(**values):
            joint = "&" if "?" in redirect else "?"
            if "state" in given:
                values["state"] = given["state"]
            return 302, {"Location": redirect + joint + urllib.parse.urlencode(values)}, b""

        scopes = given.get("scope", "").split()
        if given.get("response_type") != "code" or not scopes:
            violation("authorize: response_type is code, and scope is needed")
            return back(error="invalid_request", error_description=f"AADSTS9002313: {WORDS[9002313]}")
        if given.get("response_mode", "query") != "query":
            violation("authorize: response_mode other than query")
        unknown = [scope for scope in scopes if bare(scope).lower() not in KNOWN]
        if unknown:
            violation(f"authorize: no such scope: {unknown}")
            return back(error="invalid_scope", error_description=f"AADSTS70011: {WORDS[70011]}")
        if given.get("code_challenge_method", "S256") != "S256":
            violation("authorize: the code challenge is not S256")
        if self.store.options["consent"] == "deny":
            return back(error="access_denied", error_subcode="cancel", error_description=f"AADSTS65004: {WORDS[65004]}")
        who = self.store.options["account"] or given.get("login_hint")
        account = self.store.accounts.get((who or "").lower()) or next(iter(self.store.accounts.values()), None)
        if account is None:
            return back(error="access_denied", error_description=f"AADSTS65004: {WORDS[65004]}")
        granted = self.store.options["granted_scopes"]
        if granted is not None:
            scopes = [scope for scope in scopes if bare(scope).lower() in {each.lower() for each in granted}]
        code = "0.A" + secrets.token_urlsafe(48)
        self.codes[code] = (account, scopes, redirect, given.get("code_challenge"), now() + datetime.timedelta(minutes=10))
        return back(code=code, session_state=str(uuid.uuid4()))

    def token(self, body, authorization, violation):
        given = dict(urllib.parse.parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
        client, secret = given.get("client_id"), given.get("client_secret")
        if authorization.startswith("Basic "):
            pair = base64.b64decode(authorization[6:]).decode()
            client, _, secret = (urllib.parse.unquote_plus(part) for part in pair.partition(":"))
        if client != self.client:
            return fault(400, "unauthorized_client", 700016)
        if secret != self.secret:
            return fault(401, "invalid_client", 7000215)
        grant = given.get("grant_type")
        if grant == "authorization_code":
            return self.redeem(given)
        if grant == "refresh_token":
            return self.again(given)
        violation(f"token: grant_type {grant!r}")
        return fault(400, "unsupported_grant_type", 9002313)

    def redeem(self, given):
        held = self.codes.get(given.get("code", ""))
        if held is None:
            return fault(400, "invalid_grant", 9002313)
        account, scopes, redirect, challenge, until = held
        if until is None:
            return fault(400, "invalid_grant", 54005)
        if until < now():
            return fault(400, "invalid_grant", 70008)
        if given.get("redirect_uri") != redirect:
            return fault(400, "invalid_grant", 500112)
        if challenge is not None:
            verifier = given.get("code_verifier", "")
            made = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
            if made != challenge or not 43 <= len(verifier) <= 128:
                return fault(400, "invalid_grant", 501481)
        self.codes[given["code"]] = (account, scopes, redirect, challenge, None)
        return self.issue(account, scopes)

    def again(self, given):
        old = given.get("refresh_token", "")
        held = self.refresh.get(old)
        if held is None:
            return fault(400, "invalid_grant", self.store.options["invalid_grant"])
        account, scopes = held
        wanted = given.get("scope", "").split()
        if wanted:
            have = {bare(scope).lower() for scope in scopes}
            scopes = [scope for scope in wanted if bare(scope).lower() in have]
            if len(scopes) < len(wanted):
                return fault(400, "invalid_grant", 70000)
        rotate = self.store.options["rotate_refresh_tokens"]
        if rotate and self.store.options["old_refresh_tokens"] != "valid":
            del self.refresh[old]
        return self.issue(account, scopes, None if rotate else old)

    def issue(self, account, scopes, keep=None):
        seconds = self.store.options["expires_in"]
        names = [bare(scope) for scope in scopes]
        lower = {name.lower() for name in names}
        answer = {
            "token_type": "Bearer",
            "scope": " ".join(name for name in names if name.lower() not in UNSPOKEN),
            "expires_in": seconds,
            "ext_expires_in": seconds,
            "access_token": self.store.token(account, lower, self.client, seconds),
        }
        if "offline_access" in lower:
            answer["refresh_token"] = keep or "1.AX" + secrets.token_urlsafe(96)
            self.refresh[answer["refresh_token"]] = (account, scopes)
        if "openid" in lower:
            part = lambda value: base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")
            claims = {
                "sub": account.id,
                "oid": account.id,
                "preferred_username": account.email,
                "name": account.name,
                "ver": "2.0",
            }
            answer["id_token"] = part({"alg": "none"}) + "." + part(claims) + "."
        return 200, {"Cache-Control": "no-store"}, answer
