// Shows responses: status, header fields, and the body with links that can be followed.

import { copyButton, make } from "./elements.js";
import { base, send, toTarget } from "./request.js";

/** Larger bodies are shown as plain text. */
const MAX_HIGHLIGHTED = 300_000;

/** JSON as nodes, with a class for each kind of value. Links of the service call `follow`. */
export function highlight(text, follow) {
  if (text.length > MAX_HIGHLIGHTED) return [text];
  const nodes = [];
  let end = 0;
  for (const match of text.matchAll(/("(?:\\.|[^"\\])*")(\s*:)?|\b(?:true|false|null)\b|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g)) {
    nodes.push(text.slice(end, match.index));
    const [whole, string, colon] = match;
    end = match.index + whole.length;
    if (!string) nodes.push(make("span", { class: "literal" }, whole));
    else if (colon) nodes.push(make("span", { class: "name" }, string), colon);
    else nodes.push(make("span", { class: "string" }, ...stringNodes(string, follow)));
  }
  return [...nodes, text.slice(end)].filter((node) => node !== "");
}

function stringNodes(string, follow) {
  const target = follow && toTarget(JSON.parse(string));
  if (!target) return [string];
  const onclick = (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    follow(target);
  };
  return ['"', make("a", { href: base + target, onclick }, string.slice(1, -1)), '"'];
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

const kindOf = (status) => (status < 400 ? "good" : "bad");

/** A panel for the responses of a form. */
export function answerPanel() {
  const element = make("div", { class: "answer" });
  const status = make("p", { class: "status", role: "status" });
  const content = make("div", {});
  const back = make("button", { type: "button", class: "quiet", hidden: true, onclick: goBack }, "Back");
  element.append(make("div", { class: "bar" }, status, back), content);
  const history = [];

  function show(exchange) {
    const { request, headers, text } = exchange;
    const { method, target } = request;
    back.hidden = history.length < 2;
    status.replaceChildren(
      make("b", { class: `badge ${kindOf(exchange.status)}` }, `${exchange.status} ${exchange.statusText}`.trim()),
      ` in ${exchange.milliseconds} ms`,
    );
    const body = pretty(text);
    content.replaceChildren(
      make("p", { class: "sent" }, make("b", { class: method }, method), " ", make("code", {}, target)),
      headerFields(headers),
      ...tokenOffer(text),
      body ? code("the response", body, follow) : make("p", { class: "hint" }, "The response has no body."),
    );
  }

  async function perform(request) {
    status.replaceChildren("Sending …");
    try {
      const exchange = await send(request);
      history.push(exchange);
      show(exchange);
    } catch (error) {
      fail(error.message);
    }
  }

  function fail(message) {
    status.replaceChildren(make("span", { class: "problem" }, message));
    content.replaceChildren();
  }

  /** Fetches a link of a response, with the same token. */
  function follow(target) {
    const headers = [["Accept", "application/vnd.api+json"]];
    return perform({ method: "GET", target, headers, needsToken: true });
  }

  function goBack() {
    history.pop();
    show(history.at(-1));
    if (back.hidden) content.querySelector("pre")?.focus();
  }

  /** Forgets the responses before, and sends the request of the form. */
  function start(request) {
    history.length = 0;
    back.hidden = true;
    return perform(request);
  }

  let onToken = () => {};
  function tokenOffer(text) {
    const [, token] = text.match(/"token":\s*"(urt_[^"]+)"/) ?? [];
    return token ? [make("button", { type: "button", onclick: () => onToken(token) }, "Use this token on the page")] : [];
  }

  return { element, start, offerToken: (listener) => (onToken = listener) };
}

/** Header fields of a response, folded. */
export function headerFields(headers) {
  const rows = headers.map(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]).flat();
  return make("details", { class: "fields" }, make("summary", {}, `Header fields (${headers.length})`), make("dl", {}, ...rows));
}

/** Highlighted JSON with a button that copies it. */
export function code(what, text, follow) {
  const pre = make("pre", { tabindex: 0, class: "json" }, ...highlight(text, follow));
  return make("div", { class: "code" }, pre, ...copyButton(what, () => text));
}

/** A sample response: what was sent to the demo, and what it answered. */
export function sampleAnswer({ method, target, status, answer }) {
  return [
    make("p", { class: "sent" }, make("b", { class: method }, method), " ", make("code", {}, target)),
    answer === null
      ? make("p", { class: "hint" }, "The response has no body.")
      : code("the sample response", JSON.stringify(answer, null, 2)),
    make("p", { class: "hint" }, "A response of the sample company of ", make("code", {}, "user-relationships demo"), "."),
  ];
}
