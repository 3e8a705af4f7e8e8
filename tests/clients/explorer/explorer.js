// Tests `/explorer` in a real browser: with a mouse, with the keyboard only, on a small touch screen, in dark mode.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";

import { api, stepRunner, token } from "../steps.js";
import { assertAccessible, assertFits, launch, open, origin } from "./browser.js";

const step = stepRunner("explorer");
const admin = process.env.ADMIN_TOKEN;
const ME = "1017";
const LEAD = "1005";
const CHIEF = "1000";
const EVIL = `<img src=x onerror="alert(1)">`;

/** Sends a request to the API directly. */
async function request(method, path, who = admin, body) {
  const type = "application/vnd.api+json";
  const headers = { Authorization: `Bearer ${who}`, ...(body && { "Content-Type": type }) };
  const answer = await fetch(api + path, { method, headers, body: body && JSON.stringify(body) });
  return answer.status === 204 ? null : answer.json();
}

const edgesOf = async (user, target, type) =>
  (await request("GET", `/user-relationships?user=${user}&target=${target}&relationship=${type}`)).data.map(({ id }) => id);

const person = (page, id) => page.locator(`#map [data-id="${id}"]`);
const announced = (page, words) => page.getByRole("status").filter({ hasText: words }).waitFor();
const alert = (page) => page.getByRole("alert");
const top = async (page, id) => (await person(page, id).boundingBox()).y;

async function enter(page, secret = token) {
  await page.getByLabel("Your token").fill(secret);
  await page.getByRole("button", { name: "Enter" }).click();
  await person(page, ME).or(page.locator("#map [data-id]")).first().waitFor();
  await announced(page, "relationship");
}

async function search(page, words) {
  await page.getByLabel("Name or e-mail address").fill(words);
  await page.getByRole("button", { name: "Search" }).click();
  await announced(page, "found");
}

async function fillCreate(page, owner, type, target) {
  await page.getByLabel("User", { exact: true }).selectOption(owner);
  await page.getByLabel("Relationship", { exact: true }).selectOption(type);
  await page.getByLabel("Target", { exact: true }).selectOption(target);
}

