// The client of the public API. Reports every exchange to a listener.

const MEDIA_TYPE = "application/vnd.api+json";
/** The path under which the service is served, without a slash at its end. */
export const BASE = new URL("..", import.meta.url).pathname.replace(/\/$/, "");
const API = `${BASE}/api/v2`;

/** Kept in this variable only: not in storage, a URL or the document. */
let token = "";
/** Aborts running requests when the token is cleared. */
let controller = new AbortController();
let listener = () => {};

/** Sets the function that is called with every exchange. */
export function onExchange(callback) {
  listener = callback;
}

/** Sets the token, which may include the scheme of an `Authorization` header. */
export function setToken(text) {
  const bare = text.trim().replace(/^(?:authorization:\s*)?(?:bearer\s+|token\s+token=)/i, "").replace(/^"|"$/g, "");
  if (!/^[\x21-\x7e]+$/.test(bare)) {
    throw new ApiError(0, [{ title: "Not a token", detail: "A token contains no spaces or special characters." }]);
  }
  token = bare;
}

/** Clears the token and aborts running requests. */
export function clearToken() {
  token = "";
  controller.abort();
  controller = new AbortController();
}

/** A failed request, with the error objects of JSON:API. */
export class ApiError extends Error {
  constructor(status, errors) {
    super(errors.map((error) => error.title).join("; "));
    this.status = status;
    this.errors = errors;
  }
}

/** The path of a link, which may be absolute, or of a path below `/api/v2`. The host is always that of this page. */
function toPath(path) {
  if (/^https?:/.test(path)) {
    const { pathname, search } = new URL(path);
    return pathname + search;
  }
  return path.startsWith(API) ? path : API + path;
}

/** Sends a request and returns the document, or `null` for an empty response. `path` is a link or relative to `/api/v2`. */
export async function request(method, path, body) {
  const exchange = { method, path: toPath(path), body };
  const headers = { Accept: MEDIA_TYPE, Authorization: `Bearer ${token}` };
  if (body) headers["Content-Type"] = MEDIA_TYPE;
  const started = performance.now();
  let text;
  try {
    const response = await fetch(exchange.path, {
      method,
      headers,
      body: body && JSON.stringify(body),
      cache: "no-store",
      credentials: "omit",
      redirect: "error",
      signal: controller.signal,
    });
    text = await response.text();
    Object.assign(exchange, { status: response.status, statusText: response.statusText, headers: [...response.headers] });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    const detail = "Check that the service is running and that you are connected. A change may or may not have been made.";
    throw new ApiError(0, [{ title: "No response from the service", detail }]);
  }
  exchange.milliseconds = Math.round(performance.now() - started);
  exchange.document = parse(text);
  listener(exchange);
  if (exchange.status >= 400) {
    const listed = exchange.document?.errors;
    const unknown = [{ title: `The service responded with ${exchange.status}`, detail: "The response has no details." }];
    throw new ApiError(exchange.status, Array.isArray(listed) && listed.length > 0 ? listed : unknown);
  }
  return exchange.document;
}

function parse(text) {
  try {
    return text ? JSON.parse(text) : null;
  } catch {
    return text;
  }
}

/** The request of an exchange as text, with `$TOKEN` in place of the token. */
export function requestText({ method, path, body }) {
  const lines = [`${method} ${path}`, `Host: ${location.host}`, `Accept: ${MEDIA_TYPE}`, "Authorization: Bearer $TOKEN"];
  if (body) lines.push(`Content-Type: ${MEDIA_TYPE}`, "", JSON.stringify(body, null, 2));
  return lines.join("\n");
}

/** The response of an exchange as text. */
export function responseText({ status, statusText, headers, document }) {
  const lines = [`${status} ${statusText}`.trim(), ...headers.map(([name, value]) => `${name}: ${value}`)];
  if (document !== null) lines.push("", typeof document === "string" ? document : JSON.stringify(document, null, 2));
  return lines.join("\n");
}

/** The request as a `curl` command that reads the token from `$TOKEN`. */
export function curl({ method, path, body }) {
  const parts = ["curl -sg"];
  if (method !== "GET") parts.push(`-X ${method}`);
  parts.push('-H "Authorization: Bearer $TOKEN"');
  if (body) parts.push(`-H 'Content-Type: ${MEDIA_TYPE}'`, `-d ${quote(JSON.stringify(body))}`);
  return [...parts, quote(location.origin + path)].join(" ");
}

/** Quotes text for a shell. */
function quote(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
