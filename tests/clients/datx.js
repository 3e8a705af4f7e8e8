// [quirks]
// * It sends an unset relationship as `null`; without `user`, the caller becomes the owner.
// * The target is a model of the store, not an identifier.
// * A failed request rejects with a response whose `error` is the list of error objects.
// * Links are relative unless `PUBLIC_URL` is set, hence `fetchReference`.
// * `getAll` follows `links.next`, at most 50 times unless its third argument says more.
// [/quirks]

import { api, checkClient, checkRoles, token } from "./steps.js";

// [setup]
import { Attribute, Collection, Model, getModelId } from "@datx/core";
import { config, jsonapiCollection, jsonapiModel, saveRelationship } from "@datx/jsonapi";

config.baseUrl = `${api}/`;
config.defaultFetchOptions = {
  headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/vnd.api+json" },
};
config.fetchReference = (url, options) => fetch(new URL(url, api), options);

class User extends jsonapiModel(Model) {
  static type = "users";
}
class UserRelationship extends jsonapiModel(Model) {
  static type = "user-relationships";
}
Attribute()(User, "description");
Attribute({ toOne: User })(User, "supervisor");
Attribute()(UserRelationship, "relationship");
Attribute({ toOne: User })(UserRelationship, "user");
Attribute({ toOne: User })(UserRelationship, "target");

class Store extends jsonapiCollection(Collection) {
  static types = [User, UserRelationship];
}
const store = new Store();
// [/setup]

// [example]
const { data: target } = await store.getOne(User, "1000");
const edge = (relationship) => store.add({ relationship, target }, UserRelationship);

// [/example]
await checkClient("datx", {
  async list() {
    // [example: List]
    const leads = await store.getMany(UserRelationship, {
      queryParams: { filter: { user: "me", relationship: "subordinate" }, include: "target" },
    });
    // [/example]
    return { total: leads.meta["total-count"], targets: leads.data.map((edge) => getModelId(edge.target)) };
  },

  async pageThrough() {
    // [example: Page through]
    const { data: all } = await store.getAll(UserRelationship, { queryParams: { custom: ["page[size]=50"] } });
    // [/example]
    return all.map((edge) => getModelId(edge));
  },

  async create() {
    // [example: Create]
    const mentor = await edge("mentor").save();
    // [/example]
    return getModelId(mentor);
  },

  async duplicate() {
    // [example: 409, because it exists]
    const refusal = await edge("mentor").save().catch((response) => response);
    const existing = refusal.error[0].meta["existing-id"];
    // [/example]
    return { ...refusal.error[0], existing };
  },

  async change(id) {
    const mentor = store.findOne(UserRelationship, id);
    // [example: Change]
    mentor.relationship = "colleague";
    await mentor.save();
    // [/example]
    return mentor.relationship;
  },

  async remove(id) {
    const mentor = store.findOne(UserRelationship, id);
    // [example: Delete]
    await mentor.destroy();
    // [/example]
  },

  async fieldError() {
    // [example: Show an error at its field]
    const { error: errors } = await edge("friend").save().catch((response) => response);
    const field = errors[0].source.pointer; // "/data/attributes/relationship"
    // [/example]
    return { ...errors[0], field };
  },
});

await checkRoles("datx", {
  async readRole() {
    // [example: Read a role]
    const { data: lead } = await store.request("users/me/supervisor");
    // [/example]
    return getModelId(lead);
  },

  async includeRole() {
    // [example: Include a role]
    const { data: me } = await store.getOne(User, "1017", { queryParams: { include: "supervisor" } });
    // [/example]
    return me.supervisor.name;
  },

  async reassign(id) {
    const { data: me } = await store.getOne(User, "1017", { queryParams: { include: "supervisor" } });
    // [example: Reassign]
    const { data: lead } = await store.getOne(User, id);
    me.supervisor = lead;
    await saveRelationship(me, "supervisor");
    // [/example]
  },

  async sendBack(description) {
    const { data: me } = await store.getOne(User, "1017", { queryParams: { include: "supervisor" } });
    // [example: Send a record with a role back]
    me.description = description;
    await me.save();
    // [/example]
  },
});
