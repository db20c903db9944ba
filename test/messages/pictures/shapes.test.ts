import { describe, expect, test } from "vitest";
import {
  alikeFitting,
  bar,
  line,
  palettes,
  pictureStyle,
  roundAbove,
  svg,
  textMark,
  textWidth,
  wrapped,
} from "../../../messages/pictures/shapes.ts";

/** WCAG 2.2: the relation of the luminances of two colours. */
function contrast(a: string, b: string): number {
  const luminance = (colour: string) => {
    const [r = 0, g = 0, b = 0] = [1, 3, 5]
      .map((at) => Number.parseInt(colour.slice(at, at + 2), 16) / 255)
      .map((one) => (one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const [low = 0, high = 0] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (high + 0.05) / (low + 0.05);
}

describe.each(Object.entries(palettes))("the colours for %s", (_, palette) => {
  test.each(["ink", "dim", "few"] as const)("%s is legible as text", (role) => {
    expect(contrast(palette[role], palette.paper)).toBeGreaterThanOrEqual(4.5);
  });

  test.each(["main", "goalEdge"] as const)("%s is seen as a mark, also on the band", (role) => {
    expect(contrast(palette[role], palette.paper)).toBeGreaterThanOrEqual(3);
    expect(contrast(palette[role], palette.goal)).toBeGreaterThanOrEqual(3);
  });
});

test("paper is printed in black and grey", () => {
  for (const colour of Object.values(palettes.print))
    expect(colour).toMatch(/^#([0-9a-f]{2})\1\1$/);
});

test("without a style the colours are those of the light palette, on their own paper", () => {
  const drawn = svg({ width: 10, height: 10 }, "t", "d", [bar(0, 0, 1, 1, "main")]);
  expect(drawn).toContain(`fill="${palettes.light.paper}"`);
  expect(drawn).toContain(`class="f-main" fill="${palettes.light.main}"`);
  expect(drawn).not.toContain("style=");
  // What is printed wins over a dark screen.
  expect(pictureStyle.indexOf("print")).toBeGreaterThan(pictureStyle.indexOf("dark"));
});

test.each([NaN, Infinity, -Infinity])("a shape at %d is refused, not drawn", (place) => {
  expect(() => bar(place, 0, 1, 1, "main")).toThrow(/^x of a rect is /);
  expect(() => line(0, 0, 0, place, "main")).toThrow(/^y2 of a line is /);
});

describe("text", () => {
  test("is never markup", () => {
    expect(textMark(0, 0, `<b onclick="x">&amp;</b>`)).toContain(
      ">&lt;b onclick=&quot;x&quot;&gt;&amp;amp;&lt;/b&gt;<",
    );
  });

  test("that has no room is cut, and whole in the title", () => {
    const drawn = textMark(0, 0, "a rather long name", { within: 60 });
    expect(drawn).toContain("<title>a rather long name</title>a rathe…");
    expect(textMark(0, 0, "short", { within: 60 })).not.toContain("<title>");
  });

  test("is cut between letters, not within one", () => {
    const family = "\u{1f469}\u200d\u{1f469}\u200d\u{1f467}";
    const drawn = textMark(0, 0, family.repeat(9), { within: 60 });
    expect(drawn).toMatch(new RegExp(`</title>(${family})+…</text></svg>$`));
  });

  test("in letters of unknown width ends at the edge of its box", () => {
    expect(textMark(4, 20, "東京都", { within: 60 })).toMatch(
      /^<svg x="4" y="5" width="60" height="20" overflow="hidden"><text x="0" y="15"/,
    );
  });

  test.each([
    ["control characters", "a\u0000b\u001bc\u007fd\u009fe", "abcde"],
    ["line breaks", "a\r\n\tb\u2028c", "a b c"],
    ["what turns the direction", "a\u202eb\u2066c\u200f", "abc"],
    ["half a letter", "a\ud800b\udc00c\uffff", "a\ufffdb\ufffdc\ufffd"],
    ["a tower of marks", `a${"\u0301".repeat(50)}`, `a${"\u0301".repeat(3)}`],
  ])("with %s is one line that XML allows", (_, given, expected) => {
    expect(textMark(0, 0, given)).toContain(`>${expected}</text>`);
  });
});

test("lines are as wide as they may be, and no word is wider", () => {
  const lines = wrapped(`${"one two three ".repeat(20)}${"x".repeat(200)}`, 200, 12);
  for (const words of lines) expect(textWidth(words, 12)).toBeLessThanOrEqual(200);
  expect(lines.slice(0, -1).join(" ")).toBe("one two three ".repeat(20).trim());
  expect(lines.at(-1)).toMatch(/^x+…$/);
});

test("labels of one column are in one form: the longest in which all fit", () => {
  const labels = [["66 %, 2 of 3", "66 %"], ["50 %, 100,000 of 200,000", "50 %"], ["no cases"]];
  expect(alikeFitting(labels, 500, 12)).toEqual([
    "66 %, 2 of 3",
    "50 %, 100,000 of 200,000",
    "no cases",
  ]);
  expect(alikeFitting(labels, 120, 12)).toEqual(["66 %", "50 %", "no cases"]);
  expect(alikeFitting(labels, 1, 12)).toEqual(["66 %", "50 %", "no cases"]);
});

test.each([
  [[], 1],
  [[0], 1],
  [[1], 1],
  [[7, 3], 8],
  [[41], 50],
  [[0.03], 0.03],
  [[999], 1000],
  [[1_000_001], 2_000_000],
])("the scale of %j ends at %d", (values, end) => {
  expect(roundAbove(values)).toBeCloseTo(end);
});
