// Tests `/docs` in a real browser: the search, forms, responses, code samples, schemas and guides.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { stepRunner, token } from "../steps.js";
import { assertAccessible as checkAccessibility, assertFits, launch, open } from "./browser.js";

const step = stepRunner("docs");
const LIST = "#listUserRelationships";
const CREATE = "#createUserRelationship";
/** The Python with `requests` that `run` installs. */
const PYTHON = fileURLToPath(new URL("../.venv/bin/python", import.meta.url));

/** The section that is shown. */
const shown = (page) => page.locator("main > section:not([hidden])");

/**
 * Checks the section that is shown, at the top of the page, where the header covers no part of a link. The hundred hidden
 * sections are taken out meanwhile, because Axe examines hidden elements as well, which takes seconds.
 */
async function assertAccessible(page) {
  await page.evaluate(() => {
    const hidden = [...document.querySelectorAll("main > section[hidden]")];
    globalThis.hiddenSections = hidden.map((section) => [section, document.createComment("")]);
    for (const [section, mark] of globalThis.hiddenSections) section.replaceWith(mark);
    scrollTo(0, 0);
  });
  await checkAccessibility(page);
  await page.evaluate(() => globalThis.hiddenSections.forEach(([section, mark]) => mark.replaceWith(section)));
}

async function enterToken(page) {
  await page.locator("#token summary").click();
  const field = page.getByLabel("Token for requests from this page");
  await field.fill(token);
  await field.press("Enter");
  assert.equal(await field.inputValue(), "");
  await page.getByText("Token is set", { exact: true }).waitFor();
}

/** Opens a section by its link, as from an e-mail. */
async function visit(page, hash) {
  await page.evaluate((it) => (location.hash = it), hash);
  await page.locator(`main > section${hash}:not([hidden])`).waitFor();
}

/** Sends the form that is shown, and returns the text of the response. */
async function send(page) {
  await shown(page).locator("button.send").click();
  const answer = shown(page).locator(".answer");
  await answer.locator(".badge, .problem").waitFor();
  return answer.innerText();
}

/** The code sample that is shown, in a language. */
async function sample(page, language) {
  await shown(page).getByRole("tab", { name: language, exact: true }).click();
  return shown(page).locator("pre.sample").textContent();
}

/** Runs a program with the code of a sample, and returns its output. */
function execute(command, args) {
  return execFileSync(command, args, { encoding: "utf8", timeout: 20_000, env: { ...process.env, TOKEN: token } });
}

