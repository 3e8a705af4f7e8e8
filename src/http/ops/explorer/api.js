// The client of the public API. Reports every exchange to a listener.

const MEDIA_TYPE = "application/vnd.api+json";
/** The path under which the service is served, without a slash at its end. */
export const BASE = new URL("..", import.meta.url).pathname.replace(/\/$/, "");
const API = `${BASE}/api/v2`;
/** The largest page of a list. */
export const PAGE = 50;

/**
 * @typedef {{title?: string, detail?: string, code?: string, links?: {type?: string, about?: string}, meta?: any, source?: any}} ErrorObject
 * @typedef {{method: string, path: string, type?: string, body?: unknown, status?: number, statusText?: string, headers?: [string, string][], milliseconds?: number, document?: any}} Exchange
 */

/** Kept in this variable only: not in storage, a URL or the document. */
let token = "";
/** Aborts running requests when the token is cleared. */
let controller = new AbortController();
/** @type {(exchange: Exchange) => void} */
let listener = () => {};
/** Asks the user to sign in again; resolves when there is a new token. @type {(() => Promise<void>) | null} */
let renew = null;
/** @type {Promise<void> | null} */
let renewal = null;

/** Sets the function that is called with every exchange. @param {(exchange: Exchange) => void} callback */
export function onExchange(callback) {
  listener = callback;
}

/** Sets the function that asks for another token when the present one is refused. @param {(() => Promise<void>) | null} callback */
export function onExpired(callback) {
  renew = callback;
}

/** Sets the token, which may include the scheme of an `Authorization` header. @param {string} text */
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
  /** @param {number} status @param {ErrorObject[]} errors */
  constructor(status, errors) {
    super(errors.map((error) => error.title).join("; "));
    this.status = status;
    this.errors = errors;
  }

  /** The code of the first error. */
  get code() {
    return this.errors[0]?.code;
  }
}

/** The path of a link, which may be absolute, or of a path below `/api/v2`. The host is always that of this page. @param {string} path */
function toPath(path) {
  if (/^https?:/.test(path)) {
    const { pathname, search } = new URL(path);
    return pathname + search;
  }
  return path.startsWith(API) ? path : API + path;
}

/**
 * Sends a request and returns the document, or `null` for an empty response. `path` is a link or relative to `/api/v2`.
 * A text or a file as `body` is sent as it is, with the media type `type`.
 * @param {string} method @param {string} path @param {any} [body] @param {string} [type]
 * @returns {Promise<any>}
 */
export async function request(method, path, body, type = MEDIA_TYPE) {
  const exchange = await exchangeOnce(method, path, body, type);
  if (exchange.status !== 401 || !renew) return toDocument(exchange);
  // Several requests may be refused at the same time: they wait for one dialog.
  renewal ??= renew().finally(() => (renewal = null));
  await renewal;
  return toDocument(await exchangeOnce(method, path, body, type));
}

/** @param {string} method @param {string} path @param {any} body @param {string} type @returns {Promise<Exchange>} */
async function exchangeOnce(method, path, body, type) {
  const isDocument = body !== undefined && !(body instanceof Blob) && typeof body !== "string";
  const exchange = { method, path: toPath(path), type, body: body instanceof Blob ? `(${body.size} bytes)` : body };
  /** @type {Record<string, string>} */
  const headers = { Accept: MEDIA_TYPE, Authorization: `Bearer ${token}` };
  if (body !== undefined) headers["Content-Type"] = type;
  const init = { method, headers, body: isDocument ? JSON.stringify(body) : body };
  const started = performance.now();
  const { response, text } = await send(exchange.path, init);
  const answered = {
    ...exchange,
    status: response.status,
    statusText: response.statusText,
    headers: /** @type {[string, string][]} */ ([...response.headers]),
    milliseconds: Math.round(performance.now() - started),
    document: parse(text),
  };
  listener(answered);
  return answered;
}

