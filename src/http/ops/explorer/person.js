// The panel about one person: names, contact, and the relationships by role, with what can be done.

import { PAGE, request } from "./api.js";
import { button, byId, count, make } from "./html.js";
import { run } from "./messages.js";
import { CARD_FIELDS, initials, roleName, sentence, toEdge, toPerson } from "./people.js";

/** @typedef {import("./people.js").Person} Person */
/** @typedef {import("./people.js").RelationshipType} RelationshipType */
/** @typedef {import("./people.js").Edge} Edge */
/** @typedef {{type: RelationshipType, isOwner: boolean, total: number, edges: Edge[], next: string | null}} Role one role of the others towards the person */
/**
 * @typedef {object} Commands
 * @property {(id: string) => void} show
 * @property {(person: Person) => void} move
 * @property {(person: Person) => void} handOver
 * @property {(person: Person) => void} add
 * @property {(edge: Edge) => void} change
 * @property {(edge: Edge) => void} remove
 * @property {(person: Person) => void} changes
 * @property {(type: string, isOn: boolean) => void} overlay
 */

const EVERYTHING = "fields[users]=name,email,job-title,unit,is-enabled,location,phone,mobile,website,description,access-level";

export class PersonPanel {
  /** @type {Map<string, Person>} */
  people = new Map();
  /** @type {Role[]} */
  roles = [];
  /** The types that the chart marks around this person. @type {Set<string>} */
  overlays = new Set();
  /** @type {Person | null} */
  person = null;
  #commands;
  #load = 0;
  /** @type {any} */
  #attributes = {};
  #moment = "";
  /** @type {RelationshipType | null} */
  #chartType = null;

  /** @param {Commands} commands */
  constructor(commands) {
    this.#commands = commands;
  }

  clear() {
    this.#load++;
    this.person = null;
    this.roles = [];
    byId("person-title").textContent = "No one selected";
    byId("person-body").replaceChildren(make("p", { class: "hint" }, "Select a card, or find someone by name."));
  }

