import { describe } from "vitest";
import { findChromium, noChromium } from "./chromium.ts";

export { launchBrowser } from "./chromium.ts";

const isMissing = findChromium() === null;
if (isMissing) {
  // Where nobody reads what was skipped, a browser is a must.
  if (process.env["CI"]) throw new Error(noChromium);
  process.stderr.write(`${noChromium}\n`);
}

/** Tests that need a browser; skipped where there is none. */
export const describeInBrowser = describe.skipIf(isMissing);
