"""Hooks for what the OpenAPI document cannot express."""

import itertools
import re
from typing import Any

import schemathesis

# The users of the two tokens.
ADMIN, USER = "1056", "1017"
# A user of the examples in the document that the demo does not have.
EXAMPLE = "1234"
# The number of these resources in the demo.
COUNTS = {"groups": 2, "group-members": 16}

# Errors of requests that the document allows, because OpenAPI cannot express the rule. Any other error of such a request
# is a failure, and so is a response with an undocumented status or format.
INEXPRESSIBLE = {
    # A parameter and its alias in one request.
    "duplicate-parameter",
    # Only cursors from the service are valid.
    "invalid-cursor",
    # RFC 9110 §13: `If-Match` with an outdated tag.
    "precondition-failed",
    # An `Idempotency-Key` belongs to one request.
    "idempotency-key-reused",
    # Valid values can exceed 8 KiB of URI.
    "uri-too-long",
    # Depends on stored data: registered types, and users that must differ.
    "unknown-relationship-type",
    "self-relationship",
}
# Offsets, page numbers, cursors and `filter[from]` exclude each other, a page number needs a size, and `MAX_OFFSET` is a setting. The codes
# of such errors, and their parameters.
PAGING_CODES = {"invalid-parameter", "unknown-parameter"}
PAGING = {"offset", "limit", "filter[from]"} | {f"page[{name}]" for name in ("offset", "limit", "number", "size", "after", "before")}
# Roles must be unique, and some rules exclude each other.
OF_TYPES = {f"/data/attributes/{name}" for name in (
    "user-role", "target-role", "is-symmetric", "is-acyclic", "max-per-user",
)}
# `current-password` is needed for the own account only, and must be right; the limit of a password is in bytes.
# Which roles there are depends on the registered types; some parameters need others, or depend on the rules of a type.
OF_ROLES = (
    "there is no relationship or role",
    "needs `max-depth`",
    "needs `transfer-to`",
    "have no direction to follow",
    "is for roles of targets",
    "at most one user has this role",
    "roles; got",
)
# The largest id. A pattern for it would be as long as it is unreadable.
MAX_ID = 2**63 - 1

ID = re.compile(r"[1-9][0-9]*")
TYPE_NAME = re.compile(r"[a-z][a-z0-9-]{0,50}")
EMAIL = re.compile(r"[^@]{1,50}@[a-z0-9.-]{1,100}")
KEY = re.compile(r"[!-~]{1,255}")
serial = itertools.count(1)


@schemathesis.hook
def filter_failure(
    context: schemathesis.HookContext, failure: Any, case: schemathesis.Case, response: schemathesis.Response
) -> bool:
    """Ignores failures that `INEXPRESSIBLE` explains."""
    # Any body is a file, which is read after the response.
    if failure.code == "ST201" and case.path == "/api/v2/imports":
        return False
    # Only failures where the document allows the request and the service rejected it.
    if failure.code != "ST202":
        return True
    # The required members of an operation depend on its `op`; the document lists all members.
    if case.path == "/api/v2/operations":
        return False
    # The form configuration defines the fields; the document describes only the envelope.
    if not case.path.startswith("/api/v2/"):
        return False
    return not all(is_inexpressible(error) for error in response.json()["errors"])


def is_inexpressible(error: dict[str, Any]) -> bool:
    is_of_paging = error["code"] in PAGING_CODES and error.get("source", {}).get("parameter") in PAGING
    is_of_types = error["code"] == "invalid-attribute" and error["source"]["pointer"] in OF_TYPES
    # Wrong values by themselves can be expressed.
    is_of_types = is_of_types and not re.match("`[a-z-]+` must be ", error["detail"])
    is_of_times = "from 1970 to 9999" in error["detail"]
    is_too_large = any(int(number) > MAX_ID for number in re.findall(r"`([0-9]{19})`", error["detail"]))
    is_of_roles = any(part in error["detail"] for part in OF_ROLES)
    # The log decides which moments are possible, and other parameters cannot be combined with one.
    is_of_moment = "filter[as-of]" in error["detail"] or error.get("source", {}).get("parameter") == "filter[as-of]"
    is_of_passwords = "password" in error["detail"] and " must be a string" not in error["detail"]
    # Some parameters of uploads need `import-sync=true`, and one is a JSON object.
    is_of_uploads = error.get("source", {}).get("parameter", "").startswith("import-")
    is_known = is_of_uploads or is_of_paging or is_of_types or is_of_roles or is_of_moment or is_of_times or is_too_large or is_of_passwords
    return error["code"] in INEXPRESSIBLE or is_known


@schemathesis.hook
def before_call(context: schemathesis.HookContext, case: schemathesis.Case, kwargs: dict[str, Any]) -> None:
    """Replaces valid values by existing or unique ones, so that most requests get further than a 404 or 409."""
    method, data = case.method.upper(), member(case.body, "data")
    redirect(case.body)
    if "id" in case.path_parameters:
        kind = "users" if "/users/" in case.path else case.path.split("/")[3]
        case.path_parameters["id"] = existing(kind, case.path_parameters["id"], method)
        # The id in the body of an update must match the path.
        if method == "PATCH" and (is_valid(ID, member(data, "id")) or is_valid(TYPE_NAME, member(data, "id"))):
            data["id"] = case.path_parameters["id"]
    elif method == "PATCH" and is_valid(ID, member(data, "id")):
        data["id"] = USER
    elif method == "POST":
        # Make unique values unique.
        attributes = member(data, "attributes")
        if is_valid(EMAIL, member(attributes, "email")):
            attributes["email"] = f"n{next(serial)}.{attributes['email']}"
        if member(data, "type") == "relationship-types" and is_valid(TYPE_NAME, member(data, "id")):
            data["id"] += f"-{next(serial)}"
        for name in ("user-role", "target-role"):
            if is_valid(TYPE_NAME, member(attributes, name)):
                attributes[name] += f"-{next(serial)}"
    for name, value in case.headers.items():
        if name.lower() == "idempotency-key" and is_valid(KEY, value):
            case.headers[name] = f"key-{next(serial)}"
        elif name.lower() == "if-match" and next(serial) % 4:
            # A generated tag matches no resource. One in four requests keeps it, to get 412.
            case.headers[name] = "*"


def existing(kind: str, given: Any, method: str) -> Any:
    """Maps a valid id to one that exists in the demo, always to the same; returns other values unchanged."""
    if not is_valid(ID, given):
        return given
    number = int(given)
    if kind == "users":
        # Keep the users of the tokens and their access levels, and the first thirty users, which `redirect` needs.
        if given in {ADMIN, USER} and method in {"PATCH", "DELETE"} or method == "DELETE" and number < 1030:
            return str(1030 + number % 10)
        if given == EXAMPLE or not 1000 <= number < 2000:
            return str(1000 + number % 10)
    if kind == "user-relationships" and number > 1000:
        return str(1 + number % 140)
    if kind in COUNTS:
        return str(1 + number % COUNTS[kind])
    return given


def redirect(value: Any) -> None:
    """Replaces the users in a body by the first thirty, in turn."""
    if isinstance(value, dict):
        if value.get("type") == "users" and is_valid(ID, value.get("id")):
            value["id"] = str(1000 + next(serial) % 30)
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            redirect(item)


def member(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def is_valid(pattern: re.Pattern[str], value: Any) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None
