import { randomBytes } from "node:crypto";
import { accessSync, constants, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CommandError } from "./command.ts";

/** The data folder of one Baton (`BATON_HOME`) and what lies in it. */
export type Home = {
  readonly folder: string;
  readonly logs: string;
  readonly temporalDatabase: string;
  readonly operatorToken: string;
  /** Heads of the audit trail, outside of the database. */
  readonly auditAnchors: string;
};

/** Paths only; nothing is made or read. */
export function homeAt(folder: string): Home {
  return {
    folder,
    logs: join(folder, "logs"),
    temporalDatabase: join(folder, "temporal.db"),
    operatorToken: join(folder, "operator-token"),
    auditAnchors: join(folder, "audit-anchors.jsonl"),
  };
}

/**
 * Makes the folder when it is not there. Throws a `CommandError` when it cannot be made, read or
 * written.
 */
export function openHome(folder: string): Home {
  const home = homeAt(folder);
  try {
    mkdirSync(home.logs, { recursive: true });
    for (const path of [folder, home.logs])
      accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    throw new CommandError(
      `The data folder ${folder} cannot be used (${code}); make it readable and writable for ` +
        "this user or set BATON_HOME to another folder.",
    );
  }
  return home;
}

/**
 * The operator's token: read when it is there, else made once. The file is for this user's eyes
 * only.
 */
export function operatorToken(home: Home): string {
  if (!existsSync(home.operatorToken)) {
    const made = `bt_${randomBytes(24).toString("base64url")}`;
    writeFileSync(home.operatorToken, `${made}\n`, { mode: 0o600, flag: "wx" });
  }
  const token = readFileSync(home.operatorToken, "utf8").trim();
  if (/^bt_\S{20,}$/.test(token)) return token;
  throw new CommandError(
    `${home.operatorToken} does not hold an operator token (bt_ and at least 20 characters); ` +
      "delete the file to get a new one.",
  );
}
