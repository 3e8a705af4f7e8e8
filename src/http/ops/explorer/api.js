// Asks the public API, and tells whoever listens what was sent and what came back.

const MEDIA_TYPE = "application/vnd.api+json";
const API = "/api/v2";

/** Here and nowhere else: no storage, no URL, no document, so that it is gone with the page. */
let token = "";
/** Ends what is under way when the token is forgotten. */
let running = new AbortController();
let listener = () => {};

/** Calls `heard` with every exchange. */
export function listen(heard) {
  listener = heard;
}

/** Takes a token as people paste it: alone, or with the scheme in front. */
export function remember(text) {
  const bare = text.trim().replace(/^(?:authorization:\s*)?(?:bearer\s+|token\s+token=)/i, "").replace(/^"|"$/g, "");
  if (!/^[\x21-\x7e]+$/.test(bare)) {
    throw new Refused(0, [{ title: "This is no token", detail: "A token is letters, digits and signs without spaces." }]);
  }
  token = bare;
}

/** Forgets the token, and lets go of requests that still wait for their answer. */
export function forget() {
  token = "";
  running.abort();
  running = new AbortController();
}

/** What the API did not do, in its own words: the error objects of JSON:API. */
export class Refused extends Error {
  constructor(status, errors) {
    super(errors.map((error) => error.title).join("; "));
    this.status = status;
    this.errors = errors;
  }
}

/** Asks, and gives the document that answers; `null` where there is none. `path` begins below `/api/v2`, or is a link. */
export async function ask(method, path, body) {
  const exchange = { method, path: path.startsWith(API) ? path : API + path, body };
  const headers = { Accept: MEDIA_TYPE, Authorization: `Bearer ${token}` };
  if (body) headers["Content-Type"] = MEDIA_TYPE;
  const began = performance.now();
  let text;
  try {
    const answer = await fetch(exchange.path, {
      method,
      headers,
      body: body && JSON.stringify(body),
      cache: "no-store",
      credentials: "omit",
      redirect: "error",
      signal: running.signal,
    });
    text = await answer.text();
    Object.assign(exchange, { status: answer.status, words: answer.statusText, headers: [...answer.headers] });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    const detail = "Nothing came back. Is the service running, and are you connected? Whether a change was made is not known.";
    throw new Refused(0, [{ title: "The service did not answer", detail }]);
  }
  exchange.milliseconds = Math.round(performance.now() - began);
  exchange.answer = read(text);
  listener(exchange);
  if (exchange.status >= 400) {
    const known = exchange.answer?.errors;
    const unknown = [{ title: `The service answered ${exchange.status}`, detail: "It gave no reason." }];
    throw new Refused(exchange.status, Array.isArray(known) && known.length > 0 ? known : unknown);
  }
  return exchange.answer;
}

function read(text) {
  try {
    return text ? JSON.parse(text) : null;
  } catch {
    return text;
  }
}

/** An exchange as people read it; the token is a word in it, never itself. */
export function requestText({ method, path, body }) {
  const lines = [`${method} ${path}`, `Host: ${location.host}`, `Accept: ${MEDIA_TYPE}`, "Authorization: Bearer $TOKEN"];
  if (body) lines.push(`Content-Type: ${MEDIA_TYPE}`, "", JSON.stringify(body, null, 2));
  return lines.join("\n");
}

/** The answer of an exchange as people read it. */
export function answerText({ status, words, headers, answer }) {
  const lines = [`${status} ${words}`.trim(), ...headers.map(([name, value]) => `${name}: ${value}`)];
  if (answer !== null) lines.push("", typeof answer === "string" ? answer : JSON.stringify(answer, null, 2));
  return lines.join("\n");
}

/** The same request for a shell that has the token in `$TOKEN`. */
export function curl({ method, path, body }) {
  const words = ["curl -sg"];
  if (method !== "GET") words.push(`-X ${method}`);
  words.push('-H "Authorization: Bearer $TOKEN"');
  if (body) words.push(`-H 'Content-Type: ${MEDIA_TYPE}'`, `-d ${quoted(JSON.stringify(body))}`);
  return [...words, quoted(location.origin + path)].join(" ");
}

/** One word for a shell, whatever is in it. */
function quoted(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
