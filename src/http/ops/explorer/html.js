// Makes elements. Text is always text: nothing here or elsewhere on the page makes markup of what the API says.

/** The element with that id. */
export const by = (id) => document.getElementById(id);

/** `make("button", { type: "button", onclick }, "Words", child)`: an element with attributes, listeners and children. */
export function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  set(element, attributes);
  element.append(...children);
  return element;
}

/** The same for a drawing. */
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
