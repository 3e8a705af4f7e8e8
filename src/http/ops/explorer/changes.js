// What the page changes: relationships, who reports to whom, and whole teams.

import { request } from "./api.js";
import { button, byId, count, make } from "./html.js";
import { choose } from "./dialog.js";
import { announce, confirm, run, runExclusively } from "./messages.js";
import { CARD_FIELDS, roleName, sentence, toPerson } from "./people.js";

/** @typedef {import("./people.js").Person} Person */
/** @typedef {import("./people.js").RelationshipType} RelationshipType */
/** @typedef {import("./people.js").Edge} Edge */
/** @typedef {{types: RelationshipType[], type: RelationshipType, nameOf: (id: string) => string, onRefusal: (ids: string[]) => void}} Context */

const EDGES = "/user-relationships";
const ATOMIC = 'application/vnd.api+json;ext="https://jsonapi.org/ext/atomic"';

/** @param {string} id */
const identifier = (id) => ({ type: "users", id });

/** The users directly above, in the type of the chart. @param {RelationshipType} type @param {string} id @returns {Promise<{id: string, name: string, edge: string}[]>} */
async function supervisorsOf(type, id) {
  const { data } = await request("GET", `${EDGES}?filter[user]=${id}&filter[relationship]=${type.id}&include=target&${CARD_FIELDS}`).then(withNames);
  return data;
}

/** @param {any} document */
function withNames({ data, included = [] }) {
  const names = new Map(included.map((/** @type {any} */ resource) => [resource.id, toPerson(resource).name]));
  return { data: data.map((/** @type {any} */ row) => ({ id: row.relationships.target.data.id, name: names.get(row.relationships.target.data.id), edge: row.id })) };
}

/**
 * Replaces the supervisor of a user, in one transaction. Returns the id of the new relationship.
 * @param {RelationshipType} type @param {string} id @param {string} to @returns {Promise<string>}
 */
async function reassign(type, id, to) {
  if (type.isToOne) {
    const document = await request("PATCH", `/users/${id}/relationships/${type.up}`, { data: identifier(to) });
    return document.meta["user-relationship"];
  }
  const present = await supervisorsOf(type, id);
  const add = {
    op: "add",
    data: { type: "user-relationships", attributes: { relationship: type.id }, relationships: { user: { data: identifier(id) }, target: { data: identifier(to) } } },
  };
  const remove = present.filter((user) => user.id !== to).map(({ edge }) => ({ op: "remove", ref: { type: "user-relationships", id: edge } }));
  const document = await request("POST", "/operations", { "atomic:operations": [...remove, add] }, ATOMIC);
  return document["atomic:results"].at(-1).data.id;
}

/**
 * Asks where to move a person, and moves.
 * @param {Context} context @param {Person} person @param {number | null} below @param {Person | undefined} preset
 * @param {(to: Person, edge: string) => unknown} done
 */
export function move(context, person, below, preset, done) {
  const { type, onRefusal } = context;
  // The dialog opens without waiting for it.
  const loading = supervisorsOf(type, person.id);
  loading.catch(() => {});
  choose({
    title: `Move ${person.name}`,
    label: `New ${singular(roleName(type, true))}`,
    yes: "Move",
    preset,
    onRefusal,
    preview: async (to) => {
      const from = (await loading).map((user) => user.name).join(", ");
      const team = below ? ` with ${count(below, "person", "people")} below` : "";
      return [make("p", { class: "preview" }, make("b", {}, person.name), `${team} moves `, ...(from ? ["from ", make("b", {}, from), " "] : []), "to ", make("b", {}, to.name), ".")];
    },
    act: async (to) => {
      const present = await loading;
      const edge = await reassign(type, person.id, to.id);
      await done(to, edge);
      const [previous] = present;
      const undo = previous && present.length === 1 && previous.id !== to.id
        ? button("Undo", () => runExclusively(async () => {
            const edge = await reassign(type, person.id, previous.id);
            await done(toPerson({ id: previous.id, attributes: { name: previous.name } }), edge);
            announce(`Moved back: ${sentence(type.id, person.name, previous.name ?? "")}.`);
          }), { class: "small" })
        : undefined;
      announce(`Moved: ${sentence(type.id, person.name, to.name)}.`, undo);
    },
  });
}

/**
 * Asks who takes over the team of a person, shows who moves, and hands over.
 * @param {Context} context @param {Person} person @param {() => unknown} done
 */
