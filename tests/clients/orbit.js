// [quirks]
// * It generates an id for each new record, and sends it unless the schema declares a key of the server (`remoteId`).
// * `addRecord` changes the object that it gets: use a new one for each record.
// * A path and a type have the plural, hence the inflectors.
// * A link is a URI reference: resolve it against the URL of the API before it goes into `url`.
// * `replaceRelatedRecord` patches the record, which is 403 `unsupported-update` for a role: patch the linkage instead.
// * After an error, the queue waits until the request is skipped (`requestQueue.skip()`) or retried.
// * Totals are in `details[0].document` of a full response.
// [/quirks]

import assert from "node:assert/strict";
import { api, checkClient, checkRoles, refused, stepRunner, token } from "./steps.js";

// [setup]
import jsonapi from "@orbit/jsonapi";
import records from "@orbit/records";
import serializers from "@orbit/serializers";

const { JSONAPISerializers, JSONAPISource } = jsonapi;
const { RecordKeyMap, RecordSchema } = records;
const { buildSerializerSettingsFor } = serializers;

const models = {
  "user-relationship": {
    keys: { remoteId: {} },
    attributes: {
      relationship: { type: "string" },
      "created-at": { type: "datetime" },
      "updated-at": { type: "datetime" },
    },
    relationships: { user: { kind: "hasOne", type: "user" }, target: { kind: "hasOne", type: "user" } },
  },
  user: {
    keys: { remoteId: {} },
    attributes: {
      name: { type: "string" },
      email: { type: "string" },
      description: { type: "string" },
      "job-title": { type: "array" },
    },
    relationships: {
      supervisor: { kind: "hasOne", type: "user" },
      colleagues: { kind: "hasMany", type: "user" },
    },
  },
};
const plural = { serializationOptions: { inflectors: ["pluralize"] } };

function createSource(models) {
  return new JSONAPISource({
    schema: new RecordSchema({ models }),
    keyMap: new RecordKeyMap(),
    host: new URL(api).origin,
    namespace: new URL(api).pathname.slice(1),
    defaultFetchSettings: { headers: { Authorization: `Bearer ${token}` }, timeout: 10_000 },
    serializerSettingsFor: buildSerializerSettingsFor({
      settingsByType: {
        [JSONAPISerializers.ResourceType]: plural,
        [JSONAPISerializers.ResourceTypePath]: plural,
        [JSONAPISerializers.ResourceTypeParam]: plural,
      },
    }),
  });
}

const orbit = createSource(models);

/** The local identity of a user. */
function user(remoteId) {
  const known = orbit.keyMap.keyToId("user", "remoteId", remoteId);
  const id = known ?? orbit.schema.generateId("user");
  if (!known) orbit.keyMap.pushRecord({ type: "user", id, keys: { remoteId } });
  return { type: "user", id };
}
// [/setup]

/** Runs a query, and returns the records with their document. */
async function query(expression, options) {
  const { data, details } = await orbit.query(expression, { fullResponse: true, ...options });
  return { data, document: details[0].document };
}

const idOf = (record) => record.keys.remoteId;
// [example]
const edge = (relationship) => ({
  type: "user-relationship",
  attributes: { relationship },
  relationships: { target: { data: user("1000") } },
});
// [/example]
let made;

await checkClient("orbit", {
  async list() {
    // [example: List]
    const leads = await orbit.query((q) =>
      q
        .findRecords("user-relationship")
        .filter({ attribute: "user", value: "me" })
        .filter({ attribute: "relationship", value: "subordinate" }),
      { fullResponse: true },
    );
    // [/example]
    const { document } = leads.details[0];
    const targets = leads.data.map((edge) => orbit.keyMap.idToKey("user", "remoteId", edge.relationships.target.data.id));
    return { total: document.meta["total-count"], targets };
  },

  async pageThrough() {
    // [example: Page through]
    const all = [];
    for (let url = `${api}/user-relationships?page[size]=50`; url; ) {
      const find = (q) => q.findRecords("user-relationship");
      const { data, details } = await orbit.query(find, { url, fullResponse: true });
      all.push(...data);
      const { next } = details[0].document.links;
      url = next && new URL(next, api).href;
    }
    // [/example]
    assert.ok(all.every((edge) => edge.relationships.user.data && edge.relationships.target.data));
    assert.ok(all.every((edge) => !Number.isNaN(edge.attributes["created-at"].valueOf())));
    return all.map(idOf);
  },

  async create() {
    // [example: Create]
    const created = await orbit.update((t) => t.addRecord(edge("mentor")));
    // [/example]
    made = created;
    return idOf(created);
  },

  async duplicate() {
    // [example: 409, because it exists]
    const refusal = await orbit.update((t) => t.addRecord(edge("mentor"))).catch((error) => error);
    const existing = refusal.data.errors[0].meta["existing-id"];
    await orbit.requestQueue.skip();
    // [/example]
    assert.ok(existing);
    return refusal.data.errors[0];
  },

  async change() {
    const created = made;
    // [example: Change]
    const changed = await orbit.update((t) => t.replaceAttribute(created, "relationship", "colleague"));
    // [/example]
    assert.equal(changed.id, made.id);
    return changed.attributes.relationship;
  },

  async remove() {
    const created = made;
    // [example: Delete]
    await orbit.update((t) => t.removeRecord(created));
    // [/example]
  },

  async fieldError() {
    // [example: Show an error at its field]
    const error = await orbit.update((t) => t.addRecord(edge("friend"))).catch((error) => error);
    const [{ source, detail }] = error.data.errors; // source.pointer is "/data/attributes/relationship"
    await orbit.requestQueue.skip();
    // [/example]
    assert.ok(source.pointer && detail);
    return error.data.errors[0];
  },
});

