// Writes the CSV files of a company of 10,000 people, for the tests of large charts: `node company.js FOLDER`.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

export const SIZE = 10_000;
/** The id of the first person, who is above all others. */
export const CHIEF = 2_000;
/** The person with 200 direct reports. */
export const MANAGER = CHIEF + 3;
/** The last person joined on the second day, all others on the first. */
export const [FIRST_DAY, SECOND_DAY] = ["2025-03-03", "2025-04-07"];

const FIRST = "Aino Oskar Elena Mateusz Yuki Amara Juhani Sofía David Ingrid Liam Mei Pirjo Tomás Nora Felix Inês Hugo Lena Pavel".split(" ");
const LAST = "Virtanen Johansson Petrova Kowalczyk Tanaka Okafor Nieminen Herrera Benami Solberg Gallagher Chen Heikkinen Novák Larsen Meyer Costa Dubois Weber Horák".split(" ");

/** How many people report to the person with this index. */
const reports = (index) => (index === 0 ? 8 : index === MANAGER - CHIEF ? 200 : 3 + ((index * 7_919) % 9));

function write(folder) {
  const users = ["id,email,first-name,last-name,job-title,unit,created-at"];
  const edges = ["user,relationship,target,created-at"];
  let [boss, taken] = [0, 0];
  for (let index = 0; index < SIZE; index++) {
    const day = index === SIZE - 1 ? SECOND_DAY : FIRST_DAY;
    const title = index === 0 ? "Chief executive officer" : `Specialist ${index % 90}`;
    users.push(`${CHIEF + index},p${index}@big.example,${FIRST[index % 20]},${LAST[Math.floor(index / 20) % 20]} ${index},${title},Unit ${index % 40},${day}T08:00:00Z`);
    if (index === 0) continue;
    if (taken === reports(boss)) [boss, taken] = [boss + 1, 0];
    taken++;
    edges.push(`${CHIEF + index},subordinate,${CHIEF + boss},${day}T08:00:00Z`);
  }
  writeFileSync(join(folder, "users.csv"), `${users.join("\n")}\n`);
  writeFileSync(join(folder, "edges.csv"), `${edges.join("\n")}\n`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) write(process.argv[2]);
