import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ApiClient } from "../../../cli/api-client.ts";
import { byApi, runByApi } from "../../../cli/commands/agreement-versions.ts";
import { peopleWorld, type PeopleWorld, type Persona } from "../../support/people-world.ts";

let world: PeopleWorld;
let folder: string;
beforeAll(async () => {
  world = await peopleWorld();
  folder = mkdtempSync(join(tmpdir(), "baton-versions-"));
}, 60_000);
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await world.close();
});

/** Speaks to the API as the command does. */
const apiAs =
  (as: Persona): ApiClient =>
  async (method, path, body, key) => {
    const headers = key === undefined ? {} : { "idempotency-key": key };
    const { status, body: reply } = await world.ask(method, path, { as, body, headers });
    return { status, body: reply };
  };

async function run(
  verb: string,
  about: string,
  { as = "revops", json = false }: { as?: Persona; json?: boolean } = {},
): Promise<{ code: number; out: string[] }> {
  const out: string[] = [];
  const io = { out: (line: string) => void out.push(line), err: () => undefined };
  const code = await byApi[verb]!.run({ api: apiAs(as), about, given: { json }, io });
  return { code, out };
}

let edits = 0;
/** A file that changes one deadline, another one at each call. */
function file(): string {
  const path = join(folder, `draft-${++edits}.yaml`);
  const text = world.agreementText.replace("status: same day", "status: 1 business day");
  writeFileSync(path, `${text}\n# edit ${edits}\n`);
  return path;
}

async function proposed(): Promise<string> {
  const { out } = await run("propose", file(), { json: true });
  return (JSON.parse(out[0]!) as { id: string }).id;
}

describe("a version on the command line", { timeout: 180_000 }, () => {
  test("is proposed, read, signed by two people and activated; each step names the next", async () => {
    const { out } = await run("propose", file());
    expect(out).toContain("  status of demo-request: same day -> 1 business day");
    const id = /(ag_\w+), version \d+, is proposed/.exec(out.join("\n"))?.[1] ?? "";
    expect(out.at(-1)).toBe(`It needs 2 more: \`baton agreement sign ${id}\``);
    expect((await run("plan", id, { as: "leader" })).out).toEqual(out);
    expect((await run("sign", id, { as: "leader" })).out.at(-1)).toContain("It needs 1 more");
    expect((await run("sign", id, { as: "salesLeader" })).out.at(-1)).toBe(
      `Next: \`baton agreement activate ${id}\``,
    );
    expect((await run("activate", id)).out.join("\n")).toMatch(/is active; signed by marketing/);
    expect((await run("versions", "")).out[0]).toMatch(
      new RegExp(`^${id}  version \\d+  active, by \\S+, active since `),
    );
    const { versions } = JSON.parse((await run("versions", "", { json: true })).out[0]!) as {
      versions: { id: string; state: string }[];
    };
    expect(versions.slice(0, 2).map(({ state }) => state)).toEqual(["active", "retired"]);
  });

  test("goes back to what was active before, by a new version", async () => {
    const { versions } = JSON.parse((await run("versions", "", { json: true })).out[0]!) as {
      versions: { id: string; number: number; state: string }[];
    };
    const old = versions.find(({ state }) => state === "retired")!;
    const { out } = await run("rollback", old.id);
    expect(out).toContain("  status of demo-request: 1 business day -> same day");
    expect(out.at(-1)).toMatch(/^It needs 2 more/);
    await expect(run("rollback", "ag_none")).rejects.toThrow(/no version "ag_none"/);
    await expect(run("rollback", versions[0]!.id)).rejects.toThrow(/active before/);
  });

  test("refuses with what to do instead", async () => {
    const id = await proposed();
    await expect(run("sign", id, { as: "revops" })).rejects.toThrow(/give a leader's token/);
    await expect(run("activate", id)).rejects.toThrow(/one signature of each party/);
    for (const verb of ["plan", "sign"])
      await expect(run(verb, "ag_none")).rejects.toThrow(/no version "ag_none"; `baton agreement/);
    await expect(run("propose", join(folder, "absent.yaml"))).rejects.toThrow(/ENOENT/);
    const broken = join(folder, "broken.yaml");
    writeFileSync(broken, world.agreementText.replace("path: fast", "path: quick"));
    await expect(run("propose", broken)).rejects.toThrow(/broken\.yaml:\d+:\d+ leadTypes/);
  });

  test.each([
    ["propose", [], /Name a file: `baton agreement propose FILE`/],
    ["sign", [], /Name a version/],
    ["sign", ["ag_1", "ag_2"], /Name a version/],
    ["versions", ["ag_1"], /takes no argument/],
  ])("%s %j says what it takes", async (verb, args, said) => {
    const io = { out: () => undefined, err: () => undefined };
    await expect(runByApi(verb, args, io)).rejects.toThrow(said);
  });
});
