"""What Graph answers when it refuses."""


class GraphError(Exception):
    def __init__(self, status, code, message, headers=None, violation=False):
        super().__init__(message)
        self.status, self.code, self.message = status, code, message
        self.headers = headers or {}
        # A request that breaks the protocol is recorded; one that merely fails (not found, precondition) is not.
        self.violation = violation


def invalid(message, code="ErrorInvalidRequest"):
    return GraphError(400, code, message, violation=True)


def not_found():
    return GraphError(404, "ErrorItemNotFound", "The specified object was not found in the store.")
