// Tests `/docs` in a real browser, with the requests that its forms send.

import assert from "node:assert/strict";

import { stepRunner, token } from "../steps.js";
import { assertAccessible, assertFits, launch, open } from "./browser.js";

const step = stepRunner("docs");
const OPERATION = "#listUserRelationships";

/** Opens and submits the form of an operation. */
async function submit(page, operation) {
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

  await step("the link of an error", async () => {
    const row = page.locator("#not-owner");
    assert.ok(await row.evaluate((it) => it.getBoundingClientRect().top < innerHeight));
    await assertAccessible(page);
    return await row.locator("td").last().textContent();
  });

  await step("a request without a token", async () => {
    const status = await submit(page, OPERATION);
    assert.match(await status.textContent(), /needs a token/);
    return await status.textContent();
  });

  await step("a request", async () => {
    await page.getByLabel("Token for requests from this page").fill(token);
    await page.getByRole("button", { name: "Use" }).click();
    assert.equal(await page.getByLabel("Token for requests from this page").inputValue(), "");
    await submit(page, OPERATION);
    const answer = page.locator(`${OPERATION} .try pre`);
    await answer.waitFor();
    assert.match(await answer.textContent(), /^200 [^]*"total-count"/);
    assert.ok(!(await page.content()).includes(token));
    return "200";
  });

  await step("a rejected request", async () => {
    await submit(page, "#createUser");
    const answer = page.locator("#createUser .try pre");
    await answer.waitFor();
    assert.match(await answer.textContent(), /^403 [^]*"code": "not-admin"/);
    return "403";
  });

  await step("another host", async () => {
    const target = page.locator(`${OPERATION} input`);
    for (const path of ["//elsewhere.example/", "https://elsewhere.example/", "/\\elsewhere.example/"]) {
      await target.fill(path);
      const status = await submit(page, OPERATION);
      await status.filter({ hasText: "must begin with a single slash" }).waitFor();
      await target.fill("/api/v2/users/me");
      await submit(page, OPERATION);
      await status.filter({ hasText: "Status 200" }).waitFor();
    }
    return "rejected, and the token is not sent";
  });
  await close();

  await step("360 pixels wide, dark mode", async () => {
    const { page, close } = await open(browser, "/docs", { viewport: { width: 360, height: 740 }, colorScheme: "dark" });
    await page.locator("details").evaluateAll((all) => all.forEach((it) => (it.open = true)));
    await assertFits(page);
    await assertAccessible(page);
    await close();
    return "no overflow";
  });
} finally {
  await browser.close();
}
