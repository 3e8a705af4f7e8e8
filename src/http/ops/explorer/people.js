// Users and relationship types, as the page shows them.

import { ApiError, PAGE, request } from "./api.js";

/**
 * @typedef {{id: string, name: string, email: string, title: string, unit: string, isEnabled: boolean, isDeleted: boolean}} Person
 * @typedef {{id: string, up: string | null, down: string | null, isTree: boolean, isSymmetric: boolean, isToOne: boolean, description: string}} RelationshipType `up` and `down` are the roles of targets and of owners
 * @typedef {{id: string, owner: string, target: string, type: string}} Edge
 */

/** Selects what a card shows. */
export const CARD_FIELDS = "fields[users]=name,email,job-title,unit,is-enabled";

/** @param {any} resource @returns {Person} */
export function toPerson(resource) {
  const { name, email, "job-title": titles, unit: units, "is-enabled": isEnabled } = resource.attributes ?? {};
  const isDeleted = resource.meta?.["is-deleted"] === true;
  return {
    id: resource.id,
    name: name || email || (isDeleted ? `Deleted user ${resource.id}` : `User ${resource.id}`),
    email: email ?? "",
    title: titles?.join(", ") ?? "",
    unit: units?.join(", ") ?? "",
    isEnabled: isEnabled !== false,
    isDeleted,
  };
}

/** One or two letters for the picture of a person. @param {Person} person */
export function initials({ name }) {
  const words = name.split(/\s+/u).filter((word) => /^[\p{L}\p{N}]/u.test(word));
  const letters = [words[0], words.length > 1 ? words.at(-1) : undefined].map((word) => [...(word ?? "")][0] ?? "");
  return letters.join("").toUpperCase() || "–";
}

/** @param {any} resource @returns {RelationshipType} */
export function toType({ id, attributes }) {
  return {
    id,
    up: attributes["target-role"],
    down: attributes["user-role"],
    isTree: attributes["is-tree"] === true,
    isSymmetric: attributes["is-symmetric"] === true,
    isToOne: attributes["max-per-user"] === 1,
    description: attributes.description ?? "",
  };
}

/** Loads users by id. Users who cannot be seen are shown by their id. @param {string[]} ids @returns {Promise<Map<string, Person>>} */
export async function loadPeople(ids) {
  const wanted = [...new Set(ids)];
  /** @type {Map<string, Person>} */
  const found = new Map();
  /** @param {string[]} some @param {string} filter */
  const load = async (some, filter) => {
    for (let start = 0; start < some.length; start += PAGE) {
      const list = some.slice(start, start + PAGE).join(",");
      const page = await request("GET", `/users?filter[id]=${list}${filter}&${CARD_FIELDS}&page[limit]=${PAGE}`);
      for (const resource of page.data) found.set(resource.id, toPerson(resource));
    }
  };
  await load(wanted, "");
  // Lists leave disabled users out unless an admin asks for them.
  const missing = wanted.filter((id) => !found.has(id));
  if (missing.length > 0) await load(missing, "&filter[is-enabled]=false").catch(ignoreRefusal);
  return new Map(wanted.map((id) => [id, found.get(id) ?? toPerson({ id })]));
}

/** @param {unknown} error */
function ignoreRefusal(error) {
  if (!(error instanceof ApiError) || error.status !== 403) throw error;
}

/** @param {any} resource @returns {Edge} */
export function toEdge({ id, attributes, relationships }) {
  return { id, owner: relationships.user.data.id, target: relationships.target.data.id, type: attributes.relationship };
}

/** "supervisors" → "Supervisors". @param {string} text */
export const capitalize = (text) => text.slice(0, 1).toUpperCase() + text.slice(1).replaceAll("-", " ");

/** The name of the users at the other end, seen from a user. @param {RelationshipType} type @param {boolean} isOwner */
export function roleName(type, isOwner) {
  const role = isOwner ? type.up : type.down;
  if (role) return capitalize(role);
  if (type.isSymmetric || type.id === "colleague") return `${capitalize(type.id)}s`;
  return isOwner ? capitalize(type.id) : `${capitalize(type.id)} of`;
}

/** A relationship as a sentence. @param {string} type @param {string} owner @param {string} target the names of its ends */
export function sentence(type, owner, target) {
  switch (type) {
    case "subordinate": return `${owner} reports to ${target}`;
    case "mentor": return `${target} is the mentor of ${owner}`;
    case "colleague": return `${owner} works with ${target}`;
    default: return `${owner} → ${type} → ${target}`;
  }
}
