// Tests `/explorer` with the company of 10,000 people of `company.js`, and measures how fast it is.

import assert from "node:assert/strict";

import { stepRunner } from "../steps.js";
import { assertAccessible, assertFits, launch, open } from "./browser.js";
import { CHIEF, FIRST_DAY, MANAGER, SECOND_DAY, SIZE } from "./company.js";
import { admin, announced, card, enter, openAs, shownCards, until, wordsOf } from "./driver.js";
import { assertTidy } from "./geometry.js";

const step = stepRunner("explorer");
/** The longest that may pass until the page is painted, and until an interaction is, in milliseconds. */
const [FIRST_PAINT, INTERACTION] = [1_000, 100];
/** The most cards in the document. */
const MOST_CARDS = 500;

/** How long an action takes until the next frame is painted. Returns the median of five, after a first one. */
async function measure(page, act) {
  const timer = async (action, run) => {
    const painted = () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
    await painted();
    const started = performance.now();
    action(run);
    await painted();
    return performance.now() - started;
  };
  const times = [];
  // As text, because the content security policy of the page does not let it compile one.
  for (let run = 0; run < 6; run++) times.push(await page.evaluate(`(${timer})(${act}, ${run})`));
  return times.slice(1).sort((one, other) => one - other)[2];
}

