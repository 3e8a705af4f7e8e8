// Fields for the parameters of an operation.

import { make, prose } from "./elements.js";
import { decodeBrackets } from "./request.js";
import { resolve, typeOf, valuesOf } from "./schemas.js";

/** A list of at most this many names has a check box for each. */
const MAX_CHECK_BOXES = 12;

/** The groups of parameters, by title. All but the first two are folded. */
const GROUPS = ["Path", "Query", "Pages", "Members to return", "Skillhive's names", "Header fields"];
const OPEN_GROUPS = 2;

/** The group of a parameter. One with a first value is in a group that is not folded. */
function groupOf({ name, where, about, first }) {
  if (where === "path") return "Path";
  if (where === "header") return "Header fields";
  if (first !== "") return "Query";
  if (about.startsWith("Alias of ")) return "Skillhive's names";
  if (name.startsWith("fields[")) return "Members to return";
  return name.startsWith("page[") ? "Pages" : "Query";
}

/**
 * Fields for all parameters. `values` maps names to the first values. `read()` returns the path with its values, the query
 * with its question mark, and the header fields.
 */
export function parameterFields(document, operation, path, parameters, values) {
  const fields = parameters.map((parameter) => {
    const { name, in: where, description = "", required = false, schema } = resolve(document, parameter);
    const value = values[name] ?? (where === "path" ? (resolve(document, parameter).example ?? "") : "");
    return { name, where, about: description, first: value, ...input(document, `${operation}-${where}-${name}`, { name, description, required, schema, value }) };
  });
  const elements = GROUPS.map((title, index) => {
    const own = fields.filter((field) => groupOf(field) === title);
    if (own.length === 0) return "";
    const rows = own.map((field) => field.element);
    return index >= OPEN_GROUPS
      ? make("details", { class: "parameters" }, make("summary", {}, `${title} (${own.length})`), ...rows)
      : make("fieldset", { class: "parameters" }, make("legend", {}, title), ...rows);
  });

  function read() {
    const set = fields.map((field) => ({ ...field, value: field.value() })).filter(({ value }) => value !== "");
    const of = (where) => set.filter((field) => field.where === where);
    const filled = of("path").reduce((it, { name, value }) => it.replace(`{${name}}`, encodeURIComponent(value)), path);
    const query = of("query").map(({ name, value }) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join("&");
    return {
      target: filled + (query && decodeBrackets(`?${query}`)),
      headers: of("header").map(({ name, value }) => [name, value]),
      missing: fields.find(({ where, value }) => where === "path" && value() === ""),
    };
  }

  return { elements: elements.filter(Boolean), read };
}

/** A field with its label, type and description. `value()` reads it. */
function input(document, id, { name, description, required, schema, value }) {
  const about = make("p", { id: `${id}-about`, class: "hint" }, ...prose(description));
  const attributes = { id, name: id, "aria-describedby": `${id}-about`, required };
  const label = (words, type) => [
    words,
    " ",
    make("span", { class: "type" }, ...type),
    required ? make("span", { class: "required" }, "required") : "",
  ];
  const words = make("code", {}, name);
  const items = schema?.items && resolve(document, schema).items;
  const listed = items && valuesOf(document, items);
  if (listed && listed.length <= MAX_CHECK_BOXES) {
    const chosen = value.split(",");
    const boxes = listed.map((each) => make("input", { type: "checkbox", value: each, checked: chosen.includes(each) }));
    const choices = boxes.map((box) => make("label", { class: "choice" }, box, " ", make("code", {}, box.value)));
    const group = make("div", { role: "group", "aria-labelledby": `${id}-label`, "aria-describedby": `${id}-about`, class: "choices" }, ...choices);
    return {
      element: make("div", { class: "parameter" }, make("div", { class: "name" }, ...label(make("span", { id: `${id}-label` }, words), ["any of these"])), group, about),
      value: () => boxes.filter((box) => box.checked).map((box) => box.value).join(","),
      focus: () => boxes[0].focus(),
    };
  }
  const values = !items && valuesOf(document, schema);
  const field = values
    ? make("select", attributes, make("option", { value: "" }, "–"), ...values.map((each) => make("option", { value: each, selected: each === value }, each)))
    : make("input", { ...attributes, type: "text", value, spellcheck: "false", autocomplete: "off" });
  return {
    element: make("div", { class: "parameter" }, make("div", { class: "name" }, ...label(make("label", { for: id }, words), values ? ["one of these"] : typeOf(document, schema))), field, about),
    value: () => field.value.trim(),
    focus: () => field.focus(),
  };
}
