// The form, samples and schemas of an operation.

import { answerPanel, sampleAnswer } from "./answer.js";
import { copyButton, make, prose, tabs } from "./elements.js";
import { parameterFields } from "./parameters.js";
import { hasToken, onToken, setToken } from "./request.js";
import { LANGUAGES } from "./samples.js";
import { renderSchema, resolve } from "./schemas.js";

/** The language of code samples; the same for all operations. */
let language = LANGUAGES[0][0];
const languageListeners = [];

const STATUS_NAMES = { 200: "OK", 201: "Created", 204: "No content" };

/** Completes the section of an operation. `samples` are all sample requests with their responses. */
export function completeOperation(section, document, samples) {
  const { id, dataset } = section;
  const { method, path } = dataset;
  const item = document.paths[path];
  const described = item[method.toLowerCase()];
  const own = samples.filter((sample) => sample.operation === id);
  const first = own.find((sample) => sample.status < 400);
  const parameters = [...(item.parameters ?? []), ...(described.parameters ?? [])];
  const fields = parameterFields(document, id, path, parameters, first ? valuesOf(first.target, path) : {});
  const body = bodyField(document, id, described.requestBody, first?.body);
  const needsToken = described.security === undefined;
  const answer = answerPanel();

  /** The request that the form describes. */
  function toRequest() {
    const { target, headers } = fields.read();
    const text = body?.value();
    if (text !== undefined) headers.unshift(["Content-Type", body.mediaType]);
    return { method, target, headers, body: text, needsToken };
  }

  const sendButton = make("button", { class: "send" }, `Send ${method}`);
  const hint = make("p", { class: "hint" });
  const showHint = () => hint.replaceChildren(needsToken && !hasToken() ? "Needs a token: enter one at the top of the page." : "");
  showHint();
  onToken(showHint);
  const isEmpty = fields.elements.length === 0 && !body;
  const form = make(
    "form",
    { class: "request", novalidate: true, autocomplete: "off" },
    make("h3", {}, "Request"),
    isEmpty ? make("p", { class: "hint" }, "Without parameters.") : "",
    ...fields.elements,
    ...(body?.elements ?? []),
    make("div", { class: "bar" }, sendButton, hint),
  );

  const samplesOfCode = codeSamples(toRequest);
  form.addEventListener("input", samplesOfCode.refresh);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const { missing } = fields.read();
    if (missing) {
      hint.replaceChildren(make("span", { class: "problem", role: "alert" }, `Enter a value for ${missing.name}.`));
      return missing.focus();
    }
    showHint();
    if (sendButton.getAttribute("aria-disabled")) return;
    sendButton.setAttribute("aria-disabled", "true");
    shown.select("answer");
    await answer.start(toRequest());
    // In a narrow window the response is below the form.
    const { top } = shown.list.getBoundingClientRect();
    if (top < 0 || top > innerHeight / 2) shown.list.scrollIntoView();
    sendButton.removeAttribute("aria-disabled");
  });
  answer.offerToken((token) => setToken(token));

  const choices = [...own.map((sample, index) => [String(index), `${sample.status} ${sample.title ?? STATUS_NAMES[sample.status]}`]), ["answer", "Your response"]];
  const before = make("p", { class: "hint" }, "Send the request to see the response of this service.");
  answer.element.lastElementChild.append(before);
  const render = (name) => (name === "answer" ? answer.element : sampleAnswer(own[Number(name)]));
  const shown = tabs("Responses", choices, choices[0][0], render);

  const isRefused = !Object.keys(described.responses).some((status) => status < 400);
  const columns = make(
    "div",
    { class: "columns" },
    make("div", {}, form, ...responses(document, described), section.querySelector("details.errors") ?? ""),
    make("div", { class: "side" }, make("h3", {}, "Code"), samplesOfCode.element, make("h3", {}, "Response"), shown.list, shown.panel),
  );
  section.append(isRefused ? make("details", {}, make("summary", {}, "Send it anyway"), columns) : columns);
}

/** The values of parameters in the path and query of a sample, by name. */
function valuesOf(target, path) {
  const [filled, query] = target.split("?");
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
  const pattern = new RegExp(`^${path.replaceAll(/\{\w+\}/g, "([^/]+)")}$`);
  const [, ...found] = filled.match(pattern) ?? [];
  const values = Object.fromEntries(names.map((name, index) => [name, decodeURIComponent(found[index] ?? "")]));
  return { ...values, ...Object.fromEntries(new URLSearchParams(query)) };
}

/** The field of the body, with its schema; `undefined` if the operation has none. */
function bodyField(document, id, described, sample) {
  if (!described) return undefined;
  const [[mediaType, content]] = Object.entries(described.content).sort(([one]) => (one.includes("vnd.api") || one === "text/csv" ? -1 : 1));
  const value = sample ?? content.example ?? "";
  // A file, such as CSV, is a string.
  const example = typeof value === "string" ? value : JSON.stringify(value, null, 2);
  const area = make("textarea", { id: `${id}-body`, rows: Math.min(20, example.split("\n").length + 1), spellcheck: "false" }, example);
  const reset = make("button", { type: "button", class: "quiet", onclick: restore }, "Reset");

  function restore() {
    area.value = example;
    area.dispatchEvent(new Event("input", { bubbles: true }));
  }

  const about = make("p", { class: "hint" }, "Sent as ", make("code", {}, mediaType), described.required ? "." : "; it may be empty.");
  const elements = [
    make("div", { class: "body" }, make("div", { class: "bar" }, make("label", { for: `${id}-body` }, "Body"), reset), area, about),
    make("details", { class: "parameters" }, make("summary", {}, "Schema of the body"), renderSchema(document, content.schema)),
  ];
  return { elements, mediaType, value: () => (area.value.trim() === "" ? undefined : area.value) };
}

/** The request as code, in tabs. */
function codeSamples(toRequest) {
  const text = (name) => LANGUAGES.find(([each]) => each === name)[2](toRequest());
  const render = (name) => {
    const pre = make("pre", { tabindex: 0, class: "sample", "data-language": name }, text(name));
    return make("div", { class: "code raised" }, pre, ...copyButton("the code", () => text(name)));
  };
  const shown = tabs("Languages", LANGUAGES, language, render, (name) => {
    language = name;
    languageListeners.forEach((listener) => listener(name));
  });
  languageListeners.push((name) => shown.select(name));
  return { element: make("div", {}, shown.list, shown.panel), refresh: shown.refresh };
}

/** The successful responses, with their header fields and schemas. */
function responses(document, described) {
  const listed = Object.entries(described.responses).filter(([status]) => status < 400);
  if (listed.length === 0) return [];
  const items = listed.map(([status, response]) => {
    const headers = Object.entries(response.headers ?? {}).map(([name, it]) => [name, resolve(document, it)?.description ?? ""]);
    const schema = Object.values(response.content ?? {})[0]?.schema;
    return make(
      "details",
      { class: "parameters" },
      make("summary", {}, make("b", {}, status), " ", ...prose(response.description)),
      headers.length > 0 ? make("dl", {}, ...headers.flatMap(([name, about]) => [make("dt", {}, name), make("dd", {}, ...prose(about))])) : "",
      schema ? renderSchema(document, schema) : make("p", { class: "hint" }, "Without a body."),
    );
  });
  return [make("h3", {}, "Responses"), ...items];
}
