"""Faults on demand, and at random."""

import json
import random
import re

# What a fault may be named by instead of being written out: status, reason, message.
NAMED = {
    "rateLimitExceeded": (403, "usageLimits", "Rate Limit Exceeded"),
    "userRateLimitExceeded": (403, "usageLimits", "User Rate Limit Exceeded"),
    "quotaExceeded": (403, "usageLimits", "Quota exceeded."),
    "calendarUsageLimitsExceeded": (403, "usageLimits", "Calendar usage limits exceeded."),
    "dailyLimitExceeded": (403, "usageLimits", "Daily Limit Exceeded"),
    "forbidden": (403, "global", "Forbidden"),
    "forbiddenForNonOrganizer": (
        403,
        "calendar",
        "Shared properties can only be changed by the organizer of the event.",
    ),
    "insufficientPermissions": (403, "global", "Request had insufficient authentication scopes."),
    "accessNotConfigured": (403, "usageLimits", "Google Calendar API has not been used in project 0 before."),
    "authError": (401, "global", "Invalid Credentials"),
    "notFound": (404, "global", "Not Found"),
    "duplicate": (409, "global", "The requested identifier already exists."),
    "conflict": (409, "global", "Conflict"),
    "deleted": (410, "global", "Resource has been deleted"),
    "fullSyncRequired": (410, "calendar", "Sync token is no longer valid, a full sync is required."),
    "updatedMinTooLongAgo": (
        410,
        "calendar",
        "The requested minimum modification time lies too far in the past.",
    ),
    "conditionNotMet": (412, "global", "Precondition Failed"),
    "tooManyRequests": (429, "usageLimits", "Too many requests."),
    "backendError": (503, "global", "Backend Error"),
    "internalError": (500, "global", "Internal Error"),
}


def named(reason, headers=None):
    """A fault in Google's form."""
    status, domain, message = NAMED[reason]
    reason = "rateLimitExceeded" if reason == "tooManyRequests" else reason
    error = {"errors": [{"domain": domain, "reason": reason, "message": message}], "code": status, "message": message}
    return {"status": status, "body": {"error": error}, "headers": headers or {}}


class Faults:
    def __init__(self):
        self.planned = []
        self.rate, self.random, self.wait = 0, random.Random(0), 1

    def plan(self, given):
        """One planned fault; see google.py. Raises KeyError or ValueError when it is not one."""
        known = {"method", "path", "times", "skip", "status", "body", "headers", "delay_ms", "cut", "reason"}
        if unknown := given.keys() - known:
            raise ValueError(f"unknown: {sorted(unknown)}")
        fault = {"times": 1, "skip": 0, "headers": {}} | given
        if "reason" in given:
            fault |= named(given["reason"], given.get("headers")) | {
                key: given[key] for key in ("status", "body") if key in given
            }
        if fault.get("cut") not in (None, "before", "after"):
            raise ValueError("cut is before or after")
        fault["pattern"] = re.compile(fault.get("path", ""))
        self.planned.append(fault)

    def chaos(self, rate, seed, wait=1):
        self.rate, self.random, self.wait = rate, random.Random(seed), wait

    def meet(self, method, target):
        """What this request meets, or None."""
        path = target.partition("?")[0]
        for fault in self.planned:
            if fault["times"] <= 0 or fault.get("method", method).upper() != method:
                continue
            if not (fault["pattern"].search(path) or fault["pattern"].search(target)):
                continue
            if fault["skip"] > 0:
                fault["skip"] -= 1
                continue
            fault["times"] -= 1
            return fault
        if self.rate and not path.startswith("/o/") and self.random.random() < self.rate:
            wait = {"Retry-After": str(self.wait)}
            return self.random.choice(
                [
                    named("tooManyRequests", wait),
                    named("rateLimitExceeded"),
                    named("backendError"),
                    named("internalError"),
                    {"cut": "before"},
                    {"cut": "after"},
                ]
            )
        return None

    @staticmethod
    def body(fault):
        body = fault.get("body", "")
        if isinstance(body, (dict, list)):
            return json.dumps(body).encode(), "application/json; charset=UTF-8"
        return str(body).encode(), "text/html; charset=UTF-8"
