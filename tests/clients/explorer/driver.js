// What the tests of `/explorer` share: requests to the API, signing in, and elements of the page.

import assert from "node:assert/strict";

import { api } from "../steps.js";
import { open } from "./browser.js";

export const admin = process.env.ADMIN_TOKEN;
const JSON_API = "application/vnd.api+json";

/** Sends a request to the API directly, as an admin by default. */
export async function request(method, path, body, who = admin) {
  const headers = { Authorization: `Bearer ${who}`, ...(body && { "Content-Type": JSON_API }) };
  const answer = await fetch(api + path, { method, headers, body: body && JSON.stringify(body) });
  return answer.status === 204 ? null : answer.json();
}

/** The id of the user directly above. */
export async function supervisorOf(id) {
  return (await request("GET", `/users/${id}/relationships/supervisor`)).data?.id;
}

export const setSupervisor = (id, to) =>
  request("PATCH", `/users/${id}/relationships/supervisor`, { data: { type: "users", id: to } });

export const card = (page, id) => page.locator(`#chart [data-id="${id}"]`);
/** What a card says, also to screen readers. */
export const wordsOf = (page, id) =>
  card(page, id).evaluate((it) => [...it.querySelectorAll(".words > span")].map((span) => span.textContent).filter(Boolean).join(", "));
export const announced = (page, words) => page.getByRole("status").filter({ hasText: words }).waitFor();
export const alert = (page) => page.locator("#problem");
export const shownCards = (page) => page.locator("#chart [data-id]").count();

/** Signs in with a token, and waits until a person is selected. */
export async function enter(page, secret) {
  await page.getByLabel("Your token").fill(secret);
  await page.getByRole("button", { name: "Sign in with the token" }).click();
  await page.locator("#chart [aria-selected=true]").waitFor();
  await announced(page, "relationship");
}

/** Opens a link of the page and signs in. */
export async function openAs(browser, secret, path = "/explorer", options = {}) {
  const opened = await open(browser, path, options);
  await enter(opened.page, secret);
  return opened;
}

/** Finds a person by typing, and selects the suggestion with this name. */
export async function find(page, words, name) {
  await page.getByRole("combobox", { name: /Find people/ }).fill(words);
  await page.getByRole("option", { name }).click();
}

/** Chooses a person in the open dialog. */
export async function choosePerson(page, words, name) {
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("combobox").first().fill(words);
  await dialog.getByRole("option", { name }).click();
  return dialog;
}

/** Waits until an expression of the page is true, at most 15 s. */
export const until = (page, expression, value) => page.waitForFunction(expression, value, { timeout: 15_000 });

/** Presses Tab until an element has the focus. */
export async function tabTo(page, selector) {
  for (let stops = 0; stops < 60; stops++) {
    if (await page.evaluate((wanted) => document.activeElement.matches(wanted), selector)) return;
    await page.keyboard.press("Tab");
  }
  assert.fail(`Tab does not lead to ${selector}`);
}
