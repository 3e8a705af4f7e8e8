// Schemas as lists of members, with links between them.

import { make, prose } from "./elements.js";

const REFERENCE = "#/components/schemas/";
/** How deep members are shown without opening them. */
const OPEN_LEVELS = 1;

/** Follows a reference within the document. */
export function resolve(document, value) {
  const path = value?.$ref;
  return path ? path.slice(2).split("/").reduce((it, name) => it?.[name.replaceAll("~1", "/")], document) : value;
}

const nameOf = (schema) => (schema?.$ref?.startsWith(REFERENCE) ? schema.$ref.slice(REFERENCE.length) : undefined);
const link = (name) => make("a", { href: `#schema-${name}` }, name);

/** The type of a value in a few words, as nodes. */
export function typeOf(document, schema) {
  const name = nameOf(schema);
  if (name) return [link(name)];
  if (schema === undefined || schema === true) return ["any value"];
  if (schema.not) return ["must be omitted"];
  const alternatives = schema.oneOf ?? schema.anyOf;
  if (alternatives) return alternatives.flatMap((it, index) => (index ? [" or ", ...typeOf(document, it)] : typeOf(document, it)));
  if ("const" in schema) return [make("code", {}, JSON.stringify(schema.const))];
  if (schema.enum) return ["one of ", ...schema.enum.flatMap((it, index) => [index ? ", " : "", make("code", {}, String(it))])];
  if (schema.items) return ["list of ", ...typeOf(document, schema.items)];
  const types = [schema.type ?? (schema.properties ? "object" : "any value")].flat();
  return [types.join(" or ").replace("date-time", "time"), ...limits(schema)];
}

/** The formats and limits of a value. */
function limits(schema) {
  const { format, pattern, minimum, maximum, minLength, maxLength, minItems, maxItems } = schema;
  const words = [];
  if (format) words.push(format);
  if (minimum !== undefined && maximum !== undefined) words.push(`${minimum} to ${maximum}`);
  else if (minimum !== undefined) words.push(`at least ${minimum}`);
  else if (maximum !== undefined) words.push(`at most ${maximum}`);
  if (maxLength !== undefined) words.push(`${minLength ?? 0} to ${maxLength} characters`);
  else if (minLength) words.push("not empty");
  if (maxItems !== undefined) words.push(`${minItems ?? 0} to ${maxItems} items`);
  const nodes = words.map((word) => `, ${word}`);
  return pattern ? [...nodes, ", ", make("code", { class: "pattern" }, pattern)] : nodes;
}

/** The names of the values that a schema accepts, if they are listed; `undefined` for others. */
export function valuesOf(document, schema) {
  const resolved = resolve(document, schema) ?? {};
  return resolved.enum ?? (resolved.type === "boolean" ? ["true", "false"] : undefined);
}

/** A schema with its members. Deeper members are made when they are opened. */
export function renderSchema(document, schema, level = 0, seen = []) {
  const name = nameOf(schema);
  const resolved = resolve(document, schema);
  if (!resolved || (name && seen.includes(name))) return make("p", {}, ...typeOf(document, schema));
  const path = name ? [...seen, name] : seen;
  const alternatives = resolved.oneOf ?? resolved.anyOf;
  if (alternatives) {
    const items = alternatives.map((it) => make("li", {}, ...typeOf(document, it), ...nested(document, it, level, path)));
    return make("div", { class: "schema" }, make("p", {}, "One of:"), make("ul", {}, ...items));
  }
  if (resolved.items && hasMembers(document, resolved.items)) {
    return make("div", { class: "schema" }, make("p", {}, ...typeOf(document, resolved), ":"), renderSchema(document, resolved.items, level, path));
  }
  if (!resolved.properties) return make("p", {}, ...typeOf(document, resolved), resolved.description ? ". " : "", ...prose(resolved.description));
  const isRequired = (member) => resolved.required?.includes(member) ?? false;
  const sorted = Object.entries(resolved.properties).sort(([one], [other]) => isRequired(other) - isRequired(one));
  const members = sorted.map(([member, value]) => {
    const about = value?.description ?? resolve(document, value)?.description;
    return make(
      "li",
      {},
      make("code", { class: "member" }, member),
      " ",
      make("span", { class: "type" }, ...typeOf(document, value)),
      isRequired(member) ? make("span", { class: "required" }, "required") : "",
      about ? make("p", {}, ...prose(about)) : "",
      ...nested(document, value, level, path),
    );
  });
  return make("ul", { class: "schema members" }, ...members);
}

function hasMembers(document, schema) {
  const resolved = resolve(document, schema);
  return Boolean(resolved?.properties || resolved?.oneOf || (resolved?.items && hasMembers(document, resolved.items)));
}

/** The members of a member, folded. */
function nested(document, schema, level, seen) {
  if (!hasMembers(document, schema) || seen.includes(nameOf(schema))) return [];
  const details = make("details", {}, make("summary", {}, "Members"));
  const fill = () => details.childElementCount === 1 && details.append(renderSchema(document, schema, level + 1, seen));
  details.addEventListener("toggle", fill);
  if (level < OPEN_LEVELS) {
    fill();
    details.open = true;
  }
  return [details];
}

/** The section of all schemas. */
export function renderSchemas(document) {
  const names = Object.keys(document.components.schemas);
  const items = names.map((name) => make("li", {}, link(name)));
  return make(
    "section",
    { id: "schemas" },
    make("h2", {}, "Schemas"),
    make("p", { class: "lead" }, `The ${names.length} named parts of requests and responses. Requests and responses link to them.`),
    make("ul", { class: "names" }, ...items),
  );
}

/** The section of one schema; `undefined` if there is none with this name. */
export function renderSchemaSection(document, name) {
  const schema = document.components.schemas[name];
  if (!schema) return undefined;
  const users = usersOf(document, name);
  return make(
    "section",
    { id: `schema-${name}`, class: "schema-page" },
    make("p", { class: "crumb" }, make("a", { href: "#schemas" }, "Schemas")),
    make("h2", {}, name),
    schema.properties && schema.description ? make("p", { class: "lead" }, ...prose(schema.description)) : "",
    renderSchema(document, { $ref: REFERENCE + name }),
    users.length > 0 ? make("h3", {}, "Used by") : "",
    make("ul", { class: "names" }, ...users),
  );
}

/** Links to the requests and schemas that refer to a schema directly. */
function usersOf(document, name) {
  const refers = (value) => JSON.stringify(value).includes(`"${REFERENCE}${name}"`);
  const operations = Object.values(document.paths).flatMap((item) =>
    Object.values(item).filter((it) => it.operationId && refers(it)).map((it) => [`#${it.operationId}`, it.summary]));
  const schemas = Object.entries(document.components.schemas).filter(([other, it]) => other !== name && refers(it));
  const links = [...operations, ...schemas.map(([other]) => [`#schema-${other}`, other])];
  return links.map(([href, words]) => make("li", {}, make("a", { href }, words)));
}
