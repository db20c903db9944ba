import { hash } from "node:crypto";

/**
 * What is stored of a secret that somebody holds: a token, a session, a link. Secrets have 256 random
 * bits, so a plain hash is enough.
 */
export function hashOfSecret(secret: string): string {
  return hash("sha256", secret, "hex");
}
