import { createHash } from "node:crypto";
import type { ImportFile } from "../../store/intake/run-import.ts";

/** A file in memory, handed out in pieces of `pieceSize` bytes. */
export function fileOf(content: string | Uint8Array, pieceSize = 1000): ImportFile {
  const bytes = Buffer.from(content as Uint8Array);
  return {
    fileHash: createHash("sha256").update(bytes).digest("hex"),
    async *bytes() {
      for (let at = 0; at < bytes.length; at += pieceSize) yield bytes.subarray(at, at + pieceSize);
    },
  };
}

/** `count` rows of people of a few companies, with every awkwardness a cell can have. */
export function peopleCsv(count: number): string {
  const rows = Array.from(
    { length: count },
    (_, n) =>
      `P-${n},"Jo ""${n}"", the ${n % 2 ? "first" : "second"}\nof the ` +
      `line",p${n}@company${n % 40}.com,${n % 300},Web`,
  );
  return `Id,Name,E-mail,Size,Source\n${rows.join("\n")}\n`;
}

export const peopleMap = `
columns: { Id: externalId, Name: lead.name, E-mail: lead.email, Size: account.employees, Source: lead.source }
required: [Id]
`;
