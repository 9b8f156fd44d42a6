"""Google's OAuth 2.0 endpoints: consent at once, codes that work once, refresh tokens on the first consent only."""

import base64
import hashlib
import html
import re
import time
from urllib.parse import parse_qs, unquote_plus, urlencode, urlsplit

from .store import Token

PREFIX = "https://www.googleapis.com/auth/"
OTHER_SCOPES = {"openid", "email", "profile", f"{PREFIX}userinfo.email", f"{PREFIX}userinfo.profile"}


class Denied(Exception):
    """An error of the token endpoint, in the form of RFC 6749 5.2."""

    def __init__(self, error, description, status=400):
        super().__init__(error)
        self.status = status
        self.body = {"error": error, "error_description": description}


class OAuth:
    def __init__(self, store):
        self.store = store

    def authorize(self, query):
        """The page where a person consents. Returns status, headers and body."""
        given = {key: values[0] for key, values in parse_qs(query, keep_blank_values=True).items()}
        options = self.store.options
        redirect = given.get("redirect_uri", "")
        fault = None
        if given.get("response_type") != "code":
            fault = "Error 400: invalid_request", "Required parameter is missing: response_type"
        elif not given.get("client_id") or options["client_id"] not in (None, given["client_id"]):
            fault = "Error 401: invalid_client", "The OAuth client was not found."
        elif not redirect or (options["redirect_uris"] is not None and redirect not in options["redirect_uris"]):
            fault = "Error 400: redirect_uri_mismatch", f"redirect_uri: {redirect}"
        elif not given.get("scope"):
            fault = "Error 400: invalid_request", "Missing required parameter: scope"
        scopes = given.get("scope", "").split()
        unknown = [scope for scope in scopes if scope not in self.store.interface.scopes | OTHER_SCOPES]
        if fault is None and unknown:
            fault = "Error 400: invalid_scope", f"Some requested scopes were invalid: {unknown}"
        method = given.get("code_challenge_method", "plain")
        if fault is None and "code_challenge" in given and method not in ("S256", "plain"):
            fault = "Error 400: invalid_request", "Invalid code_challenge_method"
        if fault:
            # Nobody is sent anywhere by a request that may be forged.
            self.store.violation("request", "GET", "/o/oauth2/v2/auth", f"{fault[0]}: {fault[1]}")
            page = f"<!doctype html><title>{html.escape(fault[0])}</title><p>{html.escape(fault[1])}"
            return 400, {"Content-Type": "text/html; charset=utf-8"}, page.encode()
        answer = {"state": given["state"]} if "state" in given else {}
        account = self.chosen(given)
        if options["consent"] == "deny" or account is None:
            answer["error"] = "access_denied"
        else:
            granted = scopes if options["granted_scopes"] is None else options["granted_scopes"]
            if given.get("include_granted_scopes") == "true" and options["granted_scopes"] is None:
                before = self.store.granted.get((account.email, given["client_id"]), set())
                granted = [*granted, *sorted(before - set(granted))]
            code = f"4/0A{self.store.word(60)}"
            first = (account.email, given["client_id"]) not in self.store.consents
            offline = given.get("access_type") == "offline" and (first or "consent" in given.get("prompt", "").split())
            self.store.consents.add((account.email, given["client_id"]))
            self.store.granted[account.email, given["client_id"]] = set(granted)
            challenge = given.get("code_challenge"), method
            self.store.codes[code] = {
                "account": account.email,
                "scopes": list(granted),
                "client": given["client_id"],
                "redirect": redirect,
                "challenge": challenge if challenge[0] else None,
                "offline": offline,
                "expires": time.time() + 600,
                "tokens": None,
            }
            answer |= {"code": code, "scope": " ".join(granted), "authuser": "0", "prompt": "consent"}
        there = redirect + ("&" if urlsplit(redirect).query else "?") + urlencode(answer)
        return 302, {"Location": there, "Content-Type": "text/html; charset=utf-8"}, b""

    def chosen(self, given):
        """Which account consents: the one set by a test, the one hinted at, or the first."""
        accounts = self.store.accounts
        wanted = self.store.options["consent_account"] or given.get("login_hint")
        return accounts.get(wanted.lower()) if wanted else next(iter(accounts.values()), None)

    def form(self, body, kind):
        if kind.split(";")[0].strip() != "application/x-www-form-urlencoded":
            raise Denied("invalid_request", "The body is not a form.")
        found = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)
        if any(len(values) > 1 for values in found.values()):
            raise Denied("invalid_request", "A parameter is given twice.")
        return {key: values[0] for key, values in found.items()}

    def client(self, form, authorization):
        """The client's id and secret, in the form or by HTTP Basic."""
        id, secret = form.get("client_id"), form.get("client_secret")
        if basic := re.fullmatch(r"Basic (\S+)", authorization or ""):
            id, _, secret = (unquote_plus(part) for part in base64.b64decode(basic[1]).decode().partition(":"))
        options = self.store.options
        known = options["client_id"] in (None, id) and options["client_secret"] in (None, secret)
        if not id or not secret or not known:
            raise Denied("invalid_client", "Unauthorized" if id and secret else "The client is missing.", 401)
        return id

    def token(self, body, kind, authorization):
        form = self.form(body, kind)
        client = self.client(form, authorization)
        grant = form.get("grant_type")
        if grant == "authorization_code":
            return self.by_code(form, client)
        if grant == "refresh_token":
            return self.by_refresh(form, client)
        raise Denied("unsupported_grant_type", f"Invalid grant_type: {grant}")

    def by_code(self, form, client):
        code = self.store.codes.get(form.get("code"))
        if code is None or code["client"] != client or time.time() > code["expires"]:
            raise Denied("invalid_grant", "Malformed auth code.")
        if code["tokens"] is not None:
            # A code that comes twice was stolen: what it gave is void.
            for token in code["tokens"]:
                token.revoked = True
            raise Denied("invalid_grant", "Bad Request")
        if form.get("redirect_uri") != code["redirect"]:
            raise Denied("redirect_uri_mismatch", "Bad Request")
        if code["challenge"]:
            challenge, method = code["challenge"]
            verifier = form.get("code_verifier")
            if not verifier:
                raise Denied("invalid_grant", "Missing code verifier.")
            digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
            if challenge != (digest if method == "S256" else verifier):
                raise Denied("invalid_grant", "Invalid code verifier.")
        elif "code_verifier" in form:
            raise Denied("invalid_grant", "code_verifier or verifier is not needed.")
        refresh = None
        if code["offline"]:
            refresh = self.new_refresh(code["account"], code["scopes"], client)
        token, answer = self.access(code["account"], code["scopes"], refresh)
        code["tokens"] = [token] + ([self.store.refresh_tokens[refresh]] if refresh else [])
        return answer | ({"refresh_token": refresh} if refresh else {})

    def new_refresh(self, email, scopes, client):
        text = f"1//0{self.store.word(80)}"
        token = self.store.refresh_tokens[text] = Token(email, set(scopes), None)
        token.client = client
        return text

    def by_refresh(self, form, client):
        text = form.get("refresh_token")
        found = self.store.refresh_tokens.get(text)
        if found is None or found.revoked or found.client != client:
            raise Denied("invalid_grant", "Token has been expired or revoked.")
        wanted = form["scope"].split() if form.get("scope") else sorted(found.scopes)
        if set(wanted) - found.scopes:
            raise Denied("invalid_scope", "Some requested scopes were not granted.")
        extra = {}
        if self.store.options["rotate_refresh_tokens"]:
            found.revoked = True
            text = extra["refresh_token"] = self.new_refresh(found.account, found.scopes, client)
        return self.access(found.account, wanted, text)[1] | extra

    def access(self, email, scopes, refresh):
        seconds = self.store.options["access_token_seconds"]
        text = f"ya29.{self.store.word(100)}"
        token = self.store.tokens[text] = Token(email, set(scopes), time.time() + seconds, refresh)
        answer = {"access_token": text, "expires_in": seconds, "scope": " ".join(scopes), "token_type": "Bearer"}
        return token, answer

    def revoke(self, body, kind, query):
        form = self.form(body, kind) if body else {}
        text = form.get("token") or parse_qs(query).get("token", [""])[0]
        refresh = text
        if text in self.store.tokens and not self.store.tokens[text].revoked:
            refresh = self.store.tokens[text].refresh
            self.store.tokens[text].revoked = True
        elif text not in self.store.refresh_tokens or self.store.refresh_tokens[text].revoked:
            raise Denied("invalid_token", "Token expired or revoked")
        if refresh in self.store.refresh_tokens:
            gone = self.store.refresh_tokens[refresh]
            gone.revoked = True
            self.store.consents.discard((gone.account, gone.client))
            self.store.granted.pop((gone.account, gone.client), None)
        for token in self.store.tokens.values():
            if token.refresh == refresh and refresh is not None:
                token.revoked = True
        return {}

    def expire(self, tokens, refresh_tokens, email):
        """Makes tokens void; those of accounts' makers (without end) stay."""
        for token in self.store.tokens.values():
            if tokens and token.expires != float("inf") and email in (None, token.account):
                token.expires = 0
        for token in self.store.refresh_tokens.values():
            if refresh_tokens and email in (None, token.account):
                token.revoked = True
