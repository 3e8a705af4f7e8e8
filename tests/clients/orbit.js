// @orbit/jsonapi 0.17 reads and changes relationships as the demo's user 1017.
//
// Quirks: it generates an id for each new record, and sends it unless the schema declares that the server has its own
// keys (`keys`); it passes a link in `url` to `fetch` unchanged; after an error, its queue waits until the request is
// skipped or retried.

import assert from "node:assert/strict";
import jsonapi from "@orbit/jsonapi";
import records from "@orbit/records";
import serializers from "@orbit/serializers";
import { api, stepRunner, token } from "./steps.js";

const { JSONAPISerializers, JSONAPISource } = jsonapi;
const { RecordKeyMap, RecordSchema } = records;
const { buildSerializerSettingsFor } = serializers;

const step = stepRunner("orbit");

/** A source whose records have these keys, or none. */
function source(keys) {
  const schema = new RecordSchema({
    models: {
      "user-relationship": {
        keys,
        attributes: {
          relationship: { type: "string" },
          "created-at": { type: "datetime" },
          "updated-at": { type: "datetime" },
        },
        relationships: {
          user: { kind: "hasOne", type: "user" },
          target: { kind: "hasOne", type: "user" },
        },
      },
      user: {
        keys,
        attributes: { name: { type: "string" }, email: { type: "string" }, "job-title": { type: "array" } },
      },
    },
  });
  const plural = { serializationOptions: { inflectors: ["pluralize"] } };
  return new JSONAPISource({
    schema,
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

const orbit = source({ remoteId: {} });
const idOf = (record) => record.keys.remoteId;
/** The local identity of a user. */
const user = (remoteId) => {
  const known = orbit.keyMap.keyToId("user", "remoteId", remoteId);
  const id = known ?? orbit.schema.generateId("user");
  if (!known) orbit.keyMap.pushRecord({ type: "user", id, keys: { remoteId } });
  return { type: "user", id };
};
/** Runs a query, and returns the records with their document. */
async function query(expression, options) {
  const { data, details } = await orbit.query(expression, { fullResponse: true, ...options });
  return { data, document: details[0].document };
}

await step("users/me", async () => {
  const { data } = await query((q) => q.findRecord({ type: "user", id: "me" }), { url: `${api}/users/me` });
  assert.equal(idOf(data), "1017");
  assert.equal(data.attributes.name, "Oskar Johansson");
  return data.attributes.name;
});

await step("all pages by `next`", async () => {
  const seen = [];
  let page = await query((q) => q.findRecords("user-relationship"));
  let pages = 1;
  for (; page.document.links.next; pages += 1) {
    seen.push(...page.data);
    assert.ok(pages < 100, "`next` never ends");
    const url = new URL(page.document.links.next, api).href;
    page = await query((q) => q.findRecords("user-relationship"), { url });
  }
  seen.push(...page.data);
  const total = page.document.meta["total-count"];
  assert.ok(pages > 1);
  assert.equal(seen.length, total);
  assert.equal(new Set(seen.map(idOf)).size, total);
  for (const edge of seen) {
    assert.ok(edge.relationships.user.data && edge.relationships.target.data);
    assert.ok(!Number.isNaN(edge.attributes["created-at"].valueOf()));
  }
  return `${total} relationships in ${pages} pages`;
});

await step("filter by user and relationship", async () => {
  const { data } = await query((q) =>
    q
      .findRecords("user-relationship")
      .filter({ relation: "user", record: { type: "user", id: "1017" } })
      .filter({ attribute: "relationship", value: "subordinate" }),
  );
  assert.equal(data.length, 1);
  const target = orbit.keyMap.idToKey("user", "remoteId", data[0].relationships.target.data.id);
  assert.equal(target, "1005");
  return `1017 is a subordinate of ${target}`;
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

const mentor = () => ({
  type: "user-relationship",
  attributes: { relationship: "mentor" },
  relationships: { user: { data: user("1017") }, target: { data: user("1000") } },
});
let made;

await step("create", async () => {
  made = await orbit.update((t) => t.addRecord(mentor()));
  assert.match(idOf(made), /^[1-9][0-9]*$/);
  assert.equal(made.attributes.relationship, "mentor");
  return idOf(made);
});

await step("create the same again", async () => {
  const error = await refused(orbit, (to) => to.update((t) => t.addRecord(mentor())));
  assert.equal(error.response.status, 409);
  assert.equal(error.data.errors[0].code, "already-exists");
  assert.equal(error.data.errors[0].meta["existing-id"], idOf(made));
  return `${error.response.status}, ${error.data.errors[0].code}`;
});

await step("create with an id of its own", async () => {
  const record = { type: "user-relationship", attributes: { relationship: "mentor" } };
  const error = await refused(source(undefined), (to) => to.update((t) => t.addRecord(record)));
  assert.equal(error.response.status, 403);
  assert.ok(error.data.errors.some((each) => each.code === "client-generated-id"));
  return `${error.response.status}, client-generated-id`;
});

await step("change its type", async () => {
  const changed = await orbit.update((t) => t.replaceAttribute(made, "relationship", "colleague"));
  assert.equal(changed.id, made.id);
  assert.equal(changed.attributes.relationship, "colleague");
  return changed.attributes.relationship;
});

await step("send the whole record back", async () => {
  const changed = await orbit.update((t) =>
    t.updateRecord({ ...made, attributes: { ...made.attributes, relationship: "mentor" } }),
  );
  assert.equal(changed.attributes.relationship, "mentor");
  return changed.attributes.relationship;
});

await step("delete it", async () => {
  await orbit.update((t) => t.removeRecord(made));
  const gone = (q) => q.findRecord(made);
  const error = await refused(orbit, (to) => to.query(gone, { raiseNotFoundExceptions: true }));
  assert.match(error.message, /not found/i);
  return `then: ${error.message}`;
});

await step("search users", async () => {
  const { data, document } = await query((q) => q.findRecords("user").filter({ attribute: "query", value: "kim" }));
  assert.equal(document.meta["total-count"], data.length);
  assert.ok(data.some((each) => each.attributes.name === "Eun-ji Kim"));
  return data.map((each) => each.attributes.name).join(", ");
});

/** The error of a request that must fail. */
async function refused(source, send) {
  const error = await send(source).then(
    () => assert.fail("it was not refused"),
    (error) => error,
  );
  if (source.requestQueue.error) await source.requestQueue.skip();
  return error;
}
