// A request as code for curl, JavaScript and Python.

import { base } from "./request.js";

const INDENT = "    ";

/** The languages: id, title and function. */
export const LANGUAGES = [
  ["curl", "curl", curl],
  ["javascript", "JavaScript", javascript],
  ["python", "Python", python],
];

const urlOf = ({ target }) => location.origin + base + target;

function curl(request) {
  const parts = ["curl -sg"];
  if (request.method !== "GET") parts[0] += ` -X ${request.method}`;
  parts[0] += ` ${quote(urlOf(request))}`;
  if (request.needsToken) parts.push('-H "Authorization: Bearer $TOKEN"');
  for (const [name, value] of request.headers) parts.push(`-H ${quote(`${name}: ${value}`)}`);
  if (request.body !== undefined) parts.push(`--data-raw ${quote(request.body)}`);
  return parts.join(" \\\n  ");
}

function javascript(request) {
  const headers = request.headers.map(([name, value]) => `${memberName(name)}: ${JSON.stringify(value)},`);
  if (request.needsToken) headers.unshift("Authorization: `Bearer ${process.env.TOKEN}`,");
  const options = [];
  if (request.method !== "GET") options.push(`method: ${JSON.stringify(request.method)},`);
  if (headers.length > 0) options.push("headers: {", ...headers.map((line) => `  ${line}`), "},");
  if (request.body !== undefined) {
    const value = parse(request.body);
    const body = value === undefined ? JSON.stringify(request.body) : `JSON.stringify(${JSON.stringify(value, null, 2)})`;
    options.push(...`body: ${body},`.split("\n"));
  }
  const url = JSON.stringify(urlOf(request));
  const call = options.length > 0 ? [`${url}, {`, ...options.map((line) => `  ${line}`), "}"].join("\n") : url;
  return `const response = await fetch(${call});\nconsole.log(response.status, await response.text());`;
}

function python(request) {
  const headers = request.headers.map(([name, value]) => `${JSON.stringify(name)}: ${JSON.stringify(value)},`);
  if (request.needsToken) headers.unshift(`"Authorization": "Bearer " + os.environ["TOKEN"],`);
  const lines = [`${JSON.stringify(urlOf(request))},`];
  if (headers.length > 0) lines.push("headers={", ...headers.map((line) => INDENT + line), "},");
  if (request.body !== undefined) {
    const value = parse(request.body);
    const body = value === undefined ? `data=${JSON.stringify(request.body)}.encode()` : `json=${literal(value, "")}`;
    lines.push(...`${body},`.split("\n"));
  }
  const imports = request.needsToken ? "import os\n\nimport requests" : "import requests";
  const call = [`response = requests.${request.method.toLowerCase()}(`, ...lines.map((line) => INDENT + line), ")"];
  return `${imports}\n\n${call.join("\n")}\nprint(response.status_code, response.text)`;
}

/** Quotes text for a shell. */
function quote(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function memberName(name) {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name);
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A JSON value as a Python literal. */
function literal(value, indent) {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value !== "object") return JSON.stringify(value);
  const inner = indent + INDENT;
  const isList = Array.isArray(value);
  const items = isList
    ? value.map((item) => literal(item, inner))
    : Object.entries(value).map(([name, item]) => `${JSON.stringify(name)}: ${literal(item, inner)}`);
  const [open, close] = isList ? "[]" : "{}";
  return items.length > 0 ? `${open}\n${items.map((item) => `${inner}${item},\n`).join("")}${indent}${close}` : open + close;
}
