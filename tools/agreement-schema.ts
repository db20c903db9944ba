import { writeFileSync } from "node:fs";
import { agreementReference } from "../agreement/reference.ts";
import { agreementSchema } from "../agreement/schema.ts";

/**
 * Writes agreement/agreement.schema.json and docs/agreement-reference.md anew: `node --import tsx
 * tools/agreement-schema.ts`. Tests check that they are current.
 */
const schema = agreementSchema();
write("../agreement/agreement.schema.json", `${JSON.stringify(schema, null, 2)}\n`);
write("../docs/agreement-reference.md", agreementReference(schema));

function write(path: string, text: string): void {
  writeFileSync(new URL(path, import.meta.url), text);
}
