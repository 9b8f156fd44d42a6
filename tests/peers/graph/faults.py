"""Answers that go wrong on purpose: one by one as a test orders them, or by chance from a seed."""

import email.utils
import random
import re
import time


class Fault:
    def __init__(self, given):
        self.method = given.get("method")
        self.path = re.compile(given.get("path") or "")
        self.times = given.get("times", 1)
        self.skip = given.get("skip", 0)
        self.status = given.get("status")
        self.body = given.get("body")
        self.headers = given.get("headers") or {}
        self.delay = (given.get("delay_ms") or 0) / 1000
        self.cut = given.get("cut")


def refusal(status, retry=None, date=False):
    codes = {
        429: "ApplicationThrottled",
        500: "InternalServerError",
        503: "ServiceUnavailable",
        401: "InvalidAuthenticationToken",
    }
    headers = {}
    if retry is not None:
        headers["Retry-After"] = email.utils.formatdate(time.time() + retry, usegmt=True) if date else str(retry)
    fault = Fault({"status": status, "headers": headers})
    fault.body = {"error": {"code": codes.get(status, "UnknownError"), "message": "Made on purpose."}}
    return fault


class Faults:
    def __init__(self):
        self.ordered = []
        self.rate, self.chance = 0, random.Random(0)

    def chaos(self, rate, seed):
        self.rate, self.chance = rate, random.Random(seed)

    def meet(self, method, target):
        """The fault that this request meets, or None."""
        for fault in self.ordered:
            if fault.method not in (None, method) or not fault.path.search(target):
                continue
            if fault.skip > 0:
                fault.skip -= 1
                continue
            fault.times -= 1
            if fault.times <= 0:
                self.ordered.remove(fault)
            return fault
        if self.rate and self.chance.random() < self.rate:
            way = self.chance.choice(["seconds", "date", "500", "503", "before", "after"])
            if way in ("seconds", "date"):
                return refusal(429, 1, way == "date")
            return Fault({"cut": way}) if way in ("before", "after") else refusal(int(way))
        return None
