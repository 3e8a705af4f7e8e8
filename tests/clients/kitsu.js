// [quirks]
// * The names of types and attributes are kept with `camelCaseTypes: false`, `resourceCase: "none"` and `pluralize: false`.
// * A link is a URI reference: resolve it against the URL of the API, because axios would append it to `baseURL`.
// * `kitsu.self()` requests `filter[self]`, an extension of Kitsu. The caller is `kitsu.get("users/me")`.
// * It repeats a filter for each value of a list, and sends whole records back, with times and links. Both are accepted.
// [/quirks]

import assert from "node:assert/strict";
import { api, checkClient, checkRoles, stepRunner, token } from "./steps.js";

// [setup]
import Kitsu from "kitsu";

const kitsu = new Kitsu({
  baseURL: api,
  headers: { Authorization: `Bearer ${token}` },
  camelCaseTypes: false,
  resourceCase: "none",
  pluralize: false,
});
// [/setup]

await checkClient("kitsu", {
  async list() {
    // [example: List]
    const { data: leads, meta } = await kitsu.get("user-relationships", {
      params: { filter: { user: "me", relationship: "subordinate" }, include: "target" },
    });
    // [/example]
    return { total: meta["total-count"], targets: leads.map((edge) => edge.target.data.id) };
  },

  async pageThrough() {
    // [example: Page through]
    const all = [];
    let page = await kitsu.get("user-relationships", { params: { page: { size: 50 } } });
    for (all.push(...page.data); page.links.next; all.push(...page.data)) {
      page = await kitsu.request({ url: new URL(page.links.next, api).href });
    }
    // [/example]
    return all.map((edge) => edge.id);
  },

  async create() {
    // [example: Create]
    const target = { data: { type: "users", id: "1000" } };
    const { data: created } = await kitsu.create("user-relationships", { relationship: "mentor", target });
    // [/example]
    return created.id;
  },

  async duplicate() {
    const target = user("1000");
    // [example: 409, because it exists]
    const refusal = await kitsu.create("user-relationships", { relationship: "mentor", target }).catch((error) => error);
    const existing = refusal.errors[0].meta["existing-id"];
    // [/example]
    assert.ok(existing);
    return refusal.errors[0];
  },

  async change(id) {
    const { data: created } = await kitsu.get(`user-relationships/${id}`);
    // [example: Change]
    const { data: changed } = await kitsu.update("user-relationships", { ...created, relationship: "colleague" });
    // [/example]
    return changed.relationship;
  },

  async remove(id) {
    // [example: Delete]
    await kitsu.remove("user-relationships", id);
    // [/example]
  },

  async fieldError() {
    const target = user("1000");
    // [example: Show an error at its field]
    const { errors } = await kitsu.create("user-relationships", { relationship: "friend", target }).catch((error) => error);
    const field = errors[0].source.pointer; // "/data/attributes/relationship"
    // [/example]
    assert.equal(field, "/data/attributes/relationship");
    return errors[0];
  },
});

await checkRoles("kitsu", {
  async readRole() {
    // [example: Read a role]
    const { data: lead } = await kitsu.get("users/me/supervisor");
    // [/example]
    return lead.id;
  },

  async includeRole() {
    // [example: Include roles]
    const { data: me } = await kitsu.get("users/me", { params: { include: "supervisor,colleagues" } });
    const lead = me.supervisor.data;
    // [/example]
    assert.ok(Array.isArray(me.colleagues.data));
    return lead.name;
  },

  async reassign(id) {
    // [example: Reassign]
    const url = "users/me/relationships/supervisor";
    const { meta } = await kitsu.request({ method: "PATCH", url, type: "users", body: { id } });
    const previous = meta.previous[0].id;
    // [/example]
    assert.ok(previous);
  },

  async sendBack(description) {
    const { data: me } = await kitsu.get("users/me", { params: { include: "supervisor,colleagues" } });
    // [example: Send a record with roles back]
    await kitsu.update("users", { ...me, description });
    // [/example]
  },
});

const step = stepRunner("kitsu");

await step("users/me", async () => {
  const { data } = await kitsu.get("users/me");
  assert.equal(data.id, "1017");
  assert.equal(data.name, "Oskar Johansson");
  assert.match(data.links.self, /\/api\/v2\/users\/1017$/);
  return data.name;
});

await step("send a whole user back", async () => {
  const { data } = await kitsu.get("users/me");
  const { data: changed } = await kitsu.update("users", { ...data, description: "Asks questions first" });
  assert.equal(changed.description, "Asks questions first");
  assert.deepEqual(changed["job-title"], data["job-title"]);
  return changed.description;
});

await step("all pages by `next`", async () => {
  const seen = [];
  let page = await kitsu.get("user-relationships");
  for (seen.push(...page.data); page.links.next; seen.push(...page.data)) {
    assert.ok(seen.length < 1000, "`next` never ends");
    page = await kitsu.request({ url: new URL(page.links.next, api).href });
  }
  assert.equal(new Set(seen.map((edge) => edge.id)).size, page.meta["total-count"]);
  for (const edge of seen) assert.ok(edge.relationship && edge.user.data.id && edge.target.data.id);
  return `${seen.length} relationships`;
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
  const { data: owner } = await kitsu.get(`user-relationships/${data[0].id}/user`);
  assert.equal(owner.id, "1017");
  return owner.name;
});

await step("search users", async () => {
  const { data, meta } = await kitsu.get("users", { params: { filter: { query: "kim" } } });
  assert.equal(meta["total-count"], data.length);
  assert.ok(data.some((each) => each.name === "Eun-ji Kim"));
  return data.map((each) => each.name).join(", ");
});

function user(id) {
  return { data: { type: "users", id } };
}
