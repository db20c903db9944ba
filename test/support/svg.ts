import { textWidth } from "../../messages/pictures/shapes.ts";

/** A shape of a picture with the box that it needs; texts by the widest letters in use. */
export interface Mark {
  readonly name: string;
  readonly written: string;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** Undoes XML's escapes. */
export const unescaped = (words: string): string =>
  words
    .replaceAll("&quot;", '"')
    .replaceAll("&gt;", ">")
    .replaceAll("&lt;", "<")
    .replaceAll("&amp;", "&");

/** What a picture says to who cannot see it. */
export function saidBy(svg: string): { title: string; description: string } {
  const found = /^<svg [^>]*><title>([^<]*)<\/title><desc>([^<]*)<\/desc>/.exec(svg);
  if (!found) throw new Error(`expected an SVG with title and desc, found ${svg.slice(0, 200)}`);
  return { title: unescaped(found[1] ?? ""), description: unescaped(found[2] ?? "") };
}

/** The visible texts of a picture. */
export const textsOf = (svg: string): string[] =>
  [...svg.matchAll(/<text [^>]*>(?:<title>[^<]*<\/title>)?([^<]*)<\/text>/g)].map(([, words]) =>
    unescaped(words ?? ""),
  );

export function sizeOf(svg: string): { width: number; height: number } {
  const [, width, height] = /viewBox="0 0 (\d+) (\d+)"/.exec(svg) ?? [];
  return { width: Number(width), height: Number(height) };
}

/** Every shape that is drawn; one that is cut at the edge of a box of its own is that box. */
export function marksOf(svg: string): Mark[] {
  const inner = svg
    .replace(/^<svg [^>]*>/, "")
    .replace(/<style>[^<]*<\/style>/, "")
    .replace(/<svg ([^>]*)>.*?<\/svg>/gs, "<rect $1/>");
  const shapes = inner.matchAll(
    /<(rect|line|circle|polyline) ([^>]*)\/>|<(text) ([^>]*)>(?:<title>[^<]*<\/title>)?([^<]*)</g,
  );
  return [...shapes].map(([written, shape, given, text, ofText, words]) => {
    const attributes = Object.fromEntries(
      [...(given ?? ofText ?? "").matchAll(/([\w-]+)="([^"]*)"/g)].map(([, key, value]) => [
        key ?? "",
        value ?? "",
      ]),
    );
    const name = shape ?? text ?? "";
    return { name, written, ...boxOf(name, attributes, unescaped(words ?? "")) };
  });
}

function boxOf(name: string, attributes: Readonly<Record<string, string>>, words: string) {
  const at = (key: string) => {
    const value = Number(attributes[key]);
    if (!Number.isFinite(value)) throw new Error(`${key} of a ${name} is "${attributes[key]}"`);
    return value;
  };
  switch (name) {
    case "rect":
      if (at("width") < 0 || at("height") < 0) throw new Error("a rect is less than nothing");
      return box(at("x"), at("x") + at("width"), at("y"), at("y") + at("height"));
    case "line":
      return box(at("x1"), at("x2"), at("y1"), at("y2"));
    case "circle":
      return box(at("cx") - at("r"), at("cx") + at("r"), at("cy") - at("r"), at("cy") + at("r"));
    case "polyline": {
      const points = (attributes["points"] ?? "")
        .split(" ")
        .map((one) => one.split(",").map(Number));
      const [xs, ys] = [points.map(([x]) => x ?? NaN), points.map(([, y]) => y ?? NaN)];
      return box(Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys));
    }
    case "text": {
      const size = at("font-size");
      const width = textWidth(words, size, attributes["font-weight"] !== undefined);
      const before = { start: 0, middle: width / 2, end: width }[
        attributes["text-anchor"] ?? "start"
      ];
      const left = at("x") - (before ?? NaN);
      return box(left, left + width, at("y") - size, at("y") + size * 0.3);
    }
    default:
      throw new Error(`unknown shape ${name}`);
  }
}

const box = (x1: number, x2: number, y1: number, y2: number) => ({
  left: Math.min(x1, x2),
  right: Math.max(x1, x2),
  top: Math.min(y1, y2),
  bottom: Math.max(y1, y2),
});
