// [quirks]
// * It only converts documents; the requests are yours.
// * `serialize` sends the relationships in `includeNames` only, and everything else of a record as attributes, also `links`.
//   The service ignores what it sets itself, so a whole record can be sent back.
// * A new record lists its relationships in `relationshipNames`.
// [/quirks]

import assert from "node:assert/strict";
import { api, checkClient, stepRunner, token } from "./steps.js";

// [setup]
import { Jsona } from "jsona";

const jsona = new Jsona();
const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/vnd.api+json" };

/** Sends a record; returns the document of the response and its records. `path` may be a link. */
async function send(method, path, record) {
  const body = record && JSON.stringify(jsona.serialize({ stuff: record, includeNames: ["target"] }));
  const response = await fetch(new URL(path, `${api}/`), { method, headers, body });
  if (response.status === 204) return {};
  const document = await response.json();
  return { ...document, records: response.ok ? jsona.deserialize(document) : undefined };
}
// [/setup]

// [example]
const edge = (relationship) => ({
  type: "user-relationships",
  relationship,
  target: { type: "users", id: "1000" },
  relationshipNames: ["target"],
});

// [/example]
await checkClient("jsona", {
  async list() {
    const query = "filter[user]=me&filter[relationship]=subordinate&include=target";
    const { records, meta } = await send("GET", `user-relationships?${query}`);
    return { total: meta["total-count"], targets: records.map((record) => record.target.id) };
  },

  async pageThrough() {
    // [example: Page through]
    const all = [];
    for (let next = "user-relationships?page[size]=50"; next; ) {
      const { records, links } = await send("GET", next);
      all.push(...records);
      next = links.next;
    }
    // [/example]
    return all.map((record) => record.id);
  },

  async create() {
    // [example: Create]
    const { records: created } = await send("POST", "user-relationships", edge("mentor"));
    // [/example]
    return created.id;
  },

  async duplicate() {
    // [example: 409, because it exists]
    const refusal = await send("POST", "user-relationships", edge("mentor"));
    const existing = refusal.errors[0].meta["existing-id"];
    // [/example]
    return { ...refusal.errors[0], existing };
  },

  async change(id) {
    const { records: record } = await send("GET", `user-relationships/${id}`);
    // [example: Change]
    const change = { ...record, relationship: "colleague" };
    const { records: changed } = await send("PATCH", `user-relationships/${id}`, change);
    // [/example]
    return changed.relationship;
  },

  async remove(id) {
    // [example: Delete]
    await send("DELETE", `user-relationships/${id}`);
    // [/example]
  },

  async fieldError() {
    // [example: Show an error at its field]
    const { errors } = await send("POST", "user-relationships", edge("friend"));
    const field = errors[0].source.pointer; // "/data/attributes/relationship"
    // [/example]
    return { ...errors[0], field };
  },
});

await stepRunner("jsona")("send a whole user back", async () => {
  const { records: me } = await send("GET", "users/me");
  const { records: changed } = await send("PATCH", "users/me", { ...me, description: "Asks questions first" });
  assert.equal(changed.description, "Asks questions first");
  assert.deepEqual(changed["job-title"], me["job-title"]);
  return changed.description;
});
