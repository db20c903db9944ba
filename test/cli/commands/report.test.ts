import { expect, test } from "vitest";
import { main } from "../../../cli/main.ts";
import { reports } from "../../../store/reports/registry.ts";

async function baton(...args: string[]): Promise<{ code: number; said: string }> {
  const lines: string[] = [];
  const say = (line: string) => void lines.push(line);
  const code = await main(["report", ...args], { out: say, err: say });
  return { code, said: lines.join("\n") };
}

test("without a name it lists every report with its question", async () => {
  const { code, said } = await baton();
  expect(code).toBe(0);
  expect(said).toContain("conservation");
  for (const { name, question } of reports) {
    expect(said).toContain(name);
    expect(said).toContain(question);
  }
});

test.each([
  [["shoes"], /There is no report "shoes"; the reports are conservation, funnel, /],
  [
    ["conservation", "--group-by", "band"],
    /conservation is about all leads and accounts: it takes --from/,
  ],
  [["funnel", "--group-by", "shoe"], /--group-by is "shoe"; expected source, campaign, /],
  [["pool-reviews", "--group-by", "band"], /expected nothing: this report has no groups/],
  [["funnel", "--from", "yesterday"], /--from is "yesterday"; expected a date such as/],
  [["funnel", "--from", "2026-02-30"], /--from is "2026-02-30"; expected a date such as/],
  [
    ["acceptance", "--where", "subject=person"],
    /--where subject is "person"; expected lead, account/,
  ],
  [["funnel", "--where", "subject=account"], /--where is "subject"; expected source, /],
  [["funnel", "--where", "band"], /--where is "band"; expected DIMENSION=VALUE/],
  [["pool-reviews", "--svg"], /"pool-reviews" has no picture; --svg draws funnel, rejections, /],
  [["funnel", "--knowledge", "soon"], /--knowledge is "soon"; expected now, then/],
  [["funnel", "--from", "2026-11-20", "--to", "2026-11-19"], /--from: expected a time before --to/],
  [["funnel", "--as-of", "0001-01-01"], /--as-of: expected a time from 1900 on/],
])("%j is refused and says what was expected", async (args, expected) => {
  const { code, said } = await baton(...args);
  expect([code, said]).toEqual([1, expect.stringMatching(expected)]);
});