/** @param {string} url @param {RequestInit} init */
async function send(url, init) {
  try {
    const response = await fetch(url, {
      ...init,
      cache: "no-store",
      credentials: "omit",
      redirect: "error",
      signal: controller.signal,
    });
    return { response, text: await response.text() };
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    const detail = "Check that the service is running and that you are connected. A change may or may not have been made.";
    throw new ApiError(0, [{ title: "No response from the service", detail }]);
  }
}

/** @param {Exchange} exchange */
function toDocument({ status = 0, document }) {
  if (status < 400) return document;
  const listed = document?.errors;
  const unknown = [{ title: `The service responded with ${status}`, detail: "The response has no details." }];
  throw new ApiError(status, Array.isArray(listed) && listed.length > 0 ? listed : unknown);
}

/** @param {string} text */
function parse(text) {
  try {
    return text ? JSON.parse(text) : null;
  } catch {
    return text;
  }
}

/**
 * Yields the pages of a list, following `links.next`.
 * @param {string} path
 */
export async function* pages(path) {
  for (let next = path; next; ) {
    const page = await request("GET", next);
    yield page;
    next = page.links?.next;
  }
}

/**
 * Opens a session with an e-mail address and a password, and keeps its token. The exchange is not reported, because it
 * contains secrets.
 * @param {string} email @param {string} password
 */
export async function openSession(email, password) {
  const body = JSON.stringify({ form_configuration_name: "reference_rest_api_create_session", form: { email, password } });
  const headers = { Accept: "application/json", "Content-Type": "application/json" };
  const { response, text } = await send(`${BASE}/api/sessions`, { method: "POST", headers, body });
  const document = parse(text);
  const issued = document?.model?.token;
  if (response.status === 201 && typeof issued === "string") return setToken(issued);
  if (response.status === 401) throw new ApiError(401, [{ title: "Not signed in", detail: "The e-mail address or the password is wrong." }]);
  if (response.status === 406) {
    throw new ApiError(406, [{ title: "Not available", detail: "This service has no sign-in by password; use a token." }]);
  }
  const detail = document?.errors?.base?.[0] ?? "Try again in a moment, or use a token.";
  throw new ApiError(response.status, [{ title: `The service responded with ${response.status}`, detail }]);
}

/** Ends the session of the token. Errors are ignored: the token is forgotten anyway. */
export async function closeSession() {
  const form = "reference_rest_api_delete_session";
  const headers = { Accept: "application/json", Authorization: `Token token=${token}` };
  const ending = send(`${BASE}/api/sessions?form_configuration_name=${form}`, { method: "DELETE", headers });
  await ending.catch(() => {});
}

/** The request of an exchange as text, with `$TOKEN` in place of the token. @param {Exchange} exchange */
export function requestText({ method, path, type, body }) {
  const lines = [`${method} ${path}`, `Host: ${location.host}`, `Accept: ${MEDIA_TYPE}`, "Authorization: Bearer $TOKEN"];
  if (body !== undefined) lines.push(`Content-Type: ${type}`, "", typeof body === "string" ? body : JSON.stringify(body, null, 2));
  return lines.join("\n");
}

/** The response of an exchange as text. @param {Exchange} exchange */
export function responseText({ status, statusText, headers = [], document }) {
  const lines = [`${status} ${statusText}`.trim(), ...headers.map(([name, value]) => `${name}: ${value}`)];
  if (document !== null) lines.push("", typeof document === "string" ? document : JSON.stringify(document, null, 2));
  return lines.join("\n");
}

/** The request as a `curl` command that reads the token from `$TOKEN`. @param {Exchange} exchange */
export function curl({ method, path, type, body }) {
  const parts = ["curl -sg"];
  if (method !== "GET") parts.push(`-X ${method}`);
  parts.push('-H "Authorization: Bearer $TOKEN"');
  if (body !== undefined) parts.push(`-H 'Content-Type: ${type}'`, typeof body === "string" ? "--data-binary @FILE" : `-d ${quote(JSON.stringify(body))}`);
  return [...parts, quote(location.origin + path)].join(" ");
}

/** Quotes text for a shell. @param {string} text */
function quote(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
