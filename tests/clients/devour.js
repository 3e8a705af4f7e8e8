// [quirks]
// * Only declared attributes are sent. Attributes that the service sets are `readOnly`.
// * Types are already plural: `pluralize: false`.
// * Its own middleware reduces errors to `title` and `detail`. The one below keeps the error objects, with `source.pointer`
//   and `code`.
// * Links are relative unless `PUBLIC_URL` is set; `request` needs an absolute URL.
// [/quirks]

import { api, checkClient, token } from "./steps.js";

// [setup]
import JsonApi from "devour-client";

const devour = new JsonApi({ apiUrl: api, bearer: token, pluralize: false, logger: false });
devour.define(
  "user-relationships",
  {
    relationship: "",
    "created-at": "",
    user: { jsonApi: "hasOne", type: "users" },
    target: { jsonApi: "hasOne", type: "users" },
  },
  { readOnly: ["created-at"] },
);
devour.define("users", { name: "", email: "", "job-title": [] }, { readOnly: ["name"] });
devour.replaceMiddleware("errors", {
  name: "error-objects",
  error: (error) => error.response?.data.errors ?? error,
});
// [/setup]

await checkClient("devour", {
  async list() {
    // [example: List]
    const { data: leads, meta } = await devour.findAll("user-relationships", {
      filter: { user: "me", relationship: "subordinate" },
      include: "target",
    });
    // [/example]
    return { total: meta["total-count"], targets: leads.map((edge) => edge.target.id) };
  },

  async pageThrough() {
    // [example: Page through]
    const all = [];
    let page = await devour.findAll("user-relationships", { page: { size: 50 } });
    for (all.push(...page.data); page.links.next; all.push(...page.data)) {
      page = await devour.request(new URL(page.links.next, api).href);
    }
    // [/example]
    return all.map((edge) => edge.id);
  },

  async create() {
    // [example: Create]
    const mentor = { relationship: "mentor", target: { id: "1000" } };
    const { data: created } = await devour.create("user-relationships", mentor);
    // [/example]
    return created.id;
  },

  async duplicate() {
    const mentor = { relationship: "mentor", target: { id: "1000" } };
    // [example: 409, because it exists]
    const [refusal] = await devour.create("user-relationships", mentor).catch((errors) => errors);
    const existing = refusal.meta["existing-id"];
    // [/example]
    return { ...refusal, existing };
  },

  async change(id) {
    // [example: Change]
    const { data: changed } = await devour.update("user-relationships", { id, relationship: "colleague" });
    // [/example]
    return changed.relationship;
  },

  async remove(id) {
    // [example: Delete]
    await devour.destroy("user-relationships", id);
    // [/example]
  },

  async fieldError() {
    const friend = { relationship: "friend", target: { id: "1000" } };
    // [example: Show an error at its field]
    const [error] = await devour.create("user-relationships", friend).catch((errors) => errors);
    const field = error.source.pointer; // "/data/attributes/relationship"
    // [/example]
    return { ...error, field };
  },
});
