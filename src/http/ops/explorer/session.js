// Signing in by e-mail and password or by token, signing out, and signing in again when a session has expired.

import { clearToken, closeSession, onExpired, openSession, request, setToken } from "./api.js";
import { byId } from "./html.js";
import { run, runExclusively } from "./messages.js";

/** @typedef {{id: string, name: string, level: string}} Account */

let isSession = false;
/** Resolves the request that waits for a new token. @type {((account: Account) => void) | null} */
let resolveRenewal = null;
/** @type {Account | null} */
let signedIn = null;

/** Who is signed in. */
export const account = () => signedIn;

/** @param {(account: Account) => unknown} started called after each sign-in, except after a session has expired */
export function prepareSignIn(started) {
  listen("by-password", async () => {
    const password = byId("password").value;
    byId("password").value = "";
    await openSession(byId("email").value.trim(), password);
    isSession = true;
  });
  listen("by-token", async () => {
    const text = byId("token").value;
    byId("token").value = "";
    setToken(text);
    isSession = false;
  });
  // A session that has expired cannot be kept by closing the dialog.
  byId("again").addEventListener("cancel", (/** @type {Event} */ event) => event.preventDefault());

  /** @param {string} form @param {() => Promise<void>} authenticate */
  function listen(form, authenticate) {
    byId(form).addEventListener("submit", (/** @type {Event} */ event) => {
      event.preventDefault();
      void runExclusivelyOrInDialog(async () => {
        await authenticate();
        await begin(started);
      });
    });
  }
}

/** While a change waits for a new session, `runExclusively` is taken. @param {() => Promise<void>} action */
function runExclusivelyOrInDialog(action) {
  return resolveRenewal ? run(action, "sign-in-problem") : runExclusively(action, "sign-in-problem");
}

/** @param {(account: Account) => unknown} started */
async function begin(started) {
  onExpired(null);
  const { data } = await request("GET", "/users/me").catch((error) => {
    // Do not keep a rejected token.
    if (!resolveRenewal) clearToken();
    throw error;
  });
  const { name, email, "access-level": level } = data.attributes;
  const now = { id: data.id, name: name || email, level };
  onExpired(renew);
  const isOther = signedIn !== null && signedIn.id !== now.id;
  signedIn = now;
  byId("caller").textContent = level === "user" ? now.name : `${now.name} (${level})`;
  if (resolveRenewal) {
    resolveRenewal(now);
    if (!isOther) return;
  }
  await started(now);
}

/** Asks to sign in again. The page stays as it is behind the dialog. @returns {Promise<void>} */
async function renew() {
  byId("again").append(byId("sign-in"));
  byId("sign-in").hidden = false;
  byId("sign-in-problem").hidden = true;
  byId("again").showModal();
  await new Promise((resolve) => (resolveRenewal = resolve));
  resolveRenewal = null;
  byId("again").close();
  byId("sign-in-place").append(byId("sign-in"));
  byId("sign-in").hidden = true;
}

/** Forgets the token, and ends the session if there is one. */
export async function signOut() {
  onExpired(null);
  if (isSession) await closeSession();
  clearToken();
  isSession = false;
  signedIn = null;
}
