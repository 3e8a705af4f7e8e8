// The token, and sending requests.

/** The path under which the service is served, without a slash at its end. */
export const { base } = document.documentElement.dataset;

/** Kept in this variable only: not in storage, a URL or the document. */
let token = "";
const listeners = [];

/** Calls a function whenever the token changes. */
export function onToken(listener) {
  listeners.push(listener);
}

/** Whether there is a token. */
export const hasToken = () => token !== "";

/**
 * Sets the token, which may include the scheme of an `Authorization` header. Empty text forgets it. Returns a message, and
 * whether it was done.
 */
export function setToken(text) {
  const bare = text.trim().replace(/^(?:authorization:\s*)?(?:bearer\s+|token\s+token=)/i, "").replace(/^"|"$/g, "");
  if (!/^[\x21-\x7e]*$/.test(bare)) return { message: "A token must not contain spaces.", isSet: false };
  token = bare;
  listeners.forEach((listener) => listener());
  return { message: token ? "The token is set." : "The token is forgotten.", isSet: true };
}

/**
 * Sends `{ method, target, headers, body, needsToken }` and returns it with its response. `target` is a path with a query,
 * without the path of the service. Throws an error with a message for people.
 */
export async function send(request) {
  const { method, target, body, needsToken } = request;
  // Never send the token to another host.
  if (!/^\/(?![/\\])/.test(target) || new URL(target, location.origin).origin !== location.origin) {
    throw new Error("The path must begin with a single slash.");
  }
  if (needsToken && !token) throw new Error("This request needs a token: enter one at the top of the page.");
  const headers = new Headers();
  try {
    for (const [name, value] of request.headers) headers.set(name, value);
  } catch {
    throw new Error("A header field has characters that are not allowed.");
  }
  if (needsToken) headers.set("Authorization", `Bearer ${token}`);
  const started = performance.now();
  try {
    const options = { method, headers, body, cache: "no-store", credentials: "omit", redirect: "error" };
    const response = await fetch(base + target, options);
    const text = await response.text();
    return {
      request,
      status: response.status,
      statusText: response.statusText,
      headers: [...response.headers],
      text,
      milliseconds: Math.round(performance.now() - started),
    };
  } catch {
    throw new Error("No response from the service. A change may or may not have been made.");
  }
}

/** The path and query of a link of the service, without its own path; `undefined` for other text. */
export function toTarget(text) {
  let url;
  try {
    url = new URL(text, location.origin);
  } catch {
    return undefined;
  }
  const isOwn = text.startsWith(`${base}/api/`) || (/^https?:/.test(text) && url.pathname.startsWith(`${base}/api/`));
  // Samples name another host; the request goes to this one.
  return isOwn ? url.pathname.slice(base.length) + decodeBrackets(url.search) : undefined;
}

/** A query that people can read: brackets, commas and colons as they are. */
export function decodeBrackets(query) {
  return query.replaceAll(/%5B/gi, "[").replaceAll(/%5D/gi, "]").replaceAll(/%2C/gi, ",").replaceAll(/%3A/gi, ":");
}
