// [quirks]
// * Include both ends or none (`with(["user", "target"])`): Coloquent fails when only one end of a loaded relationship is
//   included.
// * Pages have at most 50 resources (`pageSize`); an empty page is the end.
// * A failed read rejects with a message only; a failed `save` rejects with the error of axios, and its `response.data.errors`.
// * `readOnlyAttributes` keeps what the service sets out of `save`.
// [/quirks]

import { api, checkClient, token } from "./steps.js";

// [setup]
import coloquent from "coloquent";

const { Model } = coloquent;

class ApiModel extends Model {
  static pageSize = 50;
  readOnlyAttributes = ["created-at", "updated-at", "name", "is-supervisor"];
  getJsonApiBaseUrl() {
    return api;
  }
}
class User extends ApiModel {
  jsonApiType = "users";
}
class UserRelationship extends ApiModel {
  jsonApiType = "user-relationships";
  user() {
    return this.hasOne(User, "user");
  }
  target() {
    return this.hasOne(User, "target");
  }
}
new User(); // creates the HTTP client
const axios = Model.getHttpClient().getImplementingClient();
axios.defaults.headers.common.Authorization = `Bearer ${token}`;
// [/setup]

// [example]
function edge(relationship) {
  const target = new User();
  target.setApiId("1000");
  const made = new UserRelationship();
  made.setAttribute("relationship", relationship);
  made.setRelation("target", target);
  return made;
}

// [/example]
await checkClient("coloquent", {
  async list() {
    // [example: List]
    const found = await UserRelationship.where("user", "me")
      .where("relationship", "subordinate")
      .with(["user", "target"])
      .get();
    // [/example]
    const total = found.getHttpClientResponse().getData().meta["total-count"];
    return { total, targets: found.getData().map((edge) => edge.getRelation("target").getApiId()) };
  },

  async pageThrough() {
    // [example: Page through]
    const all = [];
    for (let page = 1, edges; edges?.length !== 0; page += 1) {
      edges = (await UserRelationship.get(page)).getData();
      all.push(...edges);
    }
    // [/example]
    return all.map((edge) => edge.getApiId());
  },

  async create() {
    // [example: Create]
    const created = (await edge("mentor").save()).getModel();
    // [/example]
    return created.getApiId();
  },

  async duplicate() {
    // [example: 409, because it exists]
    const refusal = await edge("mentor").save().catch((error) => error);
    const existing = refusal.response.data.errors[0].meta["existing-id"];
    // [/example]
    return { ...refusal.response.data.errors[0], existing };
  },

  async change(id) {
    // [example: Change]
    const mentor = (await UserRelationship.find(id)).getData();
    mentor.setAttribute("relationship", "colleague");
    const changed = (await mentor.save()).getModel();
    // [/example]
    return changed.getAttribute("relationship");
  },

  async remove(id) {
    const mentor = (await UserRelationship.find(id)).getData();
    // [example: Delete]
    await mentor.delete();
    // [/example]
  },

  async fieldError() {
    // [example: Show an error at its field]
    const { response } = await edge("friend").save().catch((error) => error);
    const [error] = response.data.errors;
    const field = error.source.pointer; // "/data/attributes/relationship"
    // [/example]
    return { ...error, field };
  },
});
