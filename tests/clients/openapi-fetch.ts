// [quirks]
// * `openapi-typescript` writes only types; `openapi-fetch` sends the requests.
// * Lists of values are separated by commas, hence `querySerializer`. Without it, `include` and `fields[…]` with two values
//   are 400.
// * `data` and `error` are typed; `error.errors[0].source?.pointer` names the field.
// [/quirks]

import { api, checkClient, token } from "./steps.js";

// [setup]
import createClient from "openapi-fetch";
import type { components, paths } from "./generated/schema.js";

const client = createClient<paths>({
  baseUrl: new URL(api).origin,
  headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/vnd.api+json" },
  querySerializer: { array: { style: "form", explode: false } },
});
// [/setup]

// [example]
const edge = (relationship: string): components["schemas"]["NewUserRelationship"] => ({
  data: {
    type: "user-relationships",
    attributes: { relationship },
    relationships: { target: { data: { type: "users", id: "1000" } } },
  },
});

// [/example]
await checkClient("openapi-fetch", {
  async list() {
    // [example: List]
    const { data: leads } = await client.GET("/api/v2/user-relationships", {
      params: {
        query: { "filter[user]": ["me"], "filter[relationship]": ["subordinate"], include: ["user", "target"] },
      },
    });
    // [/example]
    const targets = leads?.data.map((edge) => edge.relationships?.target?.data.id);
    return { total: leads?.meta["total-count"], targets };
  },

  async pageThrough() {
    // [example: Page through]
    const all: components["schemas"]["UserRelationship"][] = [];
    for (let offset = 0, total = 1; offset < total; offset += 50) {
      const query = { "page[offset]": offset, "page[limit]": 50 };
      const { data, error } = await client.GET("/api/v2/user-relationships", { params: { query } });
      if (error) throw error;
      all.push(...data.data);
      total = data.meta["total-count"];
    }
    // [/example]
    return all.map((edge) => edge.id);
  },

  async create() {
    // [example: Create]
    const { data: created } = await client.POST("/api/v2/user-relationships", { body: edge("mentor") });
    // [/example]
    return created?.data.id;
  },

  async duplicate() {
    // [example: 409, because it exists]
    const { error: refusal } = await client.POST("/api/v2/user-relationships", { body: edge("mentor") });
    const existing: string | undefined = refusal?.errors[0]?.meta?.["existing-id"];
    // [/example]
    return existing && refusal?.errors[0];
  },

  async change(id: string) {
    // [example: Change]
    const { data: changed } = await client.PATCH("/api/v2/user-relationships/{id}", {
      params: { path: { id } },
      body: { data: { type: "user-relationships", id, attributes: { relationship: "colleague" } } },
    });
    // [/example]
    return changed?.data.attributes?.relationship;
  },

  async remove(id: string) {
    // [example: Delete]
    await client.DELETE("/api/v2/user-relationships/{id}", { params: { path: { id } } });
    // [/example]
  },

  async fieldError() {
    // [example: Show an error at its field]
    const { error } = await client.POST("/api/v2/user-relationships", { body: edge("friend") });
    const field = error?.errors[0]?.source?.pointer; // "/data/attributes/relationship"
    // [/example]
    return field && error?.errors[0];
  },
});