const browser = await launch();
try {
  await step("first paint", async () => {
    const { page, close } = await open(browser, "/explorer");
    const entry = () => performance.getEntriesByName("first-contentful-paint")[0]?.startTime;
    await until(page, entry);
    const paint = await page.evaluate(entry);
    assert.ok(paint < FIRST_PAINT, `${paint} ms`);
    const started = Date.now();
    await page.getByLabel("Your token").fill(admin);
    await page.getByRole("button", { name: "Sign in with the token" }).click();
    await card(page, CHIEF).waitFor();
    const chart = Date.now() - started;
    assert.ok(chart < 3 * FIRST_PAINT, `${chart} ms`);
    assert.match(await wordsOf(page, CHIEF), /, 9,999 below$/);
    await close();
    return `the page after ${Math.round(paint)} ms, the chart ${chart} ms after signing in`;
  });

  await step("200 direct reports", async () => {
    const { page, close } = await openAs(browser, admin, `/explorer/users/${MANAGER}`, { viewport: { width: 1280, height: 800 } });
    await page.getByRole("button", { name: "Fit" }).click();
    await until(page, () => document.querySelectorAll("#chart [data-id]").length === 202);
    await assertTidy(page);
    const { width, height } = await page.evaluate((id) => {
      const boxes = [...document.querySelectorAll("#chart [data-id]")].filter((it) => it.dataset.id !== id).map((it) => it.getBoundingClientRect());
      const range = (low, high) => Math.max(...boxes.map((box) => box[high])) - Math.min(...boxes.map((box) => box[low]));
      return { width: range("left", "right"), height: range("top", "bottom") };
    }, String(CHIEF));
    assert.ok(width / height < 3 && height / width < 3, "a compact grid");
    await assertAccessible(page);
    await close();
    return `${Math.round(width)} by ${Math.round(height)} pixels`;
  });

  const { page, close } = await openAs(browser, admin, `/explorer/users/${CHIEF}`, { viewport: { width: 1280, height: 800 } });

  await step("10,000 people", async () => {
    const started = Date.now();
    await page.getByRole("button", { name: "Expand all" }).click();
    await page.getByRole("status").filter({ hasText: `${SIZE.toLocaleString("en")} people shown` }).waitFor({ timeout: 60_000 });
    const seconds = (Date.now() - started) / 1_000;
    const shown = await shownCards(page);
    assert.ok(shown > 5 && shown <= MOST_CARDS, `${shown} cards`);
    await assertTidy(page);
    await page.getByRole("button", { name: "Fit" }).click();
    await until(page, () => document.querySelector("#chart .far")?.getAttribute("d").length > 10_000);
    assert.ok((await shownCards(page)) <= MOST_CARDS);
    return `loaded and shown after ${seconds.toFixed(1)} s, ${shown} cards in the document`;
  });

  await step("interactions with 10,000 people", async () => {
    await card(page, CHIEF).focus();
    for (let steps = 0; steps < 20; steps++) await page.keyboard.press("+");
    const actions = {
      scroll: (run) => document.querySelector("#chart").scrollBy({ left: 900, top: 500 * (run % 2 ? 1 : -1), behavior: "instant" }),
      zoom: (run) => document.querySelector(run % 2 ? "#zoom-in" : "#zoom-out").click(),
      key: (run) => {
        const key = ["Home", "ArrowDown", "ArrowRight", "ArrowRight", "ArrowDown", "ArrowUp"][run];
        document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
      },
      collapse: () => document.activeElement.querySelector(".toggle").click(),
      overview: () => document.querySelector("#fit").click(),
    };
    const times = [];
    for (const [name, act] of Object.entries(actions)) {
      const time = await measure(page, act);
      times.push(`${name} ${Math.round(time)}`);
      assert.ok(time < INTERACTION, `${name} takes ${time} ms`);
    }
    return `${times.join(", ")} ms`;
  });

  await step("a page that scrolls stays tidy", async () => {
    await page.locator("#chart [tabindex='0']").focus();
    await page.keyboard.press("0");
    for (let steps = 0; steps < 14; steps++) await page.keyboard.press("+");
    let cards = 0;
    for (const share of [0.1, 0.3, 0.5, 0.7, 0.9]) {
      await page.evaluate(async (at) => {
        const chart = document.querySelector("#chart");
        chart.scrollTo({ left: chart.scrollWidth * at, top: chart.scrollHeight * at, behavior: "instant" });
        await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
      }, share);
      if ((await shownCards(page)) > 2) cards += await assertTidy(page);
    }
    return `${cards} cards`;
  });
  await close();

  await step("the chart of a day", async () => {
    const { page, close } = await openAs(browser, admin, `/explorer/users/${CHIEF}`);
    assert.match(await wordsOf(page, CHIEF), /, 9,999 below$/);
    await page.getByLabel("As of").fill(FIRST_DAY.replace(/\d\d$/, "10"));
    await until(page, (id) => document.querySelector(`#chart [data-id="${id}"]`)?.textContent.includes("9,998 below"), String(CHIEF));
    await page.getByText("The chart as of").waitFor();
    // Numbers of teams that are not loaded are counted one by one.
    await until(page, () => [...document.querySelectorAll("#chart [data-id]")].every((it) => it.getAttribute("aria-expanded") === null || /\d below/.test(it.textContent)));
    const started = Date.now();
    await page.getByRole("button", { name: "Expand all" }).click();
    await page.getByRole("status").filter({ hasText: `${(SIZE - 1).toLocaleString("en")} people shown` }).waitFor({ timeout: 240_000 });
    const seconds = (Date.now() - started) / 1_000;
    assert.ok((await shownCards(page)) <= MOST_CARDS);
    await assertTidy(page);
    await page.getByLabel("As of").fill(SECOND_DAY.replace(/\d\d$/, "10"));
    await until(page, (id) => document.querySelector(`#chart [data-id="${id}"]`)?.textContent.includes("9,999 below"), String(CHIEF));
    await close();
    return `one person fewer before the second day; all ${(SIZE - 1).toLocaleString("en")} people of the first day loaded and drawn after ${seconds.toFixed(1)} s`;
  });

  await step("360 pixels wide, 10,000 people", async () => {
    const { page, close } = await open(browser, `/explorer/users/${CHIEF}`, { viewport: { width: 360, height: 740 }, hasTouch: true });
    await enter(page, admin);
    await page.getByRole("button", { name: "Expand all" }).tap();
    await page.getByRole("status").filter({ hasText: "people shown" }).waitFor({ timeout: 60_000 });
    await assertTidy(page);
    await assertFits(page);
    assert.ok((await shownCards(page)) <= MOST_CARDS);
    await announced(page, "people shown");
    await close();
    return "in a list";
  });
} finally {
  await browser.close();
}
