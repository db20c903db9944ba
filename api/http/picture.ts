import { createHash } from "node:crypto";
import type { Context } from "hono";
import { pictureStyle } from "../../messages/pictures/shapes.ts";
import type { AppEnv } from "../deps.ts";

/** Of a picture that is opened by itself nothing runs, and nothing is loaded. */
const picturePolicy = [
  "default-src 'none'",
  `style-src 'sha256-${createHash("sha256").update(pictureStyle).digest("base64")}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "sandbox",
].join("; ");

/** A picture as an answer. */
export function pictureAnswer(c: Context<AppEnv>, text: string, name: string): Response {
  return c.body(text, 200, {
    "content-type": "image/svg+xml; charset=utf-8",
    "content-disposition": `inline; filename="${name}.svg"`,
    "content-security-policy": picturePolicy,
  });
}
