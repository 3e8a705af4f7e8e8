// Launches a headless browser and checks every page for errors.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

import { api } from "../steps.js";

/** The origin of the service. */
export const origin = new URL(api).origin;
/** The script of Axe, which checks the accessibility of a page. */
const axe = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
/** How long to wait for an element, in milliseconds. */
const TIMEOUT = 15_000;

/** Starts the browser that `tests/clients/run` found. */
export function launch() {
  // The sandbox does not work in containers. Only our own pages are opened.
  return chromium.launch({ executablePath: process.env.CHROMIUM, args: ["--no-sandbox", "--disable-gpu"] });
}

/**
 * Opens a path in a new browser context. `close` asserts that no script failed or was blocked by the content security
 * policy, that no script opened a dialog, and that no request went to another host.
 */
export async function open(browser, path, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1200, height: 900 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(TIMEOUT);
  const surprises = [];
  page.on("pageerror", (error) => surprises.push(`script: ${error}`));
  page.on("console", (message) => {
    // Error responses are logged too. Some steps expect them.
    const isErrorResponse = message.text().startsWith("Failed to load resource: the server responded");
    if (["error", "warning"].includes(message.type()) && !isErrorResponse) surprises.push(`console: ${message.text()}`);
  });
  page.on("dialog", (dialog) => {
    surprises.push(`dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(`${origin}/`) && !url.startsWith("data:")) surprises.push(`request to another host: ${url}`);
  });
  await page.goto(origin + path);
  const close = async () => {
    await context.close();
    assert.deepEqual(surprises, []);
  };
  return { page, context, close };
}

/** Asserts the rules of WCAG 2.2, levels A and AA, that can be checked automatically. */
export async function assertAccessible(page) {
  // Axe is injected, so the content security policy of the page must be bypassed.
  const session = await page.context().newCDPSession(page);
  await session.send("Page.setBypassCSP", { enabled: true });
  const { readFile } = await import("node:fs/promises");
  await page.evaluate(await readFile(axe, "utf8"));
  // Text that is still fading in has less contrast.
  await page.evaluate(() => Promise.allSettled(document.getAnimations().map(({ finished }) => finished)));
  const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
  const found = await page.evaluate((values) => globalThis.axe.run({ runOnly: { type: "tag", values } }), tags);
  await session.detach();
  const violations = found.violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" | ").slice(0, 400)}`);
  assert.deepEqual(violations, []);
}

/** Asserts that the page does not overflow horizontally. */
export async function assertFits(page) {
  const [content, width] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(content <= width, `${content} pixels in a window of ${width}`);
}
