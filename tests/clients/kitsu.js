// kitsu 11 reads and changes relationships as the demo's user 1017.
//
// Quirks: it sends `Content-Type` with every GET and a document with DELETE, repeats the parameter for a list in a filter,
// and sends whole resources back in a PATCH, with times and links. `kitsu.self()` requests `filter[self]`, an extension
// of Kitsu, so the caller is read from `users/me`.

import assert from "node:assert/strict";
import Kitsu from "kitsu";
import { api, stepRunner, token } from "./steps.js";

const step = stepRunner("kitsu");
const kitsu = new Kitsu({
  baseURL: api,
  headers: { Authorization: `Bearer ${token}` },
  // Types and paths are already plural and in kebab case.
  camelCaseTypes: false,
  resourceCase: "none",
  pluralize: false,
  timeout: 10_000,
});

await step("users/me", async () => {
  const { data } = await kitsu.get("users/me");
  assert.equal(data.id, "1017");
  assert.equal(data.name, "Oskar Johansson");
  assert.match(data.links.self, /\/api\/v2\/users\/1017$/);
  return data.name;
});

await step("all pages by `next`", async () => {
  const seen = [];
  let page = await kitsu.get("user-relationships");
  const total = page.meta["total-count"];
  let pages = 1;
  for (; page.links.next; pages += 1) {
    seen.push(...page.data);
    assert.ok(pages < 100, "`next` never ends");
    // A link is a URI reference; axios would append it to `baseURL`.
    page = await kitsu.request({ url: new URL(page.links.next, api).href });
  }
  seen.push(...page.data);
  assert.ok(pages > 1);
  assert.equal(seen.length, total);
  assert.equal(new Set(seen.map((edge) => edge.id)).size, total);
  for (const edge of seen) assert.ok(edge.relationship && edge.user.data.id && edge.target.data.id);
  return `${total} relationships in ${pages} pages`;
});

await step("all pages by cursor", async () => {
  const seen = [];
  let page = await kitsu.get("user-relationships", { params: { page: { size: 50 }, sort: "-id" } });
  seen.push(...page.data);
  for (let pages = 1; page.links.next; pages += 1) {
    assert.ok(pages < 100, "`next` never ends");
    page = await kitsu.request({ url: new URL(page.links.next, api).href });
    seen.push(...page.data);
  }
  assert.equal(seen.length, page.meta["total-count"]);
  return `${seen.length} relationships`;
});

await step("filter by user and relationship", async () => {
  const params = { filter: { user: "1017", relationship: "subordinate" } };
  const { data, meta } = await kitsu.get("user-relationships", { params });
  assert.equal(meta["total-count"], 1);
  assert.equal(data[0].target.data.id, "1005");
  return `1017 is a subordinate of ${data[0].target.data.id}`;
});

await step("filter by a list", async () => {
  const params = { filter: { user: ["1017", "1018"], relationship: "subordinate" } };
  const { data } = await kitsu.get("user-relationships", { params });
  assert.deepEqual(data.map((edge) => edge.user.data.id).sort(), ["1017", "1018"]);
  return `${data.length} relationships`;
});

await step("include the target", async () => {
  const params = { filter: { user: "1017" }, include: "target", fields: { users: "name,job-title" } };
  const { data } = await kitsu.get("user-relationships", { params });
  const lead = data.find((edge) => edge.relationship === "subordinate").target.data;
  assert.equal(lead.name, "Mateusz Kowalczyk");
  assert.deepEqual(lead["job-title"], ["Lead, platform"]);
  return `${lead.id} is ${lead.name}`;
});

await step("fetch a related user", async () => {
  const { data } = await kitsu.get("user-relationships", { params: { filter: { user: "1017" } } });
  const { data: user } = await kitsu.get(`user-relationships/${data[0].id}/user`);
  assert.equal(user.id, "1017");
  return user.name;
});

const mentor = { relationship: "mentor", target: { data: { type: "users", id: "1000" } } };
let made;

await step("create", async () => {
  const { data, status, headers } = await kitsu.create("user-relationships", mentor);
  assert.equal(status, 201);
  assert.equal(headers.location, data.links.self);
  assert.equal(data.relationship, "mentor");
  assert.equal(data.user.data.id, "1017");
  made = data;
  return `${status}, ${data.id}`;
});

await step("create the same again", async () => {
  const error = await refused(kitsu.create("user-relationships", mentor));
  assert.equal(error.response.status, 409);
  assert.equal(error.errors[0].code, "already-exists");
  assert.equal(error.errors[0].meta["existing-id"], made.id);
  return `${error.response.status}, ${error.errors[0].code}`;
});

await step("change its type", async () => {
  const { data, status } = await kitsu.update("user-relationships", { ...made, relationship: "colleague" });
  assert.equal(status, 200);
  assert.equal(data.id, made.id);
  assert.equal(data.relationship, "colleague");
  return `${status}, ${data.relationship}`;
});

await step("delete it", async () => {
  const { status } = await kitsu.remove("user-relationships", made.id);
  assert.equal(status, 204);
  const error = await refused(kitsu.get(`user-relationships/${made.id}`));
  assert.equal(error.response.status, 404);
  assert.equal(error.errors[0].code, "not-found");
  return `${status}, then ${error.response.status}`;
});

await step("search users", async () => {
  const { data, meta } = await kitsu.get("users", { params: { filter: { query: "kim" } } });
  assert.equal(meta["total-count"], data.length);
  assert.ok(data.some((user) => user.name === "Eun-ji Kim"));
  return data.map((user) => user.name).join(", ");
});

/** The error of a request that must fail. */
async function refused(request) {
  return request.then(
    () => assert.fail("it was not refused"),
    (error) => error,
  );
}
