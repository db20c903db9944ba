import { writeFileSync } from "node:fs";
import { agreementSchema } from "../agreement/schema.ts";

/** Writes agreement/agreement.schema.json anew: `node --import tsx tools/agreement-schema.ts`. A test checks that it is current. */
writeFileSync(
  new URL("../agreement/agreement.schema.json", import.meta.url),
  `${JSON.stringify(agreementSchema(), null, 2)}\n`,
);
