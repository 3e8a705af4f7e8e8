"""The seven steps that every client library must pass; the same as in `steps.js`."""

import os
from collections.abc import Callable
from typing import Any, Protocol

import requests

API = os.environ["API_URL"]
TOKEN = os.environ["USER_TOKEN"]


class Client(Protocol):
    """Does with a library what the names say, and returns what the library shows."""

    def find(self) -> tuple[int, list[str]]: ...
    def page_through(self) -> list[str]: ...
    def create(self) -> str: ...
    def duplicate(self) -> dict[str, Any]: ...
    def change(self, id: str) -> str: ...
    def remove(self, id: str) -> None: ...
    def field_error(self) -> dict[str, Any]: ...


def step_runner(name: str) -> Callable[[str, str], None]:
    """Returns a function that prints the result of a step, which has succeeded."""

    def passed(step: str, result: str) -> None:
        print(f"{name}: {step}: {result}", flush=True)
        # `page.js` marks the step in `docs/CLIENTS.md`.
        if file := os.environ.get("PASSED_STEPS"):
            with open(file, "a", encoding="utf-8") as steps:
                steps.write(f"{name}\t{step}\n")

    return passed


def check_client(name: str, client: Client) -> None:
    """Runs the seven steps."""
    passed = step_runner(name)

    found = client.find()
    assert found == (1, ["1005"]), found
    passed("list", "1017 is a subordinate of 1005")

    ids = client.page_through()
    total = fetch("/user-relationships?page[limit]=0")["meta"]["total-count"]
    assert len(set(ids)) == len(ids) == total > 20, (len(ids), total)
    passed("page through", f"{total} relationships")

    id = client.create()
    made = fetch(f"/user-relationships/{id}")["data"]
    assert made["attributes"]["relationship"] == "mentor", made
    ends = [made["relationships"][end]["data"]["id"] for end in ("user", "target")]
    assert ends == ["1017", "1000"], ends
    passed("create", id)

    error = client.duplicate()
    assert (error["status"], error["code"], error["meta"]["existing-id"]) == ("409", "already-exists", id), error
    passed("409", error["code"])

    assert client.change(id) == "colleague"
    assert fetch(f"/user-relationships/{id}")["data"]["attributes"]["relationship"] == "colleague"
    passed("change", "colleague")

    client.remove(id)
    assert fetch(f"/user-relationships/{id}")["errors"][0]["code"] == "not-found"
    passed("delete", "then 404")

    error = client.field_error()
    assert (error["status"], error["code"]) == ("422", "unknown-relationship-type"), error
    assert error["source"]["pointer"] == "/data/attributes/relationship", error
    passed("field error", error["detail"])


def fetch(path: str) -> dict[str, Any]:
    return requests.get(API + path, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=10).json()
