// Tests `/explorer` on an empty database, and with a type that has no rules.

import assert from "node:assert/strict";

import { stepRunner } from "../steps.js";
import { assertAccessible, assertFits, launch, open } from "./browser.js";
import { admin, card, openAs, request } from "./driver.js";
import { assertTidy } from "./geometry.js";

const step = stepRunner("explorer");

const signIn = async (page) => {
  await page.getByLabel("Your token").fill(admin);
  await page.getByRole("button", { name: "Sign in with the token" }).click();
};

const browser = await launch();
try {
  await step("a first visit", async () => {
    const { page, close } = await open(browser, "/explorer", { viewport: { width: 360, height: 740 } });
    await signIn(page);
    await page.getByRole("heading", { name: "Nothing to draw yet" }).waitFor();
    await page.getByRole("link", { name: "Upload a spreadsheet" }).waitFor();
    await assertFits(page);
    await assertAccessible(page);
    await close();
    return "says what to do";
  });

  await step("a type without rules", async () => {
    const add = async (name) => {
      const attributes = { email: `${name}@example.com`, "first-name": name };
      return (await request("POST", "/users", { data: { type: "users", attributes } })).data.id;
    };
    const [ann, bob, cy, di] = [await add("Ann"), await add("Bob"), await add("Cy"), await add("Di")];
    for (const [user, target] of [[bob, ann], [cy, ann], [di, bob], [di, cy], [ann, di]]) {
      const end = (id) => ({ data: { type: "users", id } });
      const relationships = { user: end(user), target: end(target) };
      await request("POST", "/user-relationships", { data: { type: "user-relationships", attributes: { relationship: "subordinate" }, relationships } });
    }
    // The relationships form a circle, so no one is at the top.
    const { page, close } = await openAs(browser, admin);
    for (const id of [ann, bob, cy, di]) await card(page, id).waitFor();
    assert.equal(await assertTidy(page), 4);
    await close();
    const other = await openAs(browser, admin, `/explorer/users/${di}`);
    await other.page.getByRole("heading", { name: "Supervisors: 2 people" }).waitFor();
    await other.page.getByRole("button", { name: "Move to…" }).click();
    const dialog = other.page.getByRole("dialog");
    await dialog.getByRole("combobox").fill("ann");
    await dialog.getByRole("option", { name: /Ann/ }).click();
    await dialog.getByText("moves from Bob, Cy to Ann").waitFor();
    await dialog.getByRole("button", { name: "Move", exact: true }).click();
    await other.page.getByRole("status").filter({ hasText: "Moved: Di reports to Ann." }).waitFor();
    const { data } = await request("GET", `/users/${di}/relationships/supervisors`);
    assert.deepEqual(data.map(({ id }) => id), [ann]);
    await other.close();
    return "a circle is drawn as a tree; both relationships are replaced in one transaction";
  });
} finally {
  await browser.close();
}
