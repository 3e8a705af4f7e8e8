// Creates elements. Text from the API is never interpreted as markup.

/** The element with this id. */
export const byId = (id) => document.getElementById(id);

/** `make("button", { type: "button", onclick }, "Words", child)`: creates an element with attributes, listeners and children. */
export function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  set(element, attributes);
  element.append(...children);
  return element;
}

/** The same for SVG elements. */
export function draw(name, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  set(element, attributes);
  element.append(...children);
  return element;
}

function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value);
  }
}
