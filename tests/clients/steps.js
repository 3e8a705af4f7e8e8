// The seven steps that every client library must pass, the steps about roles, and helpers for the tests in JavaScript.

import assert from "node:assert/strict";
import { appendFileSync } from "node:fs";
import { inspect } from "node:util";

/** The URL of the API, `http://127.0.0.1:…/api/v2`. */
export const api = setting("API_URL");
/** The token of user 1017, who has the access level `user`. */
export const token = setting("USER_TOKEN");

/** Returns a function that runs a step and prints its result. A failed step ends the script. */
export function stepRunner(name) {
  return async (step, act) => {
    let result;
    try {
      result = await act();
    } catch (error) {
      // Some libraries throw a response that refers to all their records.
      console.error(`${name}: ${step}: FAILED: ${inspect(error, { maxArrayLength: 5 }).slice(0, 5_000)}`);
      process.exit(1);
    }
    console.log(`${name}: ${step}: ${result}`);
    // `page.js` marks the step in `docs/CLIENTS.md`.
    if (process.env.PASSED_STEPS) appendFileSync(process.env.PASSED_STEPS, `${name}\t${step}\n`);
  };
}

/**
 * Runs the seven steps. The functions of `client` do what their names say with the library, and return what it shows:
 * `list` `{ total, targets }`, `pageThrough` ids, `create` an id, `duplicate` and `fieldError` the first error object,
 * `change` the new type.
 */
export async function checkClient(name, client) {
  const step = stepRunner(name);
  let id;

  await step("list", async () => {
    const { total, targets } = await client.list();
    assert.deepEqual([total, targets], [1, ["1005"]]);
    return `1017 is a subordinate of ${targets}`;
  });

  await step("page through", async () => {
    const ids = await client.pageThrough();
    const { meta } = await send("GET", "/user-relationships?page[limit]=0");
    assert.equal(ids.length, meta["total-count"]);
    assert.equal(new Set(ids).size, ids.length);
    assert.ok(ids.length > 20, "more than a page");
    return `${ids.length} relationships`;
  });

  await step("create", async () => {
    id = await client.create();
    const { data } = await send("GET", `/user-relationships/${id}`);
    assert.equal(data.attributes.relationship, "mentor");
    assert.deepEqual([data.relationships.user.data.id, data.relationships.target.data.id], ["1017", "1000"]);
    return id;
  });

  await step("409", async () => {
    const error = await client.duplicate();
    assert.deepEqual([error.status, error.code, error.meta["existing-id"]], ["409", "already-exists", id]);
    return error.code;
  });

  await step("change", async () => {
    assert.equal(await client.change(id), "colleague");
    const { data } = await send("GET", `/user-relationships/${id}`);
    assert.equal(data.attributes.relationship, "colleague");
    return "colleague";
  });

  await step("delete", async () => {
    await client.remove(id);
    const { errors } = await send("GET", `/user-relationships/${id}`);
    assert.equal(errors[0].code, "not-found");
    return "then 404";
  });

  await step("field error", async () => {
    const error = await client.fieldError();
    assert.deepEqual([error.status, error.code], ["422", "unknown-relationship-type"]);
    assert.equal(error.source.pointer, "/data/attributes/relationship");
    return error.detail;
  });
}

/**
 * Runs the steps about roles. The functions of `client` do what their names say with the library: `readRole` returns the
 * id of the supervisor of 1017, `includeRole` its name, `reassign` gives 1017 a supervisor by its id, and `sendBack` sends
 * the record of 1017 with its supervisor back, with another description.
 */
export async function checkRoles(name, client) {
  const step = stepRunner(name);
  const supervisor = async () => (await send("GET", "/users/1017/supervisor")).data.id;

  await step("read a role", async () => {
    assert.equal(await client.readRole(), "1005");
    return "the supervisor of 1017 is 1005";
  });

  await step("include a role", async () => {
    assert.equal(await client.includeRole(), "Mateusz Kowalczyk");
    return "Mateusz Kowalczyk";
  });

  await step("reassign", async () => {
    for (const id of ["1000", "1005"]) {
      await client.reassign(id);
      assert.equal(await supervisor(), id);
    }
    return "to 1000, and back to 1005";
  });

  await step("send a role back", async () => {
    const description = `Sent back by ${name}`;
    await client.sendBack(description);
    const { data } = await send("GET", "/users/1017");
    assert.deepEqual([data.attributes.description, await supervisor()], [description, "1005"]);
    return description;
  });
}

/** The error of a request that must fail. */
export async function refused(request) {
  return request.then(
    () => assert.fail("it was not refused"),
    (error) => error,
  );
}

async function send(method, path) {
  const response = await fetch(api + path, { method, headers: { Authorization: `Bearer ${token}` } });
  return response.json();
}

function setting(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set; start this script with tests/clients/run`);
  return value;
}
