// Sends the requests of the forms on the page, and shows the responses. Text is never interpreted as markup.

/** Kept in this variable only: not in storage, a URL or the document. */
let token = "";
/** The path under which the service is served. */
const { base } = document.documentElement.dataset;

function make(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

/** The arguments of `fetch` for a form; throws if the request cannot be sent. */
function toRequest(form) {
  const { method, type, caller } = form.dataset;
  const target = form.elements.target.value.trim();
  // Never send the token to another host.
  if (!target.startsWith("/") || new URL(target, location.origin).origin !== location.origin) {
    throw new Error("The path must begin with a single slash.");
  }
  if (caller === "true" && !token) throw new Error("This request needs a token: enter one at the top of the page.");
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

async function send(form) {
  const [target, request] = toRequest(form);
  let response, text;
  try {
    response = await fetch(base + target, request);
    text = await response.text();
  } catch {
    throw new Error("No response from the service.");
  }
  const fields = [...response.headers].map(([name, value]) => `${name}: ${value}`);
  const lines = [`${response.status} ${response.statusText}`.trim(), ...fields, "", pretty(text)];
  return [make("p", {}, `Status ${response.status}.`), make("pre", { tabindex: 0 }, lines.join("\n").trim())];
}

for (const form of document.querySelectorAll(".try form")) {
  form.parentElement.hidden = false;
  const output = form.nextElementSibling;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button");
    if (button.getAttribute("aria-disabled")) return;
    button.setAttribute("aria-disabled", "true");
    try {
      output.replaceChildren(...(await send(form)));
    } catch (error) {
      output.replaceChildren(make("p", { class: "problem" }, error.message));
    } finally {
      button.removeAttribute("aria-disabled");
    }
  });
}

const tokenForm = document.getElementById("token-form");
tokenForm.hidden = false;
tokenForm.addEventListener("submit", (event) => {
  event.preventDefault();
  const field = document.getElementById("token");
  const bare = field.value.trim().replace(/^(?:bearer\s+|token\s+token=)/i, "");
  const isToken = /^[\x21-\x7e]*$/.test(bare);
  if (isToken) token = bare;
  field.value = "";
  const message = isToken ? (token ? "The token is set." : "The token is forgotten.") : "A token must not contain spaces.";
  document.getElementById("status").textContent = message;
});
