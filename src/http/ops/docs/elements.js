// Creates elements. Text is never interpreted as markup.

/** The element with this id. */
export const byId = (id) => document.getElementById(id);

/** `make("button", { type: "button", onclick }, "Words", child)`: an element with attributes, listeners and children. */
export function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false && value !== undefined) element.setAttribute(key, value);
  }
  element.append(...children.flat());
  return element;
}

/** Text with `code` and [links](/docs), as nodes. */
export function prose(text) {
  return (text ?? "").split(/(`[^`]+`|\[[^\]]+\]\([^)]+\))/).filter(Boolean).map((part) => {
    if (part.startsWith("`")) return make("code", {}, part.slice(1, -1));
    const [, words, url] = part.match(/^\[([^\]]+)\]\(([^)]+)\)$/) ?? [];
    return url ? make("a", { href: url }, words) : part;
  });
}

/** A button that copies text to the clipboard, and says so. */
export function copyButton(what, text) {
  const label = `Copy ${what}`;
  const button = make("button", { type: "button", class: "quiet copy", "aria-label": label }, "Copy");
  const status = make("span", { class: "unseen", role: "status" });
  button.addEventListener("click", async () => {
    let message = "Copied";
    try {
      await navigator.clipboard.writeText(text());
    } catch {
      message = "Not permitted";
    }
    button.textContent = status.textContent = message;
    setTimeout(() => {
      button.textContent = "Copy";
      status.textContent = "";
    }, 2_000);
  });
  return [button, status];
}

/** Tabs with their panel: `choices` are `[name, title]`; `render(name)` returns the content of the panel. */
export function tabs(label, choices, chosen, render, onChoice = () => {}) {
  const id = `tabs-${(tabs.count = (tabs.count ?? 0) + 1)}`;
  const panel = make("div", { id, role: "tabpanel", "aria-label": label });
  const buttons = choices.map(([name, title]) =>
    make("button", { type: "button", role: "tab", "aria-controls": id, onclick: () => select(name, true) }, title));
  const list = make("div", { role: "tablist", "aria-label": label, onkeydown: move }, ...buttons);

  function select(name, isChoice) {
    choices.forEach(([each], index) => {
      buttons[index].setAttribute("aria-selected", String(each === name));
      buttons[index].tabIndex = each === name ? 0 : -1;
    });
    chosen = name;
    panel.replaceChildren(...[render(name)].flat());
    if (isChoice) onChoice(name);
  }

  function move(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const index = choices.findIndex(([name]) => name === chosen);
    const next = (index + step + choices.length) % choices.length;
    select(choices[next][0], true);
    buttons[next].focus();
  }

  select(chosen, false);
  return { list, panel, select, refresh: () => select(chosen, false) };
}
