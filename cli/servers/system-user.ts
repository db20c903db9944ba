import { spawnSync } from "node:child_process";

export type SystemUser = { readonly name: string; readonly uid: number; readonly gid: number };

/**
 * The user Postgres runs as. Postgres refuses to run as root, so root lends it another user:
 * `postgres` where the system has one, else `nobody`. Undefined for everyone else: they run it
 * as themselves.
 */
export function postgresUser(): SystemUser | undefined {
  if (process.getuid?.() !== 0) return undefined;
  return lookUp("postgres") ?? lookUp("nobody") ?? { name: "65534", uid: 65_534, gid: 65_534 };
}

/**
 * Can this user enter the folder? Asked of the kernel by trying it as that user, because
 * any folder on the way up may be closed (a checkout under /root is the usual case).
 */
export function canEnter(folder: string, user: SystemUser | undefined): boolean {
  if (!user) return true;
  const tried = spawnSync("/bin/sh", ["-c", 'cd "$0"', folder], {
    uid: user.uid,
    gid: user.gid,
    cwd: "/",
    stdio: "ignore",
    env: { PATH: "/usr/bin:/bin" },
  });
  return tried.status === 0;
}

function lookUp(name: string): SystemUser | undefined {
  const uid = idOf(["-u", name]);
  const gid = idOf(["-g", name]);
  return uid === undefined || gid === undefined ? undefined : { name, uid, gid };
}

function idOf(args: readonly string[]): number | undefined {
  const found = spawnSync("id", [...args], { encoding: "utf8" });
  const id = Number(found.stdout?.trim());
  return found.status === 0 && Number.isInteger(id) && id > 0 ? id : undefined;
}
