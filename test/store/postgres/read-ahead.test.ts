import { describe, expect, test } from "vitest";
import { readAhead } from "../../../store/postgres/read-ahead.ts";

type NumberPage = { readonly last: number | undefined; readonly rows: readonly number[] };

/** Pages of two of the numbers up to `most`; what was asked for is noted. */
function numbersUpTo(most: number, asked: (number | undefined)[] = []) {
  return (last: number | undefined): Promise<NumberPage> => {
    asked.push(last);
    const rows = [1, 2].map((step) => (last ?? 0) + step).filter((n) => n <= most);
    return Promise.resolve({ last: rows.at(-1), rows });
  };
}

async function taken(pages: AsyncIterable<NumberPage>): Promise<number[]> {
  const found: number[] = [];
  for await (const { rows } of pages) found.push(...rows);
  return found;
}

describe("reading ahead", () => {
  test.each([0, 1, 2, 5])("every page comes once and in order: %i rows", async (most) => {
    const all = Array.from({ length: most }, (_, n) => n + 1);
    expect(await taken(readAhead(numbersUpTo(most)))).toEqual(all);
  });

  test("the next page is being read while one is worked on, and no other", async () => {
    const asked: (number | undefined)[] = [];
    const seen: number[] = [];
    for await (const _ of readAhead(numbersUpTo(5, asked))) seen.push(asked.length);
    expect(seen).toEqual([2, 3, 4]);
    expect(asked).toEqual([undefined, 2, 4, 5]);
  });

  test("a page that cannot be read is told once those before it were worked on", async () => {
    const worked: number[] = [];
    const read = numbersUpTo(9);
    const pages = readAhead((last: number | undefined) =>
      last === 4 ? Promise.reject(new Error("cut")) : read(last),
    );
    await expect(
      (async () => {
        for await (const { rows } of pages) worked.push(...rows);
      })(),
    ).rejects.toThrow("cut");
    expect(worked).toEqual([1, 2, 3, 4]);
  });

  test.each(["answered", "cut"])(
    "who leaves in the middle leaves nothing that is being read: it is %s",
    async (how) => {
      let isRead = false;
      const read = numbersUpTo(9);
      const pages = readAhead(async (last: number | undefined) => {
        if (last === undefined) return read(last);
        await new Promise(setImmediate);
        isRead = true;
        if (how === "cut") throw new Error("cut");
        return read(last);
      });
      const leaves = async () => {
        for await (const _ of pages) throw new Error("cancelled");
      };
      await expect(leaves()).rejects.toThrow("cancelled");
      expect(isRead).toBe(true);
    },
  );
});
