// Tests the upload of a spreadsheet in `/explorer`.

import assert from "node:assert/strict";

import { stepRunner, token } from "../steps.js";
import { assertAccessible, assertFits, launch } from "./browser.js";
import { admin, card, openAs, request, supervisorOf, until } from "./driver.js";

const step = stepRunner("explorer");
const [LEAD, OTHER_LEAD, ME] = ["1005", "1006", "1017"];
const HEADER = "email,first-name,last-name,job-title,supervisor";
const NEW = "new.person@skillhive.example,New,Person,Trainee,oskar.johansson@skillhive.example";
const FILE = [HEADER, "oskar.johansson@skillhive.example,Oskar,Johansson,Team lead,", NEW, "no address,Broken,Row,,"].join("\r\n");
/** Moves a person, which only a complete file can. */
const MOVE = [HEADER, "oskar.johansson@skillhive.example,Oskar,Johansson,Team lead,yuki.tanaka@skillhive.example", NEW].join("\r\n");

const titleOf = async (id) => (await request("GET", `/users/${id}`)).data.attributes["job-title"].join();

/** Chooses a file, and asks for a preview. */
async function preview(page, text, name = "people.csv") {
  await page.getByLabel("CSV or NDJSON file").setInputFiles({ name, mimeType: "text/csv", buffer: Buffer.from(text) });
  await page.getByRole("button", { name: "Preview" }).click();
}

const browser = await launch();
try {
  const { page, close } = await openAs(browser, admin, `/explorer/users/${ME}`);

  await step("preview of an import", async () => {
    await page.getByRole("tab", { name: "Lists" }).click();
    await page.getByRole("link", { name: "Import people" }).click();
    await page.getByRole("heading", { name: "Import people" }).waitFor();
    assert.match(page.url(), /\/explorer\/views\/import$/);
    await assertAccessible(page);
    await preview(page, FILE);
    await page.getByRole("heading", { name: "What would change" }).waitFor();
    const rows = page.locator(".rows li");
    await rows.filter({ hasText: "line 3" }).filter({ hasText: "created" }).first().waitFor();
    await rows.filter({ hasText: "job-title: Platform engineer → Team lead" }).waitFor();
    await rows.and(page.locator("[data-outcome=rejected]")).waitFor();
    await page.getByLabel("Rows").selectOption("rejected");
    await until(page, () => document.querySelectorAll(".rows li").length === 1);
    await rows.filter({ hasText: "must be a valid e-mail address" }).waitFor();
    await assertAccessible(page);
    assert.equal(await titleOf(ME), "Platform engineer", "nothing is written yet");
    return await page.locator(".figures").textContent();
  });

  await step("confirm an import", async () => {
    await page.getByRole("button", { name: /^Import \d changes$/ }).click();
    await page.getByRole("dialog").getByText("1 line cannot be imported").waitFor();
    await page.getByRole("dialog").getByRole("button", { name: "Import" }).click();
    await page.getByRole("heading", { name: "Imported", exact: true }).waitFor();
    assert.equal(await titleOf(ME), "Team lead");
    const { data } = await request("GET", "/users?filter[email]=new.person@skillhive.example");
    await card(page, data[0].id).waitFor();
    await assertAccessible(page);
    return "written, and drawn";
  });

  await step("import a complete file", async () => {
    await page.getByRole("button", { name: "Choose another file" }).click();
    await page.getByRole("checkbox", { name: /The file is complete/ }).check();
    await page.getByLabel("People who are not in the file").waitFor();
    await preview(page, MOVE);
    await page.locator(".rows li[data-outcome=moved]").waitFor();
    assert.equal(await supervisorOf(ME), LEAD);
    await page.getByRole("button", { name: "Import 1 change" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Import" }).click();
    await page.locator("#crumbs").getByText("Yuki Tanaka").waitFor();
    assert.equal(await supervisorOf(ME), OTHER_LEAD);
    return "moved";
  });

  await step("map columns", async () => {
    const file = page.getByLabel("CSV or NDJSON file");
    await page.getByRole("button", { name: "Choose another file" }).click();
    const text = "Business mail;Vorname;\"Boss \"\"now\"\"\";Hire Date;Shoe size\r\noskar.johansson@skillhive.example;Oscar;mateusz.kowalczyk@skillhive.example;1.1.;42\r\n";
    await file.setInputFiles({ name: "hr.csv", mimeType: "text/csv", buffer: Buffer.from(text) });
    const column = (name) => page.getByLabel(name, { exact: true });
    await column("Shoe size").waitFor();
    const words = (name) => column(name).evaluate((it) => it.selectedOptions[0].textContent);
    assert.deepEqual(await Promise.all(["Business mail", "Vorname", 'Boss "now"', "Hire Date", "Shoe size"].map(words)), [
      "Not recognized",
      "First name (recognized)",
      "Not recognized",
      "Not imported (recognized)",
      "Not recognized",
    ]);
    await column("Business mail").selectOption("email");
    await column("Shoe size").selectOption("-");
    await assertAccessible(page);
    await page.getByRole("button", { name: "Preview" }).click();
    await page.locator("#view-body .notice").filter({ hasText: 'Boss "now"' }).waitFor();
    await page.getByRole("button", { name: "Change columns or options" }).click();
    assert.equal(await column("Business mail").inputValue(), "email", "the choice is kept");
    await column('Boss "now"').selectOption("subordinate");
    await page.getByRole("button", { name: "Preview" }).click();
    const rows = page.locator(".rows li");
    await rows.filter({ hasText: "first-name: Oskar → Oscar" }).waitFor();
    await page.getByRole("button", { name: "Change columns or options" }).click();
    await column("Vorname").selectOption("-");
    await page.getByRole("button", { name: "Preview" }).click();
    await page.getByRole("heading", { name: "What would change" }).waitFor();
    await until(page, () => !document.querySelector("#view-body").textContent.includes("Oscar"));
    return "recognized, chosen, ignored, and changed after a preview";
  });

  await step("a file that cannot be imported", async () => {
    await page.getByRole("button", { name: "Choose another file" }).click();
    await preview(page, "email,shoe-size\nann@example.com,42\n");
    await page.getByRole("heading", { name: "The import failed" }).waitFor();
    await page.locator("#view-body .notice").filter({ hasText: "shoe-size" }).waitFor();
    return await page.locator("#view-body .notice").textContent();
  });
  await close();

  await step("an import on 360 pixels", async () => {
    const { page, close } = await openAs(browser, admin, "/explorer", { viewport: { width: 360, height: 740 }, hasTouch: true });
    await page.getByRole("tab", { name: "Lists" }).tap();
    await page.getByRole("link", { name: "Import people" }).tap();
    await preview(page, FILE.replace("Team lead", "Head of teams"));
    await page.getByRole("heading", { name: "What would change" }).waitFor();
    await assertFits(page);
    await assertAccessible(page);
    await close();
    return "no overflow";
  });

  await step("imports are for admins", async () => {
    const { page, close } = await openAs(browser, token);
    await page.getByRole("tab", { name: "Lists" }).click();
    await page.getByRole("link", { name: "Who changed what" }).waitFor();
    assert.equal(await page.getByRole("link", { name: "Import people" }).count(), 0);
    await close();
    return "not listed for others";
  });
} finally {
  await browser.close();
}
