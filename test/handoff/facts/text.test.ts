import { readFileSync, readdirSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  fold,
  inForm,
  isStorable,
  wordOf,
  matchesGlob,
  sameText,
} from "../../../handoff/facts/text.ts";

describe("text compares after trimming, NFKC and case folding", () => {
  test.each([
    [" United States ", "united states"],
    ["Straße", "STRASSE"],
    ["ΟΔΟΣ", "οδος"],
    ["Ｓｏｆｔｗａｒｅ", "software"],
    ["ﬁnance", "Finance"],
    ["Zürich", "Zu\u0308rich"],
    ["\u00a0sla\u3000", "SLA"],
  ])("%s equals %s", (a, b) => expect(sameText(a, b)).toBe(true));

  test.each([
    ["US", "USA"],
    ["a b", "ab"],
    ["resume", "résumé"],
  ])("%s does not equal %s", (a, b) => expect(sameText(a, b)).toBe(false));

  test("folding any single character again changes nothing, and the capital sharp s is the small one", () => {
    for (let point = 0; point <= 0x10ffff; point++) {
      if (point >= 0xd800 && point <= 0xdfff) continue;
      const text = String.fromCodePoint(point);
      const folded = fold(text);
      if (fold(folded) !== folded)
        expect.fail(`U+${point.toString(16)} folds to ${folded}, then to ${fold(folded)}`);
    }
    expect(fold("STRAẞE")).toBe(fold("Straße"));
  });

  test("thirty marks on a letter are put in order, and more are parted, so that nothing takes long", () => {
    for (const form of ["NFC", "NFD", "NFKC", "NFKD"] as const) {
      const few = `e${"\u0301\u0323".repeat(15)}`;
      expect(inForm(few, form)).toBe(few.normalize(form));
      // To order these in one piece takes Node ten seconds and more.
      const many = `e${"\u0301\u0323".repeat(50_000)}`;
      const once = inForm(many, form);
      expect(once.replaceAll("\u034f", "").length).toBeGreaterThan(99_990);
      expect(inForm(once, form)).toBe(once);
    }
    const marked = `a${"\u0344".repeat(400)}`;
    expect(fold(fold(marked))).toBe(fold(marked));
  });

  test("a word of a list is found however it is written, and a long text is none", () => {
    const words = ["Straße", "İstanbul", "", "각"];
    expect(wordOf(" STRASSE\u00a0", words)).toBe("Straße");
    expect(wordOf("\u1100\u1161\u11a8", words)).toBe("각");
    expect(wordOf(" \u3000", words)).toBe("");
    expect(wordOf("Strasse x", words)).toBeUndefined();
    expect(wordOf("", ["a"])).toBeUndefined();
    const long = `e${"\u0301".repeat(30_000)}`;
    const many = Array.from({ length: 20_000 }, (_, n) => `word ${n}`);
    expect(wordOf(long, many)).toBeUndefined();
  });

  test("nobody normalises text otherwise", () => {
    const root = new URL("../../../", import.meta.url);
    const found = ["handoff", "spellings", "agreement", "store", "api", "messages", "crm"].flatMap(
      (folder) =>
        readdirSync(new URL(folder, root), { recursive: true, encoding: "utf8" })
          .filter((name) => name.endsWith(".ts"))
          .map((name) => `${folder}/${name}`)
          .filter((name) => readFileSync(new URL(name, root), "utf8").includes(".normalize(")),
    );
    expect(found).toEqual(["handoff/facts/text.ts"]);
  });

  test("folding twice changes nothing", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        expect(fold(fold(text))).toBe(fold(text));
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("a glob is a glob", () => {
  test.each([
    ["VP Engineering", "*engineer*", true],
    ["Engineer", "engineer*", true],
    ["Chief Engineer", "engineer*", false],
    ["a.b", "a.b", true],
    ["axb", "a.b", false],
    ["aba", "*aba*aba*", false],
    ["aa", "a*a", true],
    ["a", "a*a", false],
    ["", "*", true],
    ["anything", "**", true],
    ["(x)[y]{z}", "(x)*{z}", true],
  ])("%s like %s: %s", (text, glob, held) => expect(matchesGlob(text, glob)).toBe(held));

  test("agrees with a matcher that tries every split", () => {
    const slow = (text: string, glob: string): boolean => {
      if (glob === "") return text === "";
      if (glob[0] === "*")
        return Array.from({ length: text.length + 1 }, (_, i) => i).some((i) =>
          slow(text.slice(i), glob.slice(1)),
        );
      return text[0] === glob[0] && slow(text.slice(1), glob.slice(1));
    };
    const letters = (unit: string[]) => fc.string({ unit: fc.constantFrom(...unit), maxLength: 9 });
    fc.assert(
      fc.property(letters(["a", "b"]), letters(["a", "b", "*"]), (text, glob) => {
        expect(matchesGlob(text, glob)).toBe(slow(text, glob));
      }),
      { numRuns: 5_000 },
    );
  });

  test("a pattern made to be slow is not", () => {
    const started = performance.now();
    expect(matchesGlob("a".repeat(100_000), `${"*a".repeat(90)}b`)).toBe(false);
    expect(performance.now() - started).toBeLessThan(1_000);
  });
});

test("NUL and broken surrogates cannot be stored, an emoji can", () => {
  expect([isStorable("ok \u{1f600}"), isStorable("a\u0000b"), isStorable("\ud83d")]).toEqual([
    true,
    false,
    false,
  ]);
});
