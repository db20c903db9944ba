import { existsSync } from "node:fs";
import { describe } from "vitest";
import { chromium, type Browser } from "playwright-core";

const usualPaths = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

/** The Chromium to use: the one that `CHROMIUM` names, else where one usually is. */
const found = process.env["CHROMIUM"] ?? usualPaths.find((path) => existsSync(path)) ?? null;
const isMissing = found === null || !existsSync(found);
const missing = "no Chromium found; set CHROMIUM";
if (isMissing) {
  // Where nobody reads what was skipped, a browser is a must.
  if (process.env["CI"]) throw new Error(missing);
  process.stderr.write(`${missing}\n`);
}

/** Tests that need a browser; skipped where there is none. */
export const describeInBrowser = describe.skipIf(isMissing);

/** Starts the browser, with a profile of its own that asks nobody outside. */
export function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: found ?? "",
    headless: true,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}