await checkRoles("orbit", {
  async readRole() {
    // [example: Read a role]
    const lead = await orbit.query((q) => q.findRelatedRecord(user("1017"), "supervisor"));
    // [/example]
    return idOf(lead);
  },

  async includeRole() {
    // [example: Include roles]
    const include = ["supervisor", "colleagues"];
    const found = await orbit.query((q) => q.findRecord(user("1017")), { include, fullResponse: true });
    const { supervisor, colleagues } = found.data.relationships;
    // [/example]
    assert.ok(Array.isArray(colleagues.data));
    const users = found.transforms[0].operations.map((each) => each.record);
    return users.find((each) => each.id === supervisor.data.id).attributes.name;
  },

  async reassign(id) {
    // [example: Reassign]
    const { requestProcessor } = orbit;
    const linkage = { method: "PATCH", json: { data: { type: "users", id } } };
    const settings = { ...requestProcessor.buildFetchSettings({}), ...linkage };
    const { document } = await requestProcessor.fetch(`${api}/users/1017/relationships/supervisor`, settings);
    const previous = document.meta.previous[0].id;
    // [/example]
    assert.ok(previous);
  },

  async sendBack(description) {
    const me = await orbit.query((q) => q.findRecord(user("1017")), { include: ["supervisor", "colleagues"] });
    assert.ok(me.relationships.supervisor.data);
    // [example: Send a record with roles back]
    await orbit.update((t) => t.updateRecord({ ...me, attributes: { ...me.attributes, description } }));
    // [/example]
  },
});

const step = stepRunner("orbit");

await step("users/me", async () => {
  const { data } = await query((q) => q.findRecord({ type: "user", id: "me" }), { url: `${api}/users/me` });
  assert.equal(idOf(data), "1017");
  assert.equal(data.attributes.name, "Oskar Johansson");
  return data.attributes.name;
});

await step("include the target", async () => {
  const filter = { attribute: "user", value: "1017" };
  const find = (q) => q.findRecords("user-relationship").filter(filter);
  const { data, transforms } = await orbit.query(find, { include: ["target"], fullResponse: true });
  // Orbit reports included records as updates for its other sources.
  const users = transforms[0].operations.map((each) => each.record).filter((record) => record.type === "user");
  const lead = users.find((record) => idOf(record) === "1005");
  assert.equal(lead.attributes.name, "Mateusz Kowalczyk");
  assert.ok(data.every((edge) => users.some((record) => record.id === edge.relationships.target.data.id)));
  return `1005 is ${lead.attributes.name}`;
});

await step("create with an id of its own", async () => {
  const withoutKeys = Object.entries(models).map(([type, { keys, ...model }]) => [type, model]);
  const source = createSource(Object.fromEntries(withoutKeys));
  const record = { type: "user-relationship", attributes: { relationship: "mentor" } };
  const error = await skipped((to) => to.update((t) => t.addRecord(record)), source);
  assert.equal(error.response.status, 403);
  assert.ok(error.data.errors.some((each) => each.code === "client-generated-id"));
  return `${error.response.status}, client-generated-id`;
});

await step("send the whole record back", async () => {
  const again = await orbit.update((t) => t.addRecord(edge("mentor")));
  const changed = await orbit.update((t) =>
    t.updateRecord({ ...again, attributes: { ...again.attributes, relationship: "colleague" } }),
  );
  await orbit.update((t) => t.removeRecord(again));
  const find = (source) => source.query((q) => q.findRecord(again), { raiseNotFoundExceptions: true });
  assert.match((await skipped(find)).message, /not found/i);
  return changed.attributes.relationship;
});

await step("search users", async () => {
  const { data, document } = await query((q) => q.findRecords("user").filter({ attribute: "query", value: "kim" }));
  assert.equal(document.meta["total-count"], data.length);
  assert.ok(data.some((each) => each.attributes.name === "Eun-ji Kim"));
  return data.map((each) => each.attributes.name).join(", ");
});

/** The error of a request that must fail. */
async function skipped(send, source = orbit) {
  const error = await refused(send(source));
  if (source.requestQueue.error) await source.requestQueue.skip();
  return error;
}
