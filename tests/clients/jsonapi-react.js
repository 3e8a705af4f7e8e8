// [quirks]
// * It needs React 16 or 17. `useQuery` and `useMutation` take the same keys as `client.fetch` and `client.mutate`.
// * Errors with status 422 are in `errors`; any other error is in `error`. Nothing is thrown.
// * Only related users that are included have attributes; otherwise the relationship is `null`.
// * Numbers at the end of a key are ids, so a change is `["user-relationships", id]`.
// [/quirks]

import { api, checkClient, token } from "./steps.js";

// [setup]
import { ApiClient } from "jsonapi-react";

const client = new ApiClient({
  url: api,
  headers: { Authorization: `Bearer ${token}` },
  schema: {
    "user-relationships": {
      type: "user-relationships",
      fields: { "created-at": { readOnly: true }, "updated-at": { readOnly: true } },
      relationships: { user: { type: "users" }, target: { type: "users" } },
    },
    users: { type: "users" },
  },
});
// [/setup]

await checkClient("jsonapi-react", {
  async list() {
    // [example: List]
    const filter = { user: "me", relationship: "subordinate" };
    const { data: leads, meta } = await client.fetch(["user-relationships", { filter, include: "target" }]);
    // [/example]
    return { total: meta["total-count"], targets: leads.map((edge) => edge.target.id) };
  },

  async pageThrough() {
    // [example: Page through]
    const all = [];
    for (let offset = 0, total = 1; offset < total; offset += 50) {
      const { data, meta } = await client.fetch(["user-relationships", { page: { offset, limit: 50 } }]);
      all.push(...data);
      total = meta["total-count"];
    }
    // [/example]
    return all.map((edge) => edge.id);
  },

  async create() {
    // [example: Create]
    const mentor = { relationship: "mentor", target: { id: "1000" } };
    const { data: created } = await client.mutate("user-relationships", mentor);
    // [/example]
    return created.id;
  },

  async duplicate() {
    const mentor = { relationship: "mentor", target: { id: "1000" } };
    // [example: 409, because it exists]
    const { error } = await client.mutate("user-relationships", mentor);
    const existing = error.meta["existing-id"];
    // [/example]
    return { ...error, existing };
  },

  async change(id) {
    // [example: Change]
    const { data: changed } = await client.mutate(["user-relationships", id], { relationship: "colleague" });
    // [/example]
    return changed.relationship;
  },

  async remove(id) {
    // [example: Delete]
    await client.delete(["user-relationships", id]);
    // [/example]
  },

  async fieldError() {
    const friend = { relationship: "friend", target: { id: "1000" } };
    // [example: Show an error at its field]
    const { errors } = await client.mutate("user-relationships", friend);
    const field = errors[0].source.pointer; // "/data/attributes/relationship"
    // [/example]
    return { ...errors[0], field };
  },
});
