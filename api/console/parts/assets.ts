import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { newRoutes, type Routes } from "../../deps.ts";
import { answerZipped, zip } from "../../http/zipped.ts";
import { paths } from "../paths.ts";

interface Asset {
  /** With the hash of the content, so that a browser may keep it for ever. */
  readonly file: string;
  readonly type: string;
  readonly text: string;
  readonly zipped: Uint8Array<ArrayBuffer>;
}

const css = asset("console.css", "text/css; charset=utf-8");
const script = asset("console.browser.js", "text/javascript; charset=utf-8");
const all = new Map([css, script].map((one) => [one.file, one]));

/**
 * The addresses of style sheet, script and icon, for the frame of a page. The icon is its own
 * address: it is smaller than the headers of a request for it.
 */
export const assets = {
  css: paths.asset(css.file),
  script: paths.asset(script.file),
  icon: `data:image/svg+xml,${encodeURIComponent(contentOf("console.svg").trim())}`,
} as const;

/** GET /console/assets/{file}: style sheet and script, by the hash of their content. */
export function assetRoutes(): Routes {
  const routes = newRoutes();
  routes.get("/console/assets/:file", (c) => {
    const found = all.get(c.req.param("file"));
    if (!found) return c.notFound();
    return answerZipped(c, found, 200, {
      "content-type": found.type,
      "cache-control": "public, max-age=31536000, immutable",
    });
  });
  return routes;
}

function asset(name: string, type: string): Asset {
  const text = contentOf(name);
  const hash = createHash("sha256").update(text).digest("base64url").slice(0, 16);
  return { file: name.replace(/\.(?=\w+$)/, `.${hash}.`), type, text, zipped: zip(text) };
}

function contentOf(name: string): string {
  return readFileSync(fileURLToPath(new URL(`../${name}`, import.meta.url)), "utf8");
}
