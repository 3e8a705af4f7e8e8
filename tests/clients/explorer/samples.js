// Compares the samples of `/docs` with a fresh demo: sends their requests in the order of the file.
//
// UPDATE_DOCS_SAMPLES=1 writes the responses into the file instead. What differs between runs, such as times and ids of
// requests, is replaced by constants.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";

import { stepRunner } from "../steps.js";
import { origin } from "./browser.js";

const FILE = new URL("../../../src/http/ops/docs/samples.json", import.meta.url);
const ORIGIN = "https://relationships.example.com";
const CONSTANTS = [
  [/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)/g, "2026-03-02T08:15:30.123456Z"],
  [/[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d [+-]\d{4}/g, "Mon, 02 Mar 2026 08:15:30 +0000"],
  [/"[0-9a-f]{16}-[0-9a-f]{8}"/g, '"5f1c6a5e9d3b7a21-0000002a"'],
  [/(page%5B(?:after|before)%5D=)[^&"]*/g, "$1CURSOR"],
  [/("cursor":\s*")[^"]*/g, "$1CURSOR"],
  [/urt_\w+/g, "urt_EXAMPLE"],
  [/("milliseconds":\s*)[\d.]+/g, "$11"],
];

async function perform({ method, target, body }) {
  const isApi = target.startsWith("/api/v2");
  const kind = target.startsWith("/api/v2/operations") ? 'application/vnd.api+json;ext="https://jsonapi.org/ext/atomic"' : "application/vnd.api+json";
  // A text is the file of an import.
  const isFile = typeof body === "string";
  const headers = { "Content-Type": isFile ? "text/csv" : isApi ? kind : "application/json" };
  if (target !== "/api/sessions" || method !== "POST") headers.Authorization = `Bearer ${sessionToken(method, target)}`;
  const request = async () => {
    const response = await fetch(origin + target, { method, headers, body: isFile ? body : body && JSON.stringify(body) });
    return [response, await response.text()];
  };
  let [response, text] = await request();
  // The service reads an upload after its response.
  for (let tries = 0; method === "GET" && text.includes('"state":"reading"') && tries < 100; tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    [response, text] = await request();
  }
  session = text.match(/"token":\s*"(urt_\w+)"/)?.[1] ?? session;
  const stable = CONSTANTS.reduce((it, [pattern, constant]) => it.replaceAll(pattern, constant), text.replaceAll(origin, ORIGIN));
  return { status: response.status, answer: stable ? JSON.parse(stable) : null };
}

/** The token of the session that a sample opened; only the sample that closes it uses it. */
let session;
const sessionToken = (method, target) => (method === "DELETE" && target === "/api/sessions" ? session : process.env.ADMIN_TOKEN);

const step = stepRunner("samples of docs");
await step("all samples", async () => {
  const samples = JSON.parse(readFileSync(FILE, "utf8"));
  const isUpdate = process.env.UPDATE_DOCS_SAMPLES === "1";
  for (const [index, sample] of samples.entries()) {
    const actual = { ...sample, ...(await perform(sample)) };
    // The order of the members of `links` in errors varies.
    if (isUpdate && !isDeepStrictEqual(actual, sample)) samples[index] = actual;
    if (!isUpdate) assert.deepStrictEqual(actual, sample);
  }
  if (isUpdate) writeFileSync(FILE, `${JSON.stringify(samples, null, 1)}\n`);
  return `${samples.length} responses`;
});
