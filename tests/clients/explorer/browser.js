// A real browser, headless, and what is watched on every page of it.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

import { api } from "../steps.js";

/** Where the service is. */
export const origin = new URL(api).origin;
/** The file of Axe, which judges whether people with a disability can use a page. */
const axe = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
/** The longest wait for anything that should be seen. */
const PATIENCE = 15_000;

/** Starts the browser that `tests/clients/run` found. */
export function launch() {
  // A container has no sandbox to give; only pages of our own are opened.
  return chromium.launch({ executablePath: process.env.CHROMIUM, args: ["--no-sandbox", "--disable-gpu"] });
}

/**
 * Opens a path as somebody new. Whatever else a step looks at, `close` says that no script failed or was refused by
 * the page's policy, that no dialog of a script came up and that nobody but the service was asked.
 */
export async function open(browser, path, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1200, height: 900 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  const surprises = [];
  page.on("pageerror", (error) => surprises.push(`script: ${error}`));
  page.on("console", (message) => {
    // Answers that refuse are told there too, and are what some steps are about.
    const isAnswer = message.text().startsWith("Failed to load resource: the server responded");
    if (["error", "warning"].includes(message.type()) && !isAnswer) surprises.push(`console: ${message.text()}`);
  });
  page.on("dialog", (dialog) => {
    surprises.push(`dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(`${origin}/`) && !url.startsWith("data:")) surprises.push(`asked elsewhere: ${url}`);
  });
  await page.goto(origin + path);
  const close = async () => {
    await context.close();
    assert.deepEqual(surprises, []);
  };
  return { page, context, close };
}

/** Holds the page to the rules of WCAG 2.2, A and AA, that a machine can try. */
export async function assertAccessible(page) {
  // Axe comes past the page's policy, which is what is wanted here and nowhere else.
  const session = await page.context().newCDPSession(page);
  await session.send("Page.setBypassCSP", { enabled: true });
  const { readFile } = await import("node:fs/promises");
  await page.evaluate(await readFile(axe, "utf8"));
  const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
  const found = await page.evaluate((values) => globalThis.axe.run({ runOnly: { type: "tag", values } }), tags);
  await session.detach();
  const told = found.violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" | ").slice(0, 400)}`);
  assert.deepEqual(told, []);
}

/** Says that nothing sticks out to the side. */
export async function assertFits(page) {
  const [inside, width] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(inside <= width, `${inside} pixels in a window of ${width}`);
}
