// Sends what somebody tries on the page, and shows what comes back. Text is always text, never markup.

/** Here and nowhere else: no storage, no URL, no document, so that it is gone with the page. */
let token = "";

function make(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

/** What is sent for a form, or why it cannot be. */
function requestOf(form) {
  const { method, type, caller } = form.dataset;
  const target = form.elements.target.value.trim();
  // The token goes to this service, whatever is typed.
  if (!target.startsWith("/") || new URL(target, location.origin).origin !== location.origin) {
    throw new Error("The path begins with one slash.");
  }
  if (caller === "true" && !token) throw new Error("This needs a token: put one into the field at the top of the page.");
  const headers = { ...(caller === "true" && { Authorization: `Bearer ${token}` }), ...(type && { "Content-Type": type }) };
  const body = form.elements.body?.value;
  return [target, { method, headers, body, cache: "no-store", credentials: "omit", redirect: "error" }];
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

async function answerOf(form) {
  const [target, request] = requestOf(form);
  let answer, text;
  try {
    answer = await fetch(target, request);
    text = await answer.text();
  } catch {
    throw new Error("The service did not answer.");
  }
  const fields = [...answer.headers].map(([name, value]) => `${name}: ${value}`);
  const lines = [`${answer.status} ${answer.statusText}`.trim(), ...fields, "", pretty(text)];
  return [make("p", {}, `Answered ${answer.status}.`), make("pre", { tabindex: 0 }, lines.join("\n").trim())];
}

for (const form of document.querySelectorAll(".try form")) {
  form.parentElement.hidden = false;
  const shown = form.nextElementSibling;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button");
    if (button.getAttribute("aria-disabled")) return;
    button.setAttribute("aria-disabled", "true");
    try {
      shown.replaceChildren(...(await answerOf(form)));
    } catch (error) {
      shown.replaceChildren(make("p", { class: "problem" }, error.message));
    } finally {
      button.removeAttribute("aria-disabled");
    }
  });
}

const enter = document.getElementById("enter");
enter.hidden = false;
enter.addEventListener("submit", (event) => {
  event.preventDefault();
  const field = document.getElementById("token");
  const bare = field.value.trim().replace(/^(?:bearer\s+|token\s+token=)/i, "");
  const isToken = /^[\x21-\x7e]*$/.test(bare);
  if (isToken) token = bare;
  field.value = "";
  const words = isToken ? (token ? "The token is used from now on." : "The token is forgotten.") : "A token has no spaces.";
  document.getElementById("said").textContent = words;
});
