/** What is known of a lead or an account by which people would recognise it. */
export interface Known {
  readonly id: string;
  readonly name?: string | null;
  readonly email?: string | null;
  readonly company?: string | null;
  readonly domain?: string | null;
}

/** What a lead or an account is called: its name, else by what else is known of it, else its id. */
export function called({ id, name, email, company, domain }: Known): string {
  return [name, email, company, domain].find((one) => (one ?? "").trim() !== "") ?? id;
}
