import { existsSync } from "node:fs";
import { chromium, type Browser } from "playwright-core";

const usualPaths = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

/** What is said where there is none. */
export const noChromium = "no Chromium found; set CHROMIUM";

/** The Chromium to use: the one that `CHROMIUM` names, else where one usually is; null: none. */
export function findChromium(): string | null {
  const found = process.env["CHROMIUM"] ?? usualPaths.find((path) => existsSync(path)) ?? null;
  return found !== null && existsSync(found) ? found : null;
}

/** Starts the browser, with a profile of its own that asks nobody outside. */
export function launchBrowser(): Promise<Browser> {
  const executablePath = findChromium();
  if (executablePath === null) throw new Error(noChromium);
  return chromium.launch({
    executablePath,
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
