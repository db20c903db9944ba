import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { routesAsCommands } from "../../cli/routes-as-commands.ts";

const route = /\b(?:GET|POST|PUT|PATCH|DELETE) \/[\w/{}$.-]*/;

test("what a refusal says to request is said as the command that does it", () => {
  expect(
    routesAsCommands("it needs one signature of each party: POST /agreement/versions/ag_7/sign"),
  ).toBe("it needs one signature of each party: npx baton agreement sign ag_7");
  expect(routesAsCommands("nothing of the kind")).toBe("nothing of the kind");
});

test("the doctor looks at this machine; of an API elsewhere the address is named", () => {
  const sentence = "this version does not go with the database; GET /readyz says why";
  for (const here of [undefined, "http://127.0.0.1:3000", "http://[::1]:3000"])
    expect(routesAsCommands(sentence, here)).toMatch(/; npx baton doctor says why$/);
  expect(routesAsCommands(sentence, "https://baton.example")).toMatch(
    /; https:\/\/baton.example\/readyz says why$/,
  );
});

test("every route that the detail of a refusal names has its command", () => {
  const files = ["api", "store"].flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter((name) => /\.tsx?$/.test(name))
      .map((name) => `${folder}/${name}`),
  );
  const details = files.flatMap((file) =>
    [...readFileSync(file, "utf8").matchAll(/detail:\s*((?:`[^`]*`|"[^"]*"|[\s+])+)/g)].map(
      ([, text = ""]) =>
        text.replaceAll(/\$\{[^}]*\}/g, "id_1").replaceAll(/["`]\s*\+\s*["`]/g, ""),
    ),
  );
  const naming = details.filter((text) => text.search(route) >= 0);
  expect(naming.length).toBeGreaterThanOrEqual(4);
  expect(naming.filter((text) => routesAsCommands(text).search(route) >= 0)).toEqual([]);
});
