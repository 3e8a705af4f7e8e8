"""What schemathesis cannot know from the OpenAPI document."""

import itertools
import re
from typing import Any

import schemathesis

# The two whose tokens are used.
ADMIN, USER = "1056", "1017"
# A user of the document's examples, whom the demo has not.
EXAMPLE = "1234"
# How many of these the demo has.
FEW = {"groups": 2, "group-members": 16}

# A request that the document allows is refused with these for what OpenAPI has no words for. Any other refusal of such
# a request is a failure, and so is an answer of a status or form that the document does not tell of.
UNSAYABLE = {
    # Both names of a parameter.
    "duplicate-parameter",
    # A cursor is opaque: only one that the service gave will do.
    "invalid-cursor",
    # RFC 9110 §13: `If-Match` with another tag than that of the stored row.
    "precondition-failed",
    # An `Idempotency-Key` stands for one request.
    "idempotency-key-reused",
    # More than 8 KiB of URI can be made of legal values.
    "uri-too-long",
    # What the rows say: a type is registered or not, a user is not its own target.
    "unknown-relationship-type",
    "self-relationship",
}
# Beside a cursor an offset or limit is an `invalid-parameter`, and so is an offset beyond the setting `MAX_OFFSET`.
OFFSETS = {"offset", "page[offset]", "limit", "page[limit]"}

ID = re.compile(r"[1-9][0-9]*")
TYPE_NAME = re.compile(r"[a-z][a-z0-9-]{0,50}")
EMAIL = re.compile(r"[^@]{1,50}@[a-z0-9.-]{1,100}")
KEY = re.compile(r"[!-~]{1,255}")
serial = itertools.count(1)


@schemathesis.hook
def filter_failure(
    context: schemathesis.HookContext, failure: Any, case: schemathesis.Case, response: schemathesis.Response
) -> bool:
    """Keeps every failure but those that `UNSAYABLE` explains."""
    # The document allows the request, and it was refused.
    if failure.code != "ST202":
        return True
    # What an operation must have depends on its `op`; the document says what all of them may have.
    if case.path == "/api/v2/operations":
        return False
    # What a form takes stands in its configuration, and the document describes the envelope alone.
    if not case.path.startswith("/api/v2/"):
        return False
    return not all(is_unsayable(error) for error in response.json()["errors"])


def is_unsayable(error: dict[str, Any]) -> bool:
    at_offset = error.get("source", {}).get("parameter") in OFFSETS
    return error["code"] in UNSAYABLE or (error["code"] == "invalid-parameter" and at_offset)


@schemathesis.hook
def before_call(context: schemathesis.HookContext, case: schemathesis.Case, kwargs: dict[str, Any]) -> None:
    """Puts legal values for legal values, so that most requests get further than a 404 or 409."""
    method, data = case.method.upper(), member(case.body, "data")
    aim(case.body)
    if "id" in case.path_parameters:
        kind = "users" if "/users/" in case.path else case.path.split("/")[3]
        case.path_parameters["id"] = existing(kind, case.path_parameters["id"], method)
        # A change names in its body what its path names.
        if method == "PATCH" and (is_legal(ID, member(data, "id")) or is_legal(TYPE_NAME, member(data, "id"))):
            data["id"] = case.path_parameters["id"]
    elif method == "PATCH" and is_legal(ID, member(data, "id")):
        data["id"] = USER
    elif method == "POST":
        # What must be unique is.
        attributes = member(data, "attributes")
        if is_legal(EMAIL, member(attributes, "email")):
            attributes["email"] = f"n{next(serial)}.{attributes['email']}"
        if member(data, "type") == "relationship-types" and is_legal(TYPE_NAME, member(data, "id")):
            data["id"] += f"-{next(serial)}"
    for name, value in case.headers.items():
        if name.lower() == "idempotency-key" and is_legal(KEY, value):
            case.headers[name] = f"key-{next(serial)}"
        elif name.lower() == "if-match" and next(serial) % 4:
            # Whatever stands there is the tag of no row; one in four keeps it, and gets its 412.
            case.headers[name] = "*"


def existing(kind: str, given: Any, method: str) -> Any:
    """For a legal id that names nothing in the demo one that does, always the same; else what is given."""
    if not is_legal(ID, given):
        return given
    number = int(given)
    if kind == "users":
        # The tokens keep their users and these their rights, and the first thirty, whom `aim` needs, stay.
        if given in {ADMIN, USER} and method in {"PATCH", "DELETE"} or method == "DELETE" and number < 1030:
            return str(1030 + number % 10)
        if given == EXAMPLE or not 1000 <= number < 2000:
            return str(1000 + number % 10)
    if kind == "user-relationships" and number > 1000:
        return str(1 + number % 140)
    if kind in FEW:
        return str(1 + number % FEW[kind])
    return given


def aim(value: Any) -> None:
    """Has every user that a body names be one of the first thirty, by turns."""
    if isinstance(value, dict):
        if value.get("type") == "users" and is_legal(ID, value.get("id")):
            value["id"] = str(1000 + next(serial) % 30)
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            aim(item)


def member(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def is_legal(pattern: re.Pattern[str], value: Any) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None
