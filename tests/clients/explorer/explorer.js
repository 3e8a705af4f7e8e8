// Tests `/explorer` with the sample company in a real browser: with a mouse, with the keyboard only, on a small touch screen,
// in dark mode.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFile } from "node:fs/promises";

import { api, stepRunner, token } from "../steps.js";
import { assertAccessible, assertFits, launch, open, origin } from "./browser.js";
import { admin, alert, announced, card, choosePerson, enter, find, openAs, request, setSupervisor, shownCards, supervisorOf, tabTo, until, wordsOf } from "./driver.js";
import { assertTidy, checkRandomLayouts } from "./geometry.js";

const step = stepRunner("explorer");
const [CHIEF, HEAD, LEAD, OTHER_LEAD, SENIOR, ME, LEAVER] = ["1000", "1001", "1005", "1006", "1016", "1017", "1047"];
const EVIL = `<img src=x onerror="alert(1)">`;

await step("layouts of random trees", () => `${checkRandomLayouts()}, no overlap`);

const browser = await launch();
try {
  const { page, context, close } = await open(browser, "/explorer");

  await step("load", async () => {
    assert.equal(await page.title(), "Explorer – user-relationships");
    assert.ok(!(await page.locator("#explorer").isVisible()));
    await assertAccessible(page);
    return "only the forms to sign in";
  });

  await step("an invalid token", async () => {
    await page.getByLabel("Your token").fill("urt_nonsense");
    await page.getByRole("button", { name: "Sign in with the token" }).click();
    const problem = page.getByRole("alert").filter({ hasText: "unauthenticated" });
    await problem.waitFor();
    assert.ok(!(await page.locator("#explorer").isVisible()));
    return await problem.locator("strong").textContent();
  });

  await step("sign in", async () => {
    await enter(page, token);
    assert.equal(await page.locator("#caller").textContent(), "Oskar Johansson");
    assert.match(page.url(), /\/explorer\/users\/1017$/);
    const y = async (id) => (await card(page, id).boundingBox()).y;
    assert.ok((await y(CHIEF)) < (await y(HEAD)) && (await y(HEAD)) < (await y(LEAD)) && (await y(LEAD)) < (await y(ME)), "the chain is above");
    assert.deepEqual(await page.locator("#crumbs li").allTextContents(), ["Aino Virtanen", "Rajesh Iyer", "Mateusz Kowalczyk", "Oskar Johansson"]);
    await assertAccessible(page);
    return `${await assertTidy(page)} cards`;
  });

  await step("the whole company", async () => {
    await page.locator("#crumbs a").first().click();
    await page.getByRole("heading", { name: "Aino Virtanen" }).waitFor();
    await page.getByRole("button", { name: "Expand all" }).click();
    await announced(page, "60 people shown");
    await page.getByRole("button", { name: "Fit" }).click();
    await until(page, () => document.querySelectorAll("#chart [data-id]").length === 60);
    assert.equal(await wordsOf(page, CHIEF), "Aino Virtanen, Chief executive officer, 59 below");
    await assertTidy(page);
    await assertAccessible(page);
    return "60 cards, no overlap, no line through a card";
  });

  await step("collapse and show", async () => {
    await page.getByRole("button", { name: "Collapse" }).click();
    await until(page, () => document.querySelectorAll("#chart [data-id]").length === 5);
    await card(page, HEAD).locator(".toggle").click();
    await card(page, LEAD).waitFor();
    assert.equal(await card(page, HEAD).getAttribute("aria-expanded"), "true");
    return `${await assertTidy(page)} cards`;
  });

  await step("find as you type", async () => {
    const field = page.getByRole("combobox", { name: /Find people/ });
    await field.pressSequentially("skillhive");
    await announced(page, "people found; the first 10 are listed");
    await page.getByRole("option", { name: "Show more" }).click();
    await until(page, () => document.querySelectorAll("#results [role=option]").length > 15);
    await assertAccessible(page);
    await field.fill("no such name");
    await announced(page, "0 people found");
    await find(page, "elena", /Elena Petrova/);
    await page.getByRole("heading", { name: "Elena Petrova" }).waitFor();
    assert.equal(await card(page, SENIOR).getAttribute("aria-selected"), "true");
    return "next page, nothing found, selected";
  });

  await step("links and Back", async () => {
    assert.match(page.url(), /\/explorer\/users\/1016$/);
    await page.goBack();
    await page.getByRole("heading", { name: "Aino Virtanen" }).waitFor();
    assert.match(page.url(), /\/explorer\/users\/1000$/);
    await until(page, () => document.title === "Aino Virtanen – Explorer");
    await page.goForward();
    await page.getByRole("heading", { name: "Elena Petrova" }).waitFor();
    const other = await openAs(browser, token, `/explorer/users/${LEAD}`);
    await other.page.getByRole("heading", { name: "Mateusz Kowalczyk" }).waitFor();
    for (const id of [CHIEF, HEAD, LEAD, SENIOR, ME]) await card(other.page, id).waitFor();
    await other.close();
    const nowhere = await open(browser, "/explorer/users/99999");
    await nowhere.page.getByLabel("Your token").fill(token);
    await nowhere.page.getByRole("button", { name: "Sign in with the token" }).click();
    await nowhere.page.getByRole("alert").filter({ hasText: "not-found" }).waitFor();
    await nowhere.close();
    return "a link opens the person with the chain above and everyone below";
  });

  await step("add", async () => {
    await find(page, "oskar", /Oskar Johansson/);
    await page.getByRole("heading", { name: "Oskar Johansson" }).waitFor();
    await page.getByRole("button", { name: "Add…" }).click();
    await page.getByRole("dialog").getByLabel("Role of the other person").selectOption({ label: "mentor" });
    const dialog = await choosePerson(page, "aino", /Aino Virtanen/);
    await dialog.getByText("Aino Virtanen is the mentor of Oskar Johansson.").waitFor();
    await assertAccessible(page);
    await dialog.getByRole("button", { name: "Add", exact: true }).click();
    await announced(page, "Created: Aino Virtanen is the mentor of Oskar Johansson.");
    const { meta } = await request("GET", `/user-relationships?filter[user]=${ME}&filter[target]=${CHIEF}&filter[relationship]=mentor`);
    assert.equal(meta["total-count"], 1);
    return "stored";
  });

  await step("mark mentors on the chart", async () => {
    await page.getByRole("checkbox", { name: "mentor" }).check();
    await card(page, CHIEF).and(page.locator(".tagged")).waitFor();
    assert.match(await wordsOf(page, CHIEF), /, Mentor, 59 below$/);
    await assertAccessible(page);
    await page.getByRole("checkbox", { name: "mentor" }).uncheck();
    await until(page, () => !document.querySelector(".tagged"));
    return "and no longer";
  });

  await step("change and delete", async () => {
    await page.getByRole("button", { name: "Change: Aino Virtanen is the mentor of Oskar Johansson" }).click();
    await page.getByRole("dialog").getByLabel("Type").selectOption("colleague");
    await page.getByRole("dialog").getByRole("button", { name: "Change" }).click();
    await announced(page, "Changed: Oskar Johansson works with Aino Virtanen.");
    const deletion = page.getByRole("button", { name: "Delete: Oskar Johansson works with Aino Virtanen" });
    await deletion.click();
    await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
    await deletion.click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await announced(page, "Deleted: Oskar Johansson works with Aino Virtanen.");
    await deletion.waitFor({ state: "detached" });
    return "kept, then deleted";
  });

  await step("a change without permission", async () => {
    await find(page, "elena", /Elena Petrova/);
    await page.getByRole("heading", { name: "Elena Petrova" }).waitFor();
    await page.getByRole("button", { name: "Move to…" }).click();
    const dialog = await choosePerson(page, "yuki", /Yuki Tanaka/);
    await dialog.getByRole("button", { name: "Move", exact: true }).click();
    await dialog.getByRole("alert").filter({ hasText: "Only the owner or an admin may do this" }).waitFor();
    assert.equal(await dialog.getByRole("link").getAttribute("href"), "/docs#not-owner");
    await dialog.getByRole("button", { name: "Cancel" }).click();
    assert.equal(await supervisorOf(SENIOR), LEAD);
    return "not-owner";
  });

  await step("requests and responses", async () => {
    await page.getByRole("tab", { name: "Requests" }).click();
    const item = page.locator("#exchanges > li", { hasText: "PATCH" }).first();
    await item.locator("summary").click();
    await item.locator("pre").first().waitFor();
    const [sent, command, answer] = await item.locator("pre").allTextContents();
    assert.match(sent, /^PATCH \/api\/v2\/users\/1016\/relationships\/supervisor\n[^]*Authorization: Bearer \$TOKEN/);
    assert.match(answer, /^403 [^]*"code": "not-owner"/);
    const shell = execFileSync("sh", ["-c", command], { env: { ...process.env, TOKEN: token } }).toString();
    assert.equal(JSON.parse(shell).errors[0].code, "not-owner");
    await context.grantPermissions(["clipboard-read", "clipboard-write"]);
    await item.getByRole("button", { name: "Copy as curl" }).click();
    await announced(page, "Copied");
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), command);
    await assertAccessible(page);
    return "shown as text and as working curl commands";
  });

  await step("the token is neither stored nor visible", async () => {
    assert.ok(!(await page.content()).includes(token) && !page.url().includes(token));
    const values = await page.locator("input").evaluateAll((inputs) => inputs.map(({ value }) => value));
    assert.ok(!values.includes(token));
    const { cookies, origins } = await context.storageState({ indexedDB: true });
    assert.deepEqual([cookies, origins], [[], []]);
    await page.reload();
    assert.ok(await page.getByLabel("Your token").isVisible());
    assert.ok(!(await page.locator("#explorer").isVisible()));
    return "lost after a reload";
  });

  await step("sign out", async () => {
    await enter(page, token);
    await page.getByRole("button", { name: "Sign out" }).click();
    await announced(page, "You are signed out");
    const text = await page.evaluate(() => document.documentElement.outerHTML);
    for (const name of ["Oskar", "Mateusz", "mentor", "Elena"]) assert.ok(!text.includes(name), name);
    return "no data remains";
  });
  await close();

  await step("move by drag, and undo", async () => {
    const { page, close } = await openAs(browser, admin, `/explorer/users/${HEAD}`);
    await card(page, ME).waitFor();
    await page.getByRole("button", { name: "Fit" }).click();
    await card(page, ME).dragTo(card(page, OTHER_LEAD));
    const dialog = page.getByRole("dialog");
    await dialog.getByText("Oskar Johansson moves from Mateusz Kowalczyk to Yuki Tanaka.").waitFor();
    await dialog.getByRole("button", { name: "Move", exact: true }).click();
    await announced(page, "Moved: Oskar Johansson reports to Yuki Tanaka.");
    assert.equal(await supervisorOf(ME), OTHER_LEAD);
    assert.match(await wordsOf(page, OTHER_LEAD), /, 5 below/);
    assert.match(await wordsOf(page, LEAD), /, 3 below/);
    await assertTidy(page);
    await page.getByRole("button", { name: "Undo" }).click();
    await announced(page, "Moved back: Oskar Johansson reports to Mateusz Kowalczyk.");
    assert.equal(await supervisorOf(ME), LEAD);
    await close();
    return "the counts follow";
  });

  await step("a move that would close a cycle", async () => {
    const { page, close } = await openAs(browser, admin, `/explorer/users/${HEAD}`);
    await page.getByRole("button", { name: "Move to…" }).click();
    const dialog = await choosePerson(page, "oskar", /Oskar Johansson/);
    await dialog.getByText("Rajesh Iyer with 20 people below moves from Aino Virtanen to Oskar Johansson.").waitFor();
    await dialog.getByRole("button", { name: "Move", exact: true }).click();
    await dialog.getByText("The path that it would close:").waitFor();
    const path = await dialog.locator(".path li").allTextContents();
    assert.deepEqual(path, ["Rajesh Iyer", "Oskar Johansson", "Mateusz Kowalczyk", "Rajesh Iyer"]);
    const drawn = await dialog.locator(".path").evaluate((it) => {
      const boxes = (selector) => [...it.querySelectorAll(selector)].map((part) => part.getBoundingClientRect()).map(({ left, right, top, bottom }) => ({ left, right, top, bottom }));
      const names = boxes("li:not(.hidden-text)");
      const dots = boxes("circle");
      return { names, dots, steps: boxes(".step"), isNew: it.querySelectorAll(".step.new").length };
    });
    assert.deepEqual([drawn.names.length, drawn.dots.length, drawn.steps.length, drawn.isNew], [3, 3, 3, 1], "a step from each person, one of them new");
    drawn.dots.forEach((dot, at) => assert.ok(dot.top > drawn.names[at].top && dot.bottom < drawn.names[at].bottom, "a dot beside each name"));
    const start = drawn.names[0].left + parseFloat(await dialog.locator(".path ol").evaluate((it) => getComputedStyle(it).paddingLeft));
    for (const part of [...drawn.steps, ...drawn.dots]) assert.ok(part.right < Math.max(start, drawn.names[0].left), "no line through a name");
    assert.deepEqual(await page.locator(".card.refused").evaluateAll((all) => all.map((it) => it.dataset.id).sort()), [HEAD, LEAD, ME]);
    await assertAccessible(page);
    await dialog.getByRole("button", { name: "Cancel" }).click();
    assert.equal(await supervisorOf(HEAD), CHIEF);
    await close();
    return path.join(" → ");
  });

  await step("more supervisors than one", async () => {
    const { page, close } = await openAs(browser, admin, `/explorer/users/${ME}`);
    await page.getByRole("button", { name: "Add…" }).click();
    await page.getByRole("dialog").getByLabel("Role of the other person").selectOption({ label: "supervisor" });
    const dialog = await choosePerson(page, "yuki", /Yuki Tanaka/);
    await dialog.getByRole("button", { name: "Add", exact: true }).click();
    await dialog.getByRole("alert").filter({ hasText: "too-many-relationships" }).waitFor();
    const words = await dialog.getByRole("alert").locator("strong").textContent();
    await close();
    return words;
  });

  await step("hand over a team", async () => {
    const { page, close } = await openAs(browser, admin, `/explorer/users/${LEAD}`);
    const { data: team } = await request("GET", `/users/${LEAD}/relationships/subordinates`);
    await page.getByRole("button", { name: "Hand over the team…" }).click();
    const dialog = await choosePerson(page, "yuki", /Yuki Tanaka/);
    await dialog.getByText(`${team.length} people will report to Yuki Tanaka`).waitFor();
    assert.ok((await dialog.locator(".moving li").allTextContents()).includes("Oskar Johansson"));
    await dialog.getByRole("button", { name: "Hand over" }).click();
    await announced(page, `Handed over: ${team.length} people now report to Yuki Tanaka.`);
    for (const { id } of team) assert.equal(await supervisorOf(id), OTHER_LEAD);
    await close();
    return `${team.length} people`;
  });

  await step("the chart of a moment", async () => {
    const { page, close } = await openAs(browser, admin, `/explorer/users/${ME}`);
    assert.ok((await page.locator("#crumbs").textContent()).includes("Yuki Tanaka"));
    const { data: [last] } = await request("GET", "/changes?sort=-id&filter[subject-type]=user-relationships&page[size]=1");
    const moment = new Date(Date.parse(last.attributes.at) - 1).toISOString();
    await setSupervisor(ME, LEAD);
    await close();
    const past = await openAs(browser, admin, `/explorer/users/${ME}?as-of=${encodeURIComponent(moment)}`);
    await past.page.getByText("The chart as of").waitFor();
    assert.ok((await past.page.locator("#crumbs").textContent()).includes("Mateusz Kowalczyk"));
    assert.equal(await past.page.getByRole("button", { name: "Move to…" }).count(), 0, "the past cannot be changed");
    await past.page.getByLabel("As of").fill("2020-02-03");
    await alert(past.page).filter({ hasText: "from which on all changes are known" }).waitFor();
    await past.page.goBack();
    await past.page.getByRole("button", { name: "Back to today" }).click();
    await until(past.page, () => !document.querySelector("#past").checkVisibility() && !location.search);
    await past.close();
    return moment;
  });

  await step("lists", async () => {
    const { page, close } = await openAs(browser, admin);
    await page.getByRole("tab", { name: "Lists" }).click();
    await page.getByRole("link", { name: "Without a supervisor" }).click();
    await page.locator("#view-body").getByRole("button", { name: "Aino Virtanen" }).waitFor();
    assert.match(page.url(), /\/explorer\/views\/top$/);
    await request("PATCH", `/users/${OTHER_LEAD}`, { data: { type: "users", id: OTHER_LEAD, attributes: { "is-enabled": false } } });
    await page.getByRole("link", { name: "Reports of people who left" }).click();
    await page.locator("#view-body").getByText("reports to Yuki Tanaka").first().waitFor();
    await request("PATCH", `/users/${OTHER_LEAD}`, { data: { type: "users", id: OTHER_LEAD, attributes: { "is-enabled": true } } });
    await page.getByRole("link", { name: "Who changed what" }).click();
    await page.locator("#view-body").getByText("by Lea Schneider").first().waitFor();
    await page.locator("#view-body").getByText("updated Yuki Tanaka (is-enabled)").first().waitFor();
    await assertAccessible(page);
    await page.locator("#view-body").getByRole("button", { name: "Oskar Johansson" }).first().click();
    await page.getByRole("heading", { name: "Oskar Johansson" }).waitFor();
    await page.getByRole("button", { name: "History" }).click();
    await page.getByRole("heading", { name: "History of Oskar Johansson" }).waitFor();
    await page.locator("#view-body").getByText("transfer").first().waitFor();
    await close();
    return "who has no supervisor, whose supervisor left, who changed what";
  });

  await step("export", async () => {
    const { page, close } = await openAs(browser, token, `/explorer/users/${HEAD}`);
    const shown = await shownCards(page);
    const saved = async (name) => {
      if (!(await page.locator("#save").evaluate((it) => it.open))) await page.locator("#save summary").click();
      const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name }).click()]);
      return [download.suggestedFilename(), await readFile(await download.path())];
    };
    const [svgName, svg] = await saved("SVG picture");
    assert.equal(svgName, "subordinate-1001.svg");
    assert.equal(svg.toString().match(/<g /g).length, shown);
    assert.match(svg.toString(), />Oskar Johansson</);
    const [, png] = await saved("PNG picture");
    assert.equal(png.subarray(1, 4).toString(), "PNG");
    assert.ok(png.readUInt32BE(16) > 500, "its width");
    const [, csv] = await saved("CSV table");
    assert.equal(csv.toString().trim().split("\r\n").length, shown + 1);
    assert.match(csv.toString(), /1017,Oskar Johansson,[^\r]*,1005,Mateusz Kowalczyk,0\r/);
    await close();
    return `${shown} people: ${svg.length}, ${png.length} and ${csv.length} bytes`;
  });

  await step("a session that ends", async () => {
    const setPassword = (password) => request("PATCH", `/users/${ME}`, { data: { type: "users", id: ME, attributes: { password } } });
    await setPassword("correct horse");
    const { page, close } = await open(browser, `/explorer/users/${LEAD}`);
    const signIn = async (password) => {
      await page.getByLabel("E-mail address").fill("oskar.johansson@skillhive.example");
      await page.getByLabel("Password").fill(password);
      await page.getByRole("button", { name: "Sign in", exact: true }).click();
    };
    await signIn("wrong horse");
    await page.getByRole("alert").filter({ hasText: "The e-mail address or the password is wrong." }).waitFor();
    await signIn("correct horse");
    await page.getByRole("heading", { name: "Mateusz Kowalczyk" }).waitFor();
    await setPassword("battery staple");
    await card(page, ME).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText("Your session has expired").waitFor();
    await assertAccessible(page);
    await signIn("battery staple");
    await page.getByRole("heading", { name: "Oskar Johansson" }).waitFor();
    assert.ok(!(await dialog.isVisible()));
    assert.match(page.url(), /\/explorer\/users\/1017$/);
    assert.ok(!(await page.content()).includes("battery staple"));
    await close();
    return "asks again, and goes on";
  });

  await step("no sign-in by password", async () => {
    const { page, close } = await open(browser, `/explorer/users/${LEAD}`);
    // As a service without the form for sessions answers.
    await page.route("**/api/sessions*", (route) => route.fulfill({ status: 406, contentType: "application/json", body: "{}" }));
    await page.getByLabel("E-mail address").fill("oskar.johansson@skillhive.example");
    await page.getByLabel("Password").fill("battery staple");
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
    const problem = page.getByRole("alert").filter({ hasText: "no sign-in by password; use a token" });
    await problem.waitFor();
    assert.ok(!(await page.locator("#explorer").isVisible()));
    await enter(page, token);
    await page.getByRole("heading", { name: "Mateusz Kowalczyk" }).waitFor();
    assert.ok(!(await problem.isVisible()));
    await close();
    return "a message that leads to the token, which works";
  });

  await step("a name with markup", async () => {
    const attributes = { email: "evil@example.com", "first-name": EVIL, "last-name": EVIL, "job-title": [EVIL] };
    const made = await request("POST", "/users", { data: { type: "users", attributes } });
    await setSupervisor(made.data.id, ME);
    const { page, close } = await openAs(browser, token);
    await find(page, "onerror", EVIL);
    await page.getByRole("heading", { name: EVIL }).waitFor();
    await page.getByRole("button", { name: /^Delete: .*reports to Oskar Johansson$/ }).waitFor();
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
    await request("DELETE", `/users/${made.data.id}`);
    await close().catch((error) => assert.match(String(error.actual), /^console: [^,]*TrustedHTML[^,]*$/));
    return "shown as text";
  });

  await step("callers with access level ext and excluded", async () => {
    const level = (value) => request("PATCH", `/users/${ME}`, { data: { type: "users", id: ME, attributes: { "access-level": value } } });
    assert.equal((await level("ext")).data.attributes["access-level"], "ext");
    try {
      const { page, close } = await openAs(browser, token);
      assert.equal(await page.locator("#caller").textContent(), "Oskar Johansson (ext)");
      await card(page, LEAD).waitFor();
      assert.ok(!(await alert(page).isVisible()), "hidden resources cause no error");
      await page.getByRole("combobox", { name: /Find people/ }).fill("aino.virtanen");
      await announced(page, "0 people found");
      await close();

      await level("excluded");
      const excluded = await open(browser, "/explorer");
      await excluded.page.getByLabel("Your token").fill(token);
      await excluded.page.getByRole("button", { name: "Sign in with the token" }).click();
      const problem = excluded.page.getByRole("alert").filter({ hasText: "account-disabled" });
      await problem.waitFor();
      const words = await problem.locator("p").first().textContent();
      await excluded.close();
      return words;
    } finally {
      await level("user");
    }
  });

  await step("360 pixels wide, dark mode, reduced motion", async () => {
    const options = { viewport: { width: 360, height: 740 }, hasTouch: true, colorScheme: "dark", reducedMotion: "reduce" };
    const { page, close } = await open(browser, `/explorer/users/${HEAD}`, options);
    await assertFits(page);
    await assertAccessible(page);
    await enter(page, token);
    await assertTidy(page);
    await card(page, LEAD).tap();
    await page.getByRole("heading", { name: "Mateusz Kowalczyk" }).waitFor();
    await announced(page, "Mateusz Kowalczyk:");
    await assertFits(page);
    // This includes the contrast.
    await assertAccessible(page);
    const ground = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const [red, green, blue] = ground.match(/\d+/g).map(Number);
    assert.ok(red + green + blue < 150, ground);
    assert.equal(await card(page, LEAD).evaluate((it) => getComputedStyle(it).animationName), "none");
    await page.getByRole("button", { name: "Close the details" }).tap();
    await page.getByRole("button", { name: "List", exact: true }).tap();
    await page.getByRole("button", { name: "Fit" }).tap();
    await assertTidy(page);
    await assertFits(page);
    await close();
    return "a list, a chart, no overflow";
  });

  await step("move by touch on 360 pixels", async () => {
    const { page, close } = await openAs(browser, admin, `/explorer/users/${ME}`, { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true });
    const dialog = page.getByRole("dialog");
    await card(page, ME).tap();
    await page.getByRole("heading", { name: "Oskar Johansson" }).waitFor();
    await page.getByRole("button", { name: "Move to…" }).tap();
    await dialog.getByRole("combobox").tap();
    await page.keyboard.type("yuki");
    await dialog.getByRole("option", { name: /Yuki Tanaka/ }).tap();
    await dialog.getByText("moves from Mateusz Kowalczyk to Yuki Tanaka").waitFor();
    await assertFits(page);
    await assertAccessible(page);
    await dialog.getByRole("button", { name: "Move", exact: true }).tap();
    await announced(page, "Moved: Oskar Johansson reports to Yuki Tanaka.");
    assert.equal(await supervisorOf(ME), OTHER_LEAD);
    await page.getByRole("button", { name: "Undo" }).tap();
    await announced(page, "Moved back:");
    assert.equal(await supervisorOf(ME), LEAD);
    await close();
    return "moved, and back";
  });

  await step("keyboard only", async () => {
    const { page, close } = await open(browser, "/explorer");
    const { keyboard } = page;
    const focused = () => page.evaluate(() => (document.activeElement.querySelector(".name") ?? document.activeElement).textContent.trim());
    await tabTo(page, "#token");
    await keyboard.insertText(token);
    await keyboard.press("Enter");
    await announced(page, "Oskar Johansson:");
    await until(page, () => document.activeElement.id === "query");
    await tabTo(page, "[role=treeitem]");
    assert.match(await focused(), /^Oskar Johansson/);
    await keyboard.press("ArrowUp");
    assert.match(await focused(), /^Mateusz Kowalczyk/);
    await keyboard.press("Space");
    await announced(page, "Mateusz Kowalczyk: 1 person shown");
    await keyboard.press("ArrowDown");
    assert.match(await focused(), /^Oskar Johansson/);
    await keyboard.press("Home");
    assert.match(await focused(), /^Aino Virtanen/);
    await keyboard.press("Space");
    await announced(page, "Aino Virtanen: 4 people shown");
    await keyboard.press("ArrowDown");
    await keyboard.press("ArrowRight");
    assert.match(await focused(), /^Camille Laurent/);
    await keyboard.press("Enter");
    await announced(page, "Camille Laurent:");
    assert.match(await focused(), /^Camille Laurent/, "the focus stays");
    await tabTo(page, "#tab-person");
    await keyboard.press("ArrowRight");
    await keyboard.press("ArrowRight");
    assert.equal(await focused(), "Requests");
    await page.goBack();
    await page.getByRole("heading", { name: "Oskar Johansson" }).waitFor();
    await tabTo(page, ".role-list .link");
    await keyboard.press("Enter");
    await page.getByRole("heading", { name: "Mateusz Kowalczyk" }).waitFor();
    await until(page, () => document.activeElement.id === "person-title");
    await page.goBack();
    await page.getByRole("heading", { name: "Oskar Johansson" }).waitFor();
    await tabTo(page, ".actions button:first-child");
    await keyboard.press("Enter");
    await keyboard.type("yuki");
    await page.getByRole("option", { name: /Yuki Tanaka/ }).waitFor();
    await keyboard.press("Enter");
    await page.getByRole("dialog").getByText("moves from Mateusz Kowalczyk to Yuki Tanaka").waitFor();
    await keyboard.press("Enter");
    await announced(page, "Moved: Oskar Johansson reports to Yuki Tanaka.");
    assert.equal(await supervisorOf(ME), OTHER_LEAD);
    await tabTo(page, "#status button");
    await keyboard.press("Enter");
    await announced(page, "Moved back:");
    assert.equal(await supervisorOf(ME), LEAD);
    await close();
    return "signed in, moved around, moved a person and back";
  });

  if (process.env.SCREENSHOTS) await takePictures(browser);
} finally {
  await browser.close();
}
console.log(`explorer: all of ${origin}, ${new URL(api).pathname}`);

/** Two pictures for the README. */
async function takePictures(browser) {
  const viewport = { width: 1320, height: 660 };
  const picture = async (page, name) => {
    await page.mouse.move(0, 0);
    await until(page, () => !document.querySelector("#status").checkVisibility());
    await page.screenshot({ path: `${process.env.SCREENSHOTS}/${name}.png` });
  };
  const tree = await openAs(browser, admin, `/explorer/users/${HEAD}`, { viewport });
  await tree.page.getByRole("button", { name: "Fit" }).click();
  await picture(tree.page, "explorer");
  await tree.close();
  const refusal = await openAs(browser, admin, `/explorer/users/${HEAD}`, { viewport, colorScheme: "dark" });
  await refusal.page.getByRole("button", { name: "Move to…" }).click();
  const dialog = await choosePerson(refusal.page, "oskar", /Oskar Johansson/);
  await dialog.getByRole("button", { name: "Move", exact: true }).click();
  await dialog.locator(".path").waitFor();
  await picture(refusal.page, "explorer-move");
  await refusal.close();
}
