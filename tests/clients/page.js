// Writes docs/CLIENTS.md from the scripts of this folder: their quirks, their marked code, and the steps that passed.
//
// `node page.js PASSED_STEPS` compares the page; with UPDATE_CLIENTS_PAGE=1 it writes the page.

import { readFileSync, writeFileSync } from "node:fs";

const PAGE = new URL("../../docs/CLIENTS.md", import.meta.url);
const STEPS = ["list", "page through", "create", "409", "change", "delete", "field error"];
const ROLE_STEPS = ["read a role", "include a role", "reassign", "send a role back"];

const { dependencies } = JSON.parse(read("package.json"));
const requirements = Object.fromEntries(lines("requirements.txt").map((line) => line.split("==")));
const npm = (...names) => `npm install ${names.map((name) => `${name}@${dependencies[name]}`).join(" ")}`;
const pip = (...names) => {
  const pinned = names.map((name) => `${name}==${requirements[name.replace(/\[.*/, "")]}`);
  return `pip install ${pinned.map((name) => (name.includes("[") ? `"${name}"` : name)).join(" ")}`;
};
const DOCUMENT = "mkdir generated && cd generated\ncurl --fail --remote-name https://relationships.example.com/openapi.json";

/** Name, script, and the commands that install and generate it. */
const CLIENTS = [
  ["kitsu", "kitsu.js", [npm("kitsu")]],
  ["orbit", "orbit.js", [npm("@orbit/jsonapi", "@orbit/records", "@orbit/serializers")]],
  ["devour", "devour.js", [npm("devour-client")]],
  ["jsona", "jsona.js", [npm("jsona")]],
  ["datx", "datx.js", [npm("@datx/core", "@datx/jsonapi")]],
  ["coloquent", "coloquent.js", [npm("coloquent")]],
  ["jsonapi-react", "jsonapi-react.js", [npm("jsonapi-react", "react", "react-dom")]],
  ["openapi-fetch", "openapi-fetch.ts", [npm("openapi-fetch", "openapi-typescript", "typescript"), DOCUMENT]],
  ["jsonapi-requests", "jsonapi-requests.py", [pip("jsonapi-requests")]],
  ["jsonapi-client", "jsonapi-client.py", [pip("jsonapi-client")]],
  ["openapi-python-client", "openapi-python-client.py", [pip("openapi-python-client"), DOCUMENT]],
  [
    "datamodel-code-generator",
    "datamodel-code-generator.py",
    [pip("datamodel-code-generator", "pydantic[email]", "requests"), DOCUMENT],
  ],
];

const passed = new Set(readFileSync(process.argv[2], "utf8").split("\n"));
const page = [read("page.md").trimEnd(), table(), ...CLIENTS.map(section)].join("\n\n") + "\n";
if (process.env.UPDATE_CLIENTS_PAGE === "1") {
  writeFileSync(PAGE, page);
} else if (page !== readFileSync(PAGE, "utf8")) {
  console.error("docs/CLIENTS.md is not what the run produces: UPDATE_CLIENTS_PAGE=1 tests/clients/run writes it");
  process.exit(1);
}

function table() {
  const row = (cells) => `| ${cells.join(" | ")} |`;
  const steps = [...STEPS, ...ROLE_STEPS];
  const rows = CLIENTS.map(([name]) => {
    const marks = steps.map((step) => (passed.has(`${name}\t${step}`) ? "✓" : "–"));
    return row([`[${name}](#${name})`, ...marks]);
  });
  return [row(["", ...steps]), row(["---", ...steps.map(() => "---")]), ...rows].join("\n");
}

function section([name, script, install]) {
  const language = script.split(".").pop();
  const commands = [...install, ...regions("generate", name)].join("\n");
  const quirks = regions(script, "quirks").join("\n").replaceAll(/^(\/\/|#) /gm, "");
  return [`## ${name}`, block("sh", commands), quirks, ...["setup", "example"].map(code)].join("\n\n");

  function code(kind) {
    return block(language, regions(script, kind).map((part) => part.trimEnd()).join("\n\n"));
  }
}

function block(language, text) {
  return `\`\`\`${language}\n${text.trim()}\n\`\`\``;
}

/**
 * The parts of a file between `[name]` and `[/name]`, without their common indentation. The caption of `[name: caption]`
 * becomes a comment.
 */
function regions(file, name) {
  const parts = [];
  let part;
  for (const line of lines(file)) {
    const [, indent, comment, mark, caption] = line.match(/^( *)(\/\/|#) \[([^:\]]*)(?:: (.*))?\]$/) ?? [];
    if (mark === `/${name}`) {
      const indents = part.filter((each) => each.trim()).map((each) => each.search(/\S/));
      parts.push(part.map((each) => each.slice(Math.min(...indents))).join("\n"));
      part = undefined;
    } else if (mark === name) {
      part = caption ? [`${indent}${comment} ${caption}`] : [];
    } else {
      part?.push(line);
    }
  }
  return parts;
}

function lines(file) {
  return read(file).split("\n");
}

function read(file) {
  return readFileSync(new URL(file, import.meta.url), "utf8");
}
