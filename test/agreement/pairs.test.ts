import { expect, test } from "vitest";
import { parseAgreement } from "../../agreement/parse.ts";
import { edited, exampleText } from "../support/example-agreement.ts";
import { seededRandom } from "../support/generated-leads.ts";
import { mistakes, type Mistake } from "./mistakes.ts";

const said = (text: string) => {
  const parsed = parseAgreement(text);
  const all = [...(parsed.ok ? [] : parsed.problems), ...parsed.warnings];
  // What stands for a value that could not be read is in no message: ` leadTypes[0].name`, NaN.
  for (const { path, message } of all)
    expect(`${path}: ${message}`).not.toMatch(/" \w+[.[]\w|\( | {2}|\bNaN\b|\bundefined\b/);
  return all.map(
    // What was found or is known elsewhere may be told otherwise beside another mistake.
    ({ line, path, message }) => `${line} ${path}: ${message.split(/[,;(]/)[0]}`,
  );
};
const alone = mistakes.map((mistake) => said(edited(mistake)));

test.each(mistakes.map((mistake, n) => [mistake[1], mistake, alone[n]] as const))(
  "%s is one mistake with one message, on its line",
  (_, [from, to], messages) => {
    expect(messages).toHaveLength(1);
    const first = exampleText.slice(0, exampleText.indexOf(from)).split("\n").length;
    const line = Number(messages?.[0]?.split(" ")[0]);
    // Of a thing that stands on several lines, the message may be at any of them.
    expect(line).toBeGreaterThanOrEqual(first - 4);
    expect(line).toBeLessThanOrEqual(first + to.split("\n").length);
  },
);

const seed = Number(process.env["SEED"] ?? 4_719);

test(`of two mistakes each is told as it is alone (SEED=${seed})`, { timeout: 120_000 }, () => {
  const random = seededRandom(seed);
  const drawn = () => Math.floor(random() * mistakes.length);
  const wrong: unknown[] = [];
  for (let n = 0; n < 120; n++) {
    const [a, b] = [drawn(), drawn()];
    const [one, other] = [mistakes[a]!, mistakes[b]!];
    if (a === b || !fits(one, other)) continue;
    const together = said(edited(one, other)).toSorted();
    const each = [...alone[a]!, ...alone[b]!].toSorted();
    if (JSON.stringify(together) !== JSON.stringify(each))
      wrong.push({ mistakes: [one[1], other[1]], together, each });
  }
  expect(wrong).toEqual([]);
});

/** Whether the second can still be made after the first. */
function fits(one: Mistake, other: Mistake): boolean {
  return edited(one).includes(other[0]);
}
