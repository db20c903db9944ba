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