const browser = await launch();
try {
  const { page, context, close } = await open(browser, "/explorer");

  await step("load", async () => {
    assert.equal(await page.title(), "Explorer – user-relationships");
    assert.ok(await page.getByLabel("Your token").isVisible());
    assert.ok(!(await page.locator("#explorer").isVisible()));
    await assertAccessible(page);
    return "only the token form";
  });

  await step("an invalid token", async () => {
    await page.getByLabel("Your token").fill("urt_nonsense");
    await page.getByRole("button", { name: "Enter" }).click();
    await alert(page).filter({ hasText: "unauthenticated" }).waitFor();
    assert.ok(!(await page.locator("#explorer").isVisible()));
    return await alert(page).locator("strong").first().textContent();
  });

  await step("enter", async () => {
    await enter(page);
    assert.ok(!(await alert(page).isVisible()), "the previous error is hidden");
    assert.match(await page.locator("#caller").textContent(), /Oskar Johansson \(user\)/);
    assert.ok((await top(page, LEAD)) < (await top(page, ME)), "the supervisor is above");
    assert.equal(await top(page, "1018"), await top(page, ME), "a colleague is beside");
    await assertAccessible(page);
    return `${await page.locator("#map [data-id]").count()} users`;
  });

  await step("search", async () => {
    await search(page, "mateusz");
    await page.getByRole("button", { name: "Show Mateusz Kowalczyk" }).click();
    await page.getByRole("heading", { name: "Mateusz Kowalczyk" }).waitFor();
    await person(page, ME).waitFor();
    assert.ok((await top(page, ME)) > (await top(page, LEAD)), "subordinates are below");
    await search(page, "no such name");
    await announced(page, "0 users found");
    return "a map of the selected user";
  });

  await step("expand", async () => {
    const before = await page.locator("#map [data-id]").count();
    assert.match(await person(page, ME).textContent(), /not loaded yet/);
    await person(page, ME).click();
    await page.getByRole("heading", { name: "Oskar Johansson" }).waitFor();
    await announced(page, "Oskar Johansson:");
    assert.doesNotMatch(await person(page, ME).textContent(), /not loaded yet/);
    const boss = await page.locator("#map [data-id]").count();
    assert.ok(boss >= before);
    const above = page.locator("#map button", { hasNotText: "Mateusz" }).first();
    await above.click();
    await page.waitForFunction((old) => document.querySelectorAll("#map [data-id]").length > old, boss);
    return `${before} users, then ${await page.locator("#map [data-id]").count()}`;
  });

  await step("create", async () => {
    await search(page, "aino.virtanen");
    await page.getByRole("button", { name: "Add Aino Virtanen" }).click();
    await page.getByRole("heading", { name: "Aino Virtanen" }).waitFor();
    await fillCreate(page, ME, "mentor", CHIEF);
    await page.getByRole("button", { name: "Create" }).click();
    await announced(page, "Created: Aino Virtanen is the mentor of Oskar Johansson.");
    assert.equal((await edgesOf(ME, CHIEF, "mentor")).length, 1);
    return "stored";
  });

  await step("a conflict", async () => {
    await page.getByRole("button", { name: "Create" }).click();
    await alert(page).filter({ hasText: "already-exists" }).waitFor();
    assert.equal((await edgesOf(ME, CHIEF, "mentor")).length, 1);
    return await alert(page).locator("p").first().textContent();
  });

  await step("a create without permission", async () => {
    await fillCreate(page, LEAD, "colleague", ME);
    await page.getByRole("button", { name: "Create" }).click();
    await alert(page).filter({ hasText: "Only the owner or an admin may do this" }).waitFor();
    const link = alert(page).getByRole("link");
    assert.equal(await link.getAttribute("href"), "/docs#not-owner");
    assert.deepEqual(await edgesOf(LEAD, ME, "colleague"), []);
    await assertAccessible(page);
    return await alert(page).locator("p").first().textContent();
  });

  await step("a cancelled and a confirmed deletion", async () => {
    const button = page.getByRole("button", { name: "Delete: Aino Virtanen is the mentor of Oskar Johansson" });
    await button.click();
    await page.getByRole("dialog").getByRole("button", { name: "Keep" }).click();
    assert.equal((await edgesOf(ME, CHIEF, "mentor")).length, 1);
    await button.click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await announced(page, "Deleted: Aino Virtanen is the mentor of Oskar Johansson.");
    await button.waitFor({ state: "detached" });
    assert.deepEqual(await edgesOf(ME, CHIEF, "mentor"), []);
    return "kept, then deleted";
  });

  await step("a deletion without permission", async () => {
    await person(page, LEAD).click();
    await page.getByRole("heading", { name: "Mateusz Kowalczyk" }).waitFor();
    const button = page.getByRole("button", { name: /^Delete: Mateusz Kowalczyk reports to/ });
    await button.click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await alert(page).filter({ hasText: "Only the owner or an admin may do this" }).waitFor();
    assert.ok(await button.isVisible());
    return "not deleted";
  });

  await step("requests and responses", async () => {
    const newest = page.locator("#exchanges > li").first();
    await newest.locator("summary").click();
    const [request, command, answer] = await newest.locator("pre").allTextContents();
    assert.match(request, /^DELETE \/api\/v2\/user-relationships\/\d+\n[^]*Authorization: Bearer \$TOKEN/);
    assert.match(answer, /^403 [^]*"code": "not-owner"/);
    const shell = (words) => execFileSync("sh", ["-c", words], { env: { ...process.env, TOKEN: token } }).toString();
    assert.equal(JSON.parse(shell(command)).errors[0].code, "not-owner");
    const post = page.locator("#exchanges > li", { hasText: "POST" }).first();
    const curl = await post.locator("pre").nth(1).textContent();
    assert.equal(JSON.parse(shell(curl)).errors[0].code, "not-owner");
    await context.grantPermissions(["clipboard-read", "clipboard-write"]);
    await newest.getByRole("button", { name: "Copy as curl" }).click();
    await announced(page, "Copied");
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), command);
    return "shown as text and as working curl commands";
  });

  await step("the token is neither stored nor visible", async () => {
    assert.ok(!(await page.content()).includes(token));
    assert.ok(!page.url().includes(token));
    const values = await page.locator("input").evaluateAll((inputs) => inputs.map(({ value }) => value));
    assert.ok(!values.includes(token));
    const { cookies, origins } = await context.storageState({ indexedDB: true });
    assert.deepEqual([cookies, origins], [[], []]);
    await page.reload();
    assert.ok(await page.getByLabel("Your token").isVisible());
    assert.ok(!(await page.locator("#explorer").isVisible()));
    return "lost after a reload";
  });

  await step("forget the token", async () => {
    await enter(page);
    await page.getByRole("button", { name: "Forget the token" }).click();
    await announced(page, "forgotten");
    const text = await page.evaluate(() => document.documentElement.outerHTML);
    for (const name of ["Oskar", "Mateusz", "mentor"]) assert.ok(!text.includes(`>${name}`), name);
    return "no data remains";
  });
  await close();

  await step("a name with markup", async () => {
    const made = await request("POST", "/users", admin, {
      data: { type: "users", attributes: { email: "evil@example.com", "first-name": EVIL, "last-name": EVIL, "job-title": [EVIL] } },
    });
    const edge = { type: "user-relationships", attributes: { relationship: "colleague" }, relationships: { target: { data: { type: "users", id: made.data.id } } } };
    const { data } = await request("POST", "/user-relationships", token, { data: edge });
    const { page, close } = await open(browser, "/explorer");
    await enter(page);
    await person(page, made.data.id).click();
    await page.getByRole("heading", { name: EVIL }).waitFor();
    await search(page, "onerror");
    await page.getByRole("button", { name: `Show ${EVIL}` }).click();
    await person(page, made.data.id).waitFor();
    const deletion = page.getByRole("button", { name: `Delete: Oskar Johansson works with ${EVIL}` });
    // Relationships appear after the user.
    await deletion.first().waitFor();
    assert.equal(await deletion.count(), 1);
    assert.equal(await page.locator("img, iframe, object, body script").count(), 0);
    // The content security policy also blocks it.
    const refusal = await page.evaluate(() => {
      try {
        document.createElement("p").innerHTML = "<img src=x onerror=alert(1)>";
        return "markup was created";
      } catch (error) {
        return error.name;
      }
    });
    assert.equal(refusal, "TypeError");
    await page.context().close();
    await request("DELETE", `/user-relationships/${data.id}`);
    await request("DELETE", `/users/${made.data.id}`);
    await close().catch((error) => assert.match(String(error.actual), /^console: [^,]*TrustedHTML[^,]*$/));
    return "shown as text";
  });

  await step("callers with access level ext and excluded", async () => {
    const level = (value) =>
      request("PATCH", `/users/${ME}`, admin, { data: { type: "users", id: ME, attributes: { "access-level": value } } });
    assert.equal((await level("ext")).data.attributes["access-level"], "ext");
    try {
      const { page, close } = await open(browser, "/explorer");
      await enter(page);
      assert.match(await page.locator("#caller").textContent(), /Oskar Johansson \(ext\)/);
      await person(page, LEAD).click();
      await page.getByRole("heading", { name: "Mateusz Kowalczyk" }).waitFor();
      await announced(page, "Mateusz Kowalczyk:");
      assert.ok(!(await alert(page).isVisible()), "hidden resources cause no error");
      // `ext` callers see only related users.
      await search(page, "aino.virtanen");
      await announced(page, "0 users found");
      await fillCreate(page, LEAD, "colleague", ME);
      await page.getByRole("button", { name: "Create" }).click();
      await alert(page).filter({ hasText: "Only the owner or an admin may do this" }).waitFor();
      assert.deepEqual(await edgesOf(LEAD, ME, "colleague"), []);
      await close();

      await level("excluded");
      const excluded = await open(browser, "/explorer");
      await excluded.page.getByLabel("Your token").fill(token);
      await excluded.page.getByRole("button", { name: "Enter" }).click();
      await alert(excluded.page).filter({ hasText: "account-disabled" }).waitFor();
      assert.ok(!(await excluded.page.locator("#explorer").isVisible()));
      const words = await alert(excluded.page).locator("p").first().textContent();
      await excluded.close();
      return words;
    } finally {
      await level("user");
    }
  });

  await step("360 pixels wide", async () => {
    const { page, close } = await open(browser, "/explorer", { viewport: { width: 360, height: 740 }, hasTouch: true });
    await assertFits(page);
    await enter(page);
    await search(page, "kim");
    await person(page, LEAD).tap();
    await page.getByRole("heading", { name: "Mateusz Kowalczyk" }).waitFor();
    await announced(page, "Mateusz Kowalczyk:");
    await page.locator("#exchanges summary").first().tap();
    await assertFits(page);
    const boxes = await page.locator("#map button").evaluateAll((all) => all.map((it) => it.getBoundingClientRect().toJSON()));
    for (const { left, right, top, bottom } of boxes) {
      assert.ok(left >= 0 && right <= 360);
      const covering = boxes.filter((box) => box.left < right && box.right > left && box.top < bottom && box.bottom > top);
      assert.equal(covering.length, 1, "no boxes overlap");
    }
    await assertAccessible(page);
    await close();
    return `${boxes.length} users, no overflow`;
  });

  await step("dark mode, reduced motion", async () => {
    const { page, close } = await open(browser, "/explorer", { colorScheme: "dark", reducedMotion: "reduce" });
    await enter(page);
    const ground = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const [red, green, blue] = ground.match(/\d+/g).map(Number);
    assert.ok(red + green + blue < 150, ground);
    assert.equal(await person(page, ME).evaluate((it) => getComputedStyle(it).animationName), "none");
    // This includes the contrast.
    await assertAccessible(page);
    await close();
    return ground;
  });

  await step("keyboard only", async () => {
    const { page, close } = await open(browser, "/explorer");
    const { keyboard } = page;
    const focused = () => page.evaluate(() => document.activeElement.getAttribute("aria-label") ?? document.activeElement.textContent.trim());
    const tabTo = async (isThere, what) => {
      for (let stops = 0; stops < 60; stops++) {
        if (isThere(await page.evaluate(() => document.activeElement.id), await focused())) return;
        await keyboard.press("Tab");
      }
      assert.fail(`Tab does not lead to ${what}`);
    };
    await tabTo((id) => id === "token", "the token");
    await keyboard.insertText(token);
    await keyboard.press("Enter");
    await announced(page, "Oskar Johansson:");
    assert.equal(await page.evaluate(() => document.activeElement.id), "query");
    await tabTo((_, words) => words.startsWith("Oskar"), "the map");
    await keyboard.press("ArrowUp");
    assert.match(await focused(), /^Mateusz Kowalczyk.*not loaded yet/);
    await keyboard.press("Enter");
    await announced(page, "Mateusz Kowalczyk:");
    assert.match(await focused(), /^Mateusz Kowalczyk/);
    await keyboard.press("Home");
    assert.match(await focused(), /^Oskar/);
    await tabTo((id) => id === "owner", "the form");
    await keyboard.type("Oskar");
    await keyboard.press("Tab");
    await keyboard.type("mentor");
    await keyboard.press("Tab");
    await keyboard.type("Mateusz");
    await keyboard.press("Enter");
    await tabTo((_, words) => words === "Create", "the button");
    await keyboard.press("Enter");
    await announced(page, "Created: Mateusz Kowalczyk is the mentor of Oskar Johansson.");
    assert.equal((await edgesOf(ME, LEAD, "mentor")).length, 1);
    await tabTo((_, words) => words.startsWith("Delete: Mateusz Kowalczyk is the mentor of Oskar"), "the deletion");
    await keyboard.press("Enter");
    assert.equal(await focused(), "Keep", "the default button deletes nothing");
    await keyboard.press("Tab");
    await keyboard.press("Enter");
    await announced(page, "Deleted:");
    assert.deepEqual(await edgesOf(ME, LEAD, "mentor"), []);
    await close();
    return "signed in, loaded, created, deleted";
  });

  if (process.env.SCREENSHOT) {
    const { page, close } = await open(browser, "/explorer", { viewport: { width: 1120, height: 760 } });
    await enter(page);
    await person(page, LEAD).click();
    await announced(page, "Mateusz Kowalczyk:");
    await page.locator("#exchanges summary").first().click();
    await page.evaluate(() => scrollTo(0, 0));
    await page.mouse.move(0, 0);
    await page.screenshot({ path: process.env.SCREENSHOT });
    await close();
  }
} finally {
  await browser.close();
}
console.log(`explorer: all of ${origin}`);