export function handOver({ type, onRefusal }, person, done) {
  const box = make("input", { type: "checkbox", id: "take-place" });
  const place = make("label", { class: "check" }, box, ` The successor also takes the place of ${person.name}`);
  choose({
    title: `Hand over the team of ${person.name}`,
    label: "Successor",
    yes: "Hand over",
    options: [place],
    onRefusal,
    preview: async (to) => {
      const page = await request("GET", `${EDGES}?filter[target]=${person.id}&filter[relationship]=${type.id}&include=user&${CARD_FIELDS}&page[size]=20`);
      const names = (page.included ?? []).map((/** @type {any} */ resource) => toPerson(resource)).filter((/** @type {Person} */ user) => user.id !== to.id);
      const total = page.meta["total-count"] - (page.included ?? []).filter((/** @type {any} */ resource) => resource.id === to.id).length;
      const rest = total - names.length;
      const items = names.map((/** @type {Person} */ user) => make("li", {}, user.name));
      if (rest > 0) items.push(make("li", {}, `and ${rest.toLocaleString("en")} more`));
      const lines = [make("p", { class: "preview" }, make("b", {}, count(total, "person", "people")), ` will report to `, make("b", {}, to.name), " instead of ", make("b", {}, person.name), ", with everyone below them:"), make("ul", { class: "moving" }, ...items)];
      if (box.checked) lines.push(make("p", {}, `${to.name} moves to where ${person.name} is now. ${person.name} stays under the same supervisor.`));
      return lines;
    },
    act: async (to) => {
      const attributes = { relationship: type.id, "take-place": box.checked };
      const ends = { from: { data: identifier(person.id) }, to: { data: identifier(to.id) } };
      const { data } = await request("POST", "/transfers", { data: { type: "transfers", attributes, relationships: ends } });
      await done();
      announce(`Handed over: ${count(data.attributes.moved, "person", "people")} now report to ${to.name}.`);
    },
  });
}

/**
 * Adds a relationship of any role.
 * @param {Context} context @param {Person} person @param {(type: string) => unknown} done
 */
export function add({ types, onRefusal }, person, done) {
  const sides = types.flatMap((type) => (type.isSymmetric ? [{ type, isOwner: true }] : [{ type, isOwner: true }, { type, isOwner: false }]));
  const select = make("select", { id: "new-role" }, ...sides.map(({ type, isOwner }, index) => make("option", { value: index }, singular(roleName(type, isOwner)))));
  const chosen = () => sides[Number(select.value)] ?? { type: types[0], isOwner: true };
  const ends = (/** @type {Person} */ other) => (chosen().isOwner ? [person, other] : [other, person]);
  choose({
    title: `Add a relationship of ${person.name}`,
    label: "Person",
    yes: "Add",
    options: [make("label", { for: "new-role" }, "Role of the other person"), select],
    onRefusal,
    preview: async (other) => {
      const [owner, target] = ends(other);
      return [make("p", { class: "preview" }, `${sentence(chosen().type?.id ?? "", owner?.name ?? "", target?.name ?? "")}.`)];
    },
    act: async (other) => {
      const [owner, target] = ends(other);
      const type = chosen().type?.id ?? "";
      const relationships = { user: { data: identifier(owner?.id ?? "") }, target: { data: identifier(target?.id ?? "") } };
      await request("POST", EDGES, { data: { type: "user-relationships", attributes: { relationship: type }, relationships } });
      await done(type);
      announce(`Created: ${sentence(type, owner?.name ?? "", target?.name ?? "")}.`);
    },
  });
}

/** Changes the type of a relationship. @param {Context} context @param {Edge} edge @param {() => unknown} done */
export async function changeType({ types, nameOf }, edge, done) {
  const select = make("select", { id: "other-type" }, ...types.map(({ id }) => make("option", { value: id, selected: id === edge.type }, id)));
  const words = make("p", {}, `${sentence(edge.type, nameOf(edge.owner), nameOf(edge.target))}.`);
  if (!(await confirm("Change this relationship", [words, make("label", { for: "other-type" }, "Type"), select], "Change"))) return;
  await run(async () => {
    await request("PATCH", `${EDGES}/${edge.id}`, { data: { type: "user-relationships", id: edge.id, attributes: { relationship: select.value } } });
    await done();
    announce(`Changed: ${sentence(select.value, nameOf(edge.owner), nameOf(edge.target))}.`);
  });
}

/** Deletes a relationship. @param {Context} context @param {Edge} edge @param {() => unknown} done */
export async function remove({ nameOf }, edge, done) {
  const text = sentence(edge.type, nameOf(edge.owner), nameOf(edge.target));
  if (!(await confirm("Delete this relationship?", [`${text}.`], "Delete", { isDangerous: true }))) return;
  await runExclusively(async () => {
    await request("DELETE", `${EDGES}/${edge.id}`);
    await done();
    // The focused button was removed.
    byId("person-title").focus();
    announce(`Deleted: ${text}.`);
  });
}

/** "Supervisors" → "supervisor". @param {string} name */
const singular = (name) => (name.endsWith("s") && !name.endsWith("ss") ? name.slice(0, -1) : name).toLowerCase();
