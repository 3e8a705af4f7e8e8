// `/docs` as people read it, in a real browser, and the requests that it lets them try.

import assert from "node:assert/strict";

import { reader, token } from "../steps.js";
import { assertAccessible, assertFits, launch, open } from "./browser.js";

const step = reader("docs");
const OPERATION = "#listUserRelationships";

/** Opens the form of an operation and sends it. */
async function attempt(page, operation) {
  const section = page.locator(operation);
  const details = section.locator("details.try");
  if ((await details.getAttribute("open")) === null) await details.locator("summary").click();
  await details.getByRole("button", { name: /^Send/ }).click();
  const status = details.getByRole("status");
  await status.locator("p").waitFor();
  return status;
}

const browser = await launch();
try {
  const { page, close } = await open(browser, "/docs#not-owner");

  await step("an error's link", async () => {
    const row = page.locator("#not-owner");
    assert.ok(await row.evaluate((it) => it.getBoundingClientRect().top < innerHeight));
    await assertAccessible(page);
    return await row.locator("td").last().textContent();
  });

  await step("try without a token", async () => {
    const status = await attempt(page, OPERATION);
    assert.match(await status.textContent(), /needs a token/);
    return await status.textContent();
  });

  await step("try", async () => {
    await page.getByLabel("A token, to try requests on this page").fill(token);
    await page.getByRole("button", { name: "Use" }).click();
    assert.equal(await page.getByLabel("A token, to try requests on this page").inputValue(), "");
    await attempt(page, OPERATION);
    const answer = page.locator(`${OPERATION} .try pre`);
    await answer.waitFor();
    assert.match(await answer.textContent(), /^200 [^]*"total-count"/);
    assert.ok(!(await page.content()).includes(token));
    return "200";
  });

  await step("try what is refused", async () => {
    await attempt(page, "#createUser");
    const answer = page.locator("#createUser .try pre");
    await answer.waitFor();
    assert.match(await answer.textContent(), /^403 [^]*"code": "not-admin"/);
    return "403";
  });

  await step("another host", async () => {
    const target = page.locator(`${OPERATION} input`);
    for (const path of ["//elsewhere.example/", "https://elsewhere.example/", "/\\elsewhere.example/"]) {
      await target.fill(path);
      const status = await attempt(page, OPERATION);
      await status.filter({ hasText: "begins with one slash" }).waitFor();
      await target.fill("/api/v2/users/me");
      await attempt(page, OPERATION);
      await status.filter({ hasText: "Answered 200" }).waitFor();
    }
    return "is not asked, and gets no token";
  });
  await close();

  await step("360 pixels, in the dark", async () => {
    const { page, close } = await open(browser, "/docs", { viewport: { width: 360, height: 740 }, colorScheme: "dark" });
    await page.locator("details").evaluateAll((all) => all.forEach((it) => (it.open = true)));
    await assertFits(page);
    await assertAccessible(page);
    await close();
    return "nothing sticks out";
  });
} finally {
  await browser.close();
}
