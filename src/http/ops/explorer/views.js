// Lists beside the chart: who has no supervisor, who reports to people who left, who changed what.

import { PAGE, request } from "./api.js";
import { button, byId, count, make } from "./html.js";
import { announce, run } from "./messages.js";
import { CARD_FIELDS, loadPeople, roleName, sentence, toEdge, toPerson } from "./people.js";

/** @typedef {import("./people.js").Person} Person */
/** @typedef {import("./people.js").RelationshipType} RelationshipType */
/** @typedef {{title: string, about: (type: RelationshipType) => string, path: (type: RelationshipType) => string, items: (page: any, show: (id: string) => void) => Promise<HTMLElement[]> | HTMLElement[]}} View */

/** @type {Record<string, View>} */
const VIEWS = {
  top: {
    title: "Without a supervisor",
    about: (type) => `People without ${roleName(type, true).toLowerCase()}, by name.`,
    path: (type) => `/users?filter[lacks]=${type.up}&${CARD_FIELDS}&page[size]=${PAGE}`,
    items: (page, show) => page.data.map((/** @type {any} */ resource) => personItem(toPerson(resource), show)),
  },
  left: {
    title: "Reports of people who left",
    about: (type) => `Relationships of the type ${type.id} with someone whose account is disabled.`,
    path: (type) => `/user-relationships?filter[target-enabled]=false&filter[relationship]=${type.id}&include=user,target&${CARD_FIELDS}&page[size]=${PAGE}`,
    items: (page, show) => {
      const people = new Map((page.included ?? []).map((/** @type {any} */ resource) => [resource.id, toPerson(resource)]));
      const person = (/** @type {string} */ id) => people.get(id) ?? toPerson({ id });
      return page.data.map(toEdge).map((/** @type {import("./people.js").Edge} */ edge) => personItem(person(edge.owner), show, sentence(edge.type, person(edge.owner).name, person(edge.target).name)));
    },
  },
  changes: {
    title: "Who changed what",
    about: () => "Changes of people, relationships and types, the latest first.",
    path: () => `/changes?filter[subject-type]=user-relationships,users,relationship-types&sort=-id&page[size]=${PAGE}`,
    items: changeItems,
  },
};

/** The titles of the views, by their names in links. */
export const VIEW_TITLES = Object.fromEntries(Object.entries(VIEWS).map(([name, { title }]) => [name, title]));

/** @param {Person} person @param {(id: string) => void} show @param {string} [detail] */
function personItem(person, show, detail = [person.title, person.unit].filter(Boolean).join(" · ")) {
  return make("li", {}, make("span", { class: "words" }, button(person.name, () => show(person.id), { class: "link" }), make("small", {}, detail)));
}

/** @param {any} page @param {(id: string) => void} show */
async function changeItems(page, show) {
  const end = (/** @type {any} */ change, /** @type {string} */ name) => change.relationships?.[name]?.data?.id;
  const ids = page.data.flatMap((/** @type {any} */ change) => [
    ...["actor", "user", "target"].map((name) => end(change, name)),
    change.attributes["subject-type"] === "users" ? change.attributes["subject-id"] : undefined,
  ]);
  const people = await loadPeople(ids.filter(Boolean));
  const link = (/** @type {string} */ id) => button(people.get(id)?.name ?? `User ${id}`, () => show(id), { class: "link" });
  return page.data.map((/** @type {any} */ change) => {
    const { action, "subject-type": subject, "subject-id": id, relationship, "previous-relationship": previous, changed, at, reason } = change.attributes;
    const [actor, user, target] = ["actor", "user", "target"].map((name) => end(change, name));
    const type = previous && previous !== relationship ? `${previous} → ${relationship}` : relationship;
    const what = user && target ? [link(user), ` → ${type} → `, link(target)] : subject === "users" && id ? [link(id)] : [`${subject} ${id ?? ""}`];
    const fields = changed?.length > 0 ? ` (${changed.join(", ")})` : "";
    const when = make("time", { datetime: at }, new Date(at).toLocaleString());
    const who = actor ? [" by ", link(actor)] : [" by a command"];
    const why = reason ? ` · ${reason}` : "";
    return make("li", {}, make("span", { class: "words" }, make("span", {}, make("b", {}, action), " ", ...what, fields), make("small", {}, when, ...who, why)));
  });
}

/**
 * Shows a view in the panel.
 * @param {string} name @param {RelationshipType} type @param {(id: string) => void} show
 * @param {{path: string, title: string}} [other] a list of changes other than the feed, such as a history
 */
export async function showView(name, type, show, other) {
  const view = VIEWS[name];
  if (!view) return;
  const list = make("ul", { class: "plain edges" });
  const more = button("Show more", () => {}, { class: "small" });
  /** @param {string} path */
  const load = async (path) => {
    const page = await request("GET", path);
    const items = await view.items(page, show);
    list.append(...items);
    const next = page.links?.next;
    more.hidden = !next;
    more.onclick = () => run(() => load(next));
    return page;
  };
  byId("view-title").textContent = other?.title ?? view.title;
  byId("view-body").replaceChildren(make("p", { class: "hint" }, "Loading …"));
  const page = await load(other?.path ?? view.path(type));
  const total = page.meta?.["total-count"];
  const summary = total === undefined ? view.about(type) : `${view.about(type)} ${count(total, "entry", "entries")}.`;
  const empty = list.children.length === 0 ? [make("p", { class: "empty" }, "Nothing to list. That is good news.")] : [];
  byId("view-body").replaceChildren(make("p", { class: "hint" }, summary), ...empty, list, more);
  announce(`${other?.title ?? view.title}: ${total === undefined ? "loaded" : count(total, "entry", "entries")}.`);
}