  /**
   * Loads and shows a person.
   * @param {string} id @param {RelationshipType[]} types @param {RelationshipType} chartType @param {string} asOf
   */
  async show(id, types, chartType, asOf) {
    const load = ++this.#load;
    this.#moment = asOf ? `&filter[as-of]=${encodeURIComponent(asOf)}` : "";
    this.#chartType = chartType;
    const [resource, roles] = await Promise.all([
      request("GET", `/users/${id}?${EVERYTHING}`).then((document) => document.data, ifDeleted(id, asOf)),
      this.#loadRoles(id, types),
    ]);
    if (load !== this.#load) return;
    if (this.person?.id !== id) this.overlays.clear();
    this.person = toPerson(resource);
    this.people.set(id, this.person);
    this.#attributes = resource.attributes ?? {};
    this.roles = roles;
    this.#render();
  }

  /** One request if the person has few relationships, otherwise one for each role. @param {string} id @param {RelationshipType[]} types @returns {Promise<Role[]>} */
  async #loadRoles(id, types) {
    const all = await request("GET", this.#path(`filter[participant]=${id}`));
    this.#keepPeople(all);
    const ordered = types.toSorted((a, b) => Number(b === this.#chartType) - Number(a === this.#chartType));
    const sides = ordered.flatMap((type) => (type.isSymmetric ? [{ type, isOwner: true }] : [{ type, isOwner: true }, { type, isOwner: false }]));
    if (!all.links.next) {
      const edges = all.data.map(toEdge);
      const isOn = (/** @type {Edge} */ edge, /** @type {{type: RelationshipType, isOwner: boolean}} */ { type, isOwner }) =>
        edge.type === type.id && (type.isSymmetric || (edge.owner === id) === isOwner);
      return sides.map((side) => {
        const own = edges.filter((/** @type {Edge} */ edge) => isOn(edge, side));
        return { ...side, total: own.length, edges: own, next: null };
      });
    }
    return Promise.all(sides.map(async (side) => {
      const end = side.type.isSymmetric ? "participant" : side.isOwner ? "user" : "target";
      const page = await request("GET", this.#path(`filter[${end}]=${id}&filter[relationship]=${side.type.id}`));
      this.#keepPeople(page);
      return { ...side, total: page.meta["total-count"], edges: page.data.map(toEdge), next: page.links.next };
    }));
  }

  /** @param {string} filter */
  #path(filter) {
    return `/user-relationships?${filter}&include=user,target&${CARD_FIELDS}&page[size]=${PAGE}${this.#moment}`;
  }

  /** @param {any} page */
  #keepPeople(page) {
    for (const resource of page.included ?? []) this.people.set(resource.id, toPerson(resource));
  }

  /** @param {string} id */
  nameOf(id) {
    return this.people.get(id)?.name ?? `User ${id}`;
  }

  /** @param {Edge} edge */
  describe({ type, owner, target }) {
    return sentence(type, this.nameOf(owner), this.nameOf(target));
  }

  /** The words that mark other users on the chart: their roles in the types of the overlay. */
  tags() {
    /** @type {Map<string, string[]>} */
    const tags = new Map();
    for (const { type, isOwner, edges } of this.roles) {
      if (!this.overlays.has(type.id)) continue;
      for (const edge of edges) {
        const other = edge.owner === this.person?.id ? edge.target : edge.owner;
        tags.set(other, [...(tags.get(other) ?? []), singular(roleName(type, isOwner))]);
      }
    }
    return tags;
  }

  #render() {
    const person = this.person;
    if (!person) return;
    const isNow = this.#moment === "";
    byId("person-title").textContent = person.name;
    const about = this.#attributes;
    const picture = make("span", { class: "picture", "aria-hidden": "true" }, initials(person));
    const words = make("div", {}, make("p", { class: "role" }, person.title || "No title"), make("p", { class: "hint" }, person.unit));
    const facts = [
      ["E-mail", person.email && make("a", { href: `mailto:${person.email}` }, person.email)],
      ["Phone", [...(about.phone ?? []), ...(about.mobile ?? [])].join(", ")],
      ["Location", (about.location ?? []).join(", ")],
      ["About", about.description],
      ["User", `${person.id}${about["access-level"] && about["access-level"] !== "user" ? ` (${about["access-level"]})` : ""}`],
    ].filter(([, value]) => value);
    const list = make("dl", {}, ...facts.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value))));
    const state = person.isDeleted ? "This user was deleted." : person.isEnabled ? "" : "This account is disabled: the person has left.";
    const parts = [make("div", { class: "who" }, picture, words), ...(state ? [make("p", { class: "notice" }, state)] : []), list];
    if (isNow) parts.push(this.#actions(person));
    else parts.push(make("p", { class: "hint" }, "The past cannot be changed. Names and titles are those of today."));
    parts.push(this.#overlayChoice(), ...this.roles.map((role) => this.#section(role, isNow)));
    byId("person-body").replaceChildren(...parts);
  }

  /** @param {Person} person */
  #actions(person) {
    const { move, handOver, add, changes } = this.#commands;
    const team = this.roles.find((role) => role.type.id === this.#chartType?.id && !role.isOwner);
    const actions = [button("Move to…", () => move(person)), button("Add…", () => add(person))];
    if (team && team.total > 0) actions.splice(1, 0, button("Hand over the team…", () => handOver(person)));
    actions.push(button("History", () => changes(person)));
    return make("div", { class: "actions" }, ...actions);
  }

  /** The other types, each of which can be marked on the chart for this person. */
  #overlayChoice() {
    const types = [...new Set(this.roles.filter((role) => role.type.id !== this.#chartType?.id && role.total > 0).map((role) => role.type.id))];
    const boxes = types.map((type) => {
      const box = make("input", { type: "checkbox", checked: this.overlays.has(type) });
      box.addEventListener("change", () => {
        if (box.checked) this.overlays.add(type);
        else this.overlays.delete(type);
        this.#commands.overlay(type, box.checked);
      });
      return make("label", {}, box, ` ${type}`);
    });
    return types.length === 0 ? "" : make("fieldset", { class: "overlays" }, make("legend", {}, "Also mark on the chart"), ...boxes);
  }

  /** @param {Role} role @param {boolean} isNow */
  #section(role, isNow) {
    if (role.total === 0) return "";
    const list = make("ul", { class: "plain edges" }, ...role.edges.map((edge) => this.#item(edge, isNow)));
    const more = button("Show more", () => run(async () => {
      const page = await request("GET", role.next ?? "");
      this.#keepPeople(page);
      const edges = page.data.map(toEdge);
      role.edges.push(...edges);
      role.next = page.links.next;
      list.append(...edges.map((/** @type {Edge} */ edge) => this.#item(edge, isNow)));
      more.hidden = !role.next;
    }), { class: "small" });
    more.hidden = !role.next;
    const heading = make("h3", {}, `${roleName(role.type, role.isOwner)} `, make("span", { class: "count" }, role.total.toLocaleString("en")));
    heading.setAttribute("aria-label", `${roleName(role.type, role.isOwner)}: ${count(role.total, "person", "people")}`);
    return make("section", { class: "role-list" }, heading, list, more);
  }

  /** @param {Edge} edge @param {boolean} isNow */
  #item(edge, isNow) {
    const other = this.people.get(edge.owner === this.person?.id ? edge.target : edge.owner) ?? toPerson({ id: edge.owner === this.person?.id ? edge.target : edge.owner });
    const { show, change, remove } = this.#commands;
    const text = this.describe(edge);
    const go = button(other.name, () => show(other.id), { class: "link" });
    const detail = make("small", {}, [other.title, other.isEnabled ? "" : "has left"].filter(Boolean).join(" · "));
    const tools = isNow
      ? [button("Change", () => change(edge), { class: "small", "aria-label": `Change: ${text}` }), button("Delete", () => remove(edge), { class: "small", "aria-label": `Delete: ${text}` })]
      : [];
    return make("li", { "data-edge": edge.id }, make("span", { class: "words" }, go, detail), ...tools);
  }
}

/** "Mentors" → "Mentor". @param {string} name */
const singular = (name) => (name.endsWith("s") && !name.endsWith("ss") ? name.slice(0, -1) : name);

/** A deleted user is shown by its id on charts of the past. @param {string} id @param {string} asOf @returns {(error: any) => any} */
const ifDeleted = (id, asOf) => (error) => {
  if (error?.status === 404 && asOf) return { id, meta: { "is-deleted": true } };
  throw error;
};