const browser = await launch();
try {
  const wide = await open(browser, "/docs#not-owner", { viewport: { width: 1280, height: 900 }, permissions: ["clipboard-read", "clipboard-write"] });
  const { page } = wide;
  await page.locator("main[data-ready]").waitFor();

  await step("the link of an error", async () => {
    const row = page.locator("#not-owner");
    assert.ok(await row.evaluate((it) => it.getBoundingClientRect().top < innerHeight));
    assert.equal(await shown(page).count(), 1);
    await assertAccessible(page);
    return await row.locator("td").last().textContent();
  });

  await step("search by keyboard", async () => {
    await page.keyboard.press("/");
    await page.keyboard.type("create a relationship");
    await page.getByRole("option").first().waitFor();
    await assertAccessible(page);
    await page.keyboard.press("Enter");
    await page.locator(`main > section${CREATE}:not([hidden])`).waitFor();
    const focused = await page.evaluate(() => document.activeElement.textContent);
    for (const [words, kind, hash] of [["max-depth", "parameter", ""], ["precondition failed", "error", "#precondition-failed"], ["cursors", "guide", "#paging-cursors"], ["NewTransferData", "schema", "#schema-NewTransferData"]]) {
      await page.getByRole("combobox", { name: "Search" }).fill(words);
      const option = page.getByRole("option").filter({ has: page.locator(".kind", { hasText: kind }) }).first();
      await option.click();
      if (hash) assert.equal(new URL(page.url()).hash, hash);
      assert.equal(await shown(page).count(), 1);
    }
    await page.getByRole("combobox", { name: "Search" }).fill("xyzzy");
    await page.getByText("Nothing found").waitFor();
    await page.keyboard.press("Escape");
    return focused;
  });

  await step("back", async () => {
    await visit(page, LIST);
    await visit(page, "#errors");
    await page.goBack();
    await page.locator(`main > section${LIST}:not([hidden])`).waitFor();
    return page.title();
  });

  await step("a request without a token", async () => {
    const text = await send(page);
    assert.match(text, /needs a token/);
    return text.trim();
  });

  await step("a form, its response and its links", async () => {
    await enterToken(page);
    await shown(page).getByLabel("filter[user]", { exact: true }).fill("me");
    assert.match(await send(page), /^200 OK[^]*"total-count"/);
    await assertAccessible(page);
    await shown(page).locator("pre a").filter({ hasText: "page" }).first().click();
    await shown(page).locator(".sent").filter({ hasText: "page[" }).waitFor();
    await shown(page).getByRole("button", { name: "Back" }).click();
    assert.ok(!(await page.content()).includes(token));
    return "200";
  });

  await step("a rejected request", async () => {
    await visit(page, "#createUser");
    const text = await send(page);
    assert.match(text, /^403 Forbidden[^]*"not-admin"/);
    assert.ok(await shown(page).locator(".answer pre a").count() === 0);
    return "403";
  });

  await step("an empty path parameter", async () => {
    await visit(page, "#getUser");
    await shown(page).getByRole("textbox", { name: "id", exact: true }).fill("");
    await shown(page).locator("button.send").click();
    return shown(page).getByRole("alert").textContent();
  });

  await step("a path with special characters", async () => {
    await shown(page).getByRole("textbox", { name: "id", exact: true }).fill("../../docs?a=1#b");
    assert.match(await send(page), /^404/);
    return shown(page).locator(".answer .sent").textContent();
  });

  await step("code samples follow the form", async () => {
    await visit(page, LIST);
    await shown(page).getByLabel("filter[user]", { exact: true }).fill("1017");
    const curl = await sample(page, "curl");
    assert.match(curl, /filter\[user\]=1017/);
    await shown(page).getByRole("button", { name: "Copy the code" }).click();
    await shown(page).getByText("Copied").first().waitFor();
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), curl);
    assert.match(execute("sh", ["-c", curl]), /"total-count":2/);
    assert.match(execute("node", ["--input-type=module", "-e", await sample(page, "JavaScript")]), /^200 [^]*"total-count":2/);
    return "curl and JavaScript: 200";
  });

  // Quotes and other letters must survive every language.
  const description = `It's "fine" – \\ $HOME \`x\` é`;
  for (const [language, command, flags] of [["curl", "sh", ["-c"]], ["JavaScript", "node", ["--input-type=module", "-e"]], ["Python", PYTHON, ["-c"]]]) {
    await step(`a change in ${language}`, async () => {
      if (language === "Python" && !existsSync(PYTHON)) return "SKIPPED: its packages are not installed";
      await visit(page, "#updateMe");
      const document = { data: { attributes: { description: `${description} ${language}`, "is-enabled": true, unit: null } } };
      await shown(page).getByLabel("Body", { exact: true }).fill(JSON.stringify(document));
      const output = execute(command, [...flags, await sample(page, language)]);
      assert.ok(output.includes(JSON.stringify(document.data.attributes.description)), output);
      return document.data.attributes.description;
    });
  }

  await step("samples of responses", async () => {
    await visit(page, CREATE);
    await shown(page).getByRole("tab", { name: "409 cycle" }).click();
    assert.match(await shown(page).locator("pre.json").last().textContent(), /"relationship-cycle"/);
    await page.keyboard.press("ArrowLeft");
    return shown(page).getByRole("tab", { selected: true }).last().textContent();
  });

  await step("schemas", async () => {
    await visit(page, "#schema-UserRelationship");
    await assertAccessible(page);
    await shown(page).getByRole("link", { name: "UserRelationshipAttributes" }).first().click();
    await page.locator("#schema-UserRelationshipAttributes:not([hidden])").waitFor();
    return shown(page).locator(".member").allTextContents().then((all) => all.join(", "));
  });

  await step("guides", async () => {
    const titles = await page.locator("section.guide > h2").allTextContents();
    // One with large tables, and one with code.
    for (const id of ["paging", "signing"]) {
      await visit(page, `#${id}`);
      await assertAccessible(page);
    }
    return titles.join(", ");
  });

  await step("requests that are always refused are folded", async () => {
    await visit(page, "#tag-groups");
    const folded = shown(page).locator("details.refused");
    assert.equal(await folded.getAttribute("open"), null);
    const link = folded.locator("a").first();
    assert.ok(!(await link.isVisible()));
    await folded.locator("summary").click();
    await link.click();
    await shown(page).getByText("Send it anyway").waitFor();
    return shown(page).locator("h2").textContent();
  });
  await wide.close();

  for (const [width, height] of [[1280, 900], [360, 740]]) {
    await step(`${width} pixels wide, dark mode`, async () => {
      const { page, close } = await open(browser, "/docs", { viewport: { width, height }, colorScheme: "dark", reducedMotion: "reduce" });
      await page.locator("main[data-ready]").waitFor();
      await assertFits(page);
      await assertAccessible(page);
      if (width < 1000) {
        await page.getByRole("button", { name: "Contents" }).click();
        await assertAccessible(page);
        await page.getByRole("link", { name: "Signed requests" }).click();
        assert.ok(!(await page.locator("#contents").isVisible()));
        await assertFits(page);
      }
      await enterToken(page);
      for (const hash of ["#errors", "#paging", "#import", "#tag-users", LIST, CREATE, "#openSession", "#schema-UserAttributes"]) {
        await visit(page, hash);
        await shown(page).locator("details").evaluateAll((all) => all.forEach((it) => (it.open = true)));
        await assertFits(page);
        await assertAccessible(page);
      }
      await visit(page, LIST);
      assert.match(await send(page), /^200 OK/);
      const { y } = await shown(page).locator(".answer").boundingBox();
      assert.ok(y >= 0 && y < height, `the response is at ${y}`);
      await assertFits(page);
      await close();
      return "no overflow";
    });
  }

  await step("the path of another host", async () => {
    const { page, close } = await open(browser, "/docs");
    await page.locator("main[data-ready]").waitFor();
    const outcomes = await page.evaluate(async () => {
      const { send, setToken } = await import("./docs/request.js");
      setToken("urt_x");
      const paths = ["//elsewhere.example/", "https://elsewhere.example/", "/\\elsewhere.example/"];
      const request = (target) => ({ method: "GET", target, headers: [], needsToken: true });
      return Promise.all(paths.map((path) => send(request(path)).then(() => "sent", (error) => error.message)));
    });
    assert.ok(outcomes.every((it) => it.includes("must begin with a single slash")), outcomes.join());
    await close();
    return "rejected, and the token is not sent";
  });
} finally {
  await browser.close();
}
